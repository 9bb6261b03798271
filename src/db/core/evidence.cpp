#include "db/evidence.h"

#include <fmt/format.h>

#include "db/verifier.h"

namespace isobar::db {

namespace {

Status check(const SameTimestamp& e, Verifier& verifier) {
  const TxId first = e.first.tx.id(), second = e.second.tx.id();
  if (first == second || e.first.tx.timestamp != e.second.tx.timestamp) return invalid("these are not two with one timestamp");
  TRY(verifier.transaction(e.first, first));
  return verifier.transaction(e.second, second);
}

Status check(const TwoVotes& e, Verifier& verifier) {
  const bool both_ways = e.first.signer == e.second.signer && e.first.statement.tx == e.second.statement.tx &&
                         e.first.statement.vote != e.second.statement.vote;
  if (!both_ways) return invalid("these are not votes of one replica both ways on one transaction");
  if (!verifier.holds(e.first) || !verifier.holds(e.second)) return invalid("one of the votes is not signed by the replica");
  return {};
}

Status check(const TwoDecisions& e, Verifier& verifier) {
  const TxId id = e.first.tx.tx.id();
  const bool both_ways = e.second.tx.tx.id() == id && e.first.certificate.decision != e.second.certificate.decision;
  if (!both_ways) return invalid("these are not two decisions on one transaction");
  TRY(verifier.decided(e.first, id));
  return verifier.decided(e.second, id);
}

}  // namespace

std::string accused_by(const Evidence& evidence) {
  if (const auto* e = std::get_if<SameTimestamp>(&evidence)) return fmt::format("client {}", e->first.tx.timestamp.client);
  if (const auto* e = std::get_if<TwoVotes>(&evidence)) return fmt::format("replica {}.{}", e->first.signer.shard, e->first.signer.index);
  return "more than f replicas";
}

std::string_view what_is_shown_by(const Evidence& evidence) {
  static constexpr std::string_view kWords[] = {"used one timestamp twice", "voted both ways", "made two decisions final"};
  return kWords[evidence.index()];
}

TxId subject_of(const Evidence& evidence) {
  if (const auto* e = std::get_if<SameTimestamp>(&evidence)) return e->first.tx.id();
  if (const auto* e = std::get_if<TwoVotes>(&evidence)) return e->first.statement.tx;
  return std::get<TwoDecisions>(evidence).first.certificate.tx;
}

Status check_evidence(const Evidence& evidence, Verifier& verifier) {
  return std::visit([&](const auto& e) { return check(e, verifier); }, evidence);
}

}  // namespace isobar::db
