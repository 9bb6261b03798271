// db evidence: who was seen to lie, with the proof checked again.

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <boost/json.hpp>

#include "base/text_table.h"
#include "command.h"
#include "crypto/encoding.h"
#include "db/ed25519_scheme.h"
#include "db/evidence_file.h"
#include "db/verifier.h"
#include "db_members.h"

namespace isobar::app {

namespace {

namespace json = boost::json;

struct EvidenceOptions : DbMember {
  std::string output = "table";
};

struct Row {
  db::KeptEvidence kept;
  Status proof;
};

Result<std::vector<Row>> read_rows(const EvidenceOptions& o) {
  const fs::path folder = o.folder;
  TRY_ASSIGN(const auto cluster, db::read_cluster(o.cluster.empty() ? folder / ".." / "cluster.yaml" : fs::path(o.cluster)));
  TRY_ASSIGN(auto all, db::read_evidence(folder / "evidence.log"));
  const db::Ed25519Scheme scheme;
  db::Verifier verifier(cluster.membership, scheme);
  std::vector<Row> rows;
  for (auto& kept : all) {
    Status proof = check_evidence(kept.evidence, verifier);
    rows.push_back({std::move(kept), std::move(proof)});
  }
  return rows;
}

json::value to_json(const Row& row) {
  json::object object{{"seen", format_instant(row.kept.seen)},
                      {"accused", accused_by(row.kept.evidence)},
                      {"what", what_is_shown_by(row.kept.evidence)},
                      {"transaction", crypto::to_hex({reinterpret_cast<const char*>(subject_of(row.kept.evidence).hash.data()), 32})},
                      {"proven", row.proof.ok()},
                      {"proof", crypto::to_base64(db::encode(row.kept.evidence))}};
  if (!row.proof.ok()) object["why_not"] = row.proof.error().message();
  return object;
}

int evidence(Context& context, const EvidenceOptions& o) {
  const auto rows = read_rows(o);
  if (!rows.ok()) return context.console().fail(rows.error());
  if (o.output == "json") {
    json::array array;
    for (const auto& row : *rows) array.push_back(to_json(row));
    context.console().print(json::serialize(array) + "\n");
    return kOk;
  }
  if (rows->empty()) {
    context.console().print("Nothing: this member has seen nobody contradict itself.\n");
    return kOk;
  }
  TextTable table({"SEEN", "ACCUSED", "WHAT", "TRANSACTION", "PROOF"});
  for (const auto& [kept, proof] : *rows)
    table.add({format_instant(kept.seen), accused_by(kept.evidence), std::string(what_is_shown_by(kept.evidence)),
               db::short_name(subject_of(kept.evidence)), proof.ok() ? "holds" : proof.error().message()});
  context.console().print(table.render());
  return kOk;
}

}  // namespace

void add_db_evidence_commands(Commands& commands, CLI::App* group) {
  auto o = std::make_shared<EvidenceOptions>();
  auto* command = commands.add(group, "evidence", "Who was seen to contradict itself; each proof is checked again, by cluster.yaml alone.",
                               [o](Context& context) { return evidence(context, *o); });
  add_db_member_options(*command, *o, "the member that saw it");
  command->add_option("-o,--output", o->output, "table or json; json has the proofs, for others.")->check(CLI::IsMember({"table", "json"}));
}

}  // namespace isobar::app
