#include "db/cluster_file.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "crypto/encoding.h"
#include "yaml/field_reader.h"

namespace isobar::db {

namespace {

constexpr Duration kCertificateLife = std::chrono::hours(24 * 3650);

template <class Bytes>
std::string hex(const Bytes& bytes) {
  return crypto::to_hex({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

/// Reads a field of so many bytes in hexadecimal.
bool read_bytes(FieldReader& fields, const char* name, std::span<std::uint8_t> into) {
  std::string text;
  fields.text(name, text);
  const auto bytes = crypto::from_hex(text);
  if (!bytes.ok() || bytes->size() != into.size()) {
    fields.report(name, fmt::format("expected {} bytes in hexadecimal", into.size()));
    return false;
  }
  std::copy(bytes->begin(), bytes->end(), into.begin());
  return true;
}

std::optional<std::pair<std::string, std::uint16_t>> host_and_port(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos || colon == 0) return std::nullopt;
  char* end = nullptr;
  const long port = std::strtol(text.c_str() + colon + 1, &end, 10);
  if (*end != 0 || port < 1 || port > 65535) return std::nullopt;
  return std::pair(text.substr(0, colon), static_cast<std::uint16_t>(port));
}

Result<YamlNode> read_document(const fs::path& file) {
  TRY_ASSIGN(const std::string text, read_file(file));
  TRY_ASSIGN(auto documents, read_yaml(text, file.string()));
  return std::move(documents.front());
}

Status finish(const Problems& problems) {
  if (problems.empty()) return {};
  return invalid(problems.text());
}

/// Of a client that may not do everything.
std::optional<Rights> read_rights(FieldReader& fields) {
  Rights rights;
  const bool reads = fields.text_list("read", rights.read), writes = fields.text_list("write", rights.write);
  if (!reads && !writes) return std::nullopt;
  if (!reads) rights.read = {""};
  if (!writes) rights.write = {""};
  return rights;
}

/// Whether a name can be told from others in a table, and written between quotes as it is.
bool is_plain(const std::string& name) {
  return !name.empty() && name.size() <= 100 && name == trim(name) && std::none_of(name.begin(), name.end(), [](char c) {
    return static_cast<unsigned char>(c) < ' ' || c == '"' || c == '\\' || c == 0x7f;
  });
}

void read_domain(const YamlField& field, const std::string& path, Problems& problems, Domains& domains) {
  const std::string where = path + "." + field.key.text;
  const auto domain = scalar_text(field.value, where, problems, "the name of a domain");
  if (!domain) return;
  if (is_plain(field.key.text) && is_plain(*domain)) domains[field.key.text] = *domain;
  else problems.add(field.value.mark, where, "expected a name of 1 to 100 characters without quotes, backslashes and line ends");
}

/// HOST:PORT, or {at: HOST:PORT, KIND: DOMAIN, …}
PlannedReplica read_planned(const YamlNode& node, const std::string& path, Problems& problems) {
  PlannedReplica replica;
  const bool labelled = node.kind == YamlNode::Kind::kMap;
  const YamlNode* at = labelled ? node.find("at") : &node;
  const auto place = at ? host_and_port(at->text) : std::nullopt;
  if (place) std::tie(replica.host, replica.port) = *place;
  else
    problems.add(at ? at->mark : node.mark, path,
                 fmt::format("expected HOST:PORT, or {{at: HOST:PORT, cloud: NAME, …}}, got {}", at ? describe_node(*at) : "no 'at'"));
  for (const auto& field : node.fields)
    if (field.key.text != "at") read_domain(field, path, problems, replica.domains);
  return replica;
}

std::string text_of(const Domains& domains) {
  std::string text;
  for (const auto& [kind, domain] : domains) text += fmt::format("{}\"{}\": \"{}\"", text.empty() ? "" : ", ", kind, domain);
  return text.empty() ? "" : fmt::format(", domains: {{{}}}", text);
}

void read_member(const YamlNode& node, const std::string& path, Problems& problems, Member& member, bool is_replica,
                 std::optional<Rights>* rights = nullptr) {
  FieldReader fields(node, path, problems);
  read_bytes(fields, "key", member.key);
  std::array<std::uint8_t, 32> fingerprint{};
  read_bytes(fields, "certificate", fingerprint);
  member.fingerprint.assign(fingerprint.begin(), fingerprint.end());
  std::string address;
  if (is_replica) {
    fields.text("address", address);
    if (const auto place = host_and_port(address)) std::tie(member.host, member.port) = *place;
    else fields.report("address", fmt::format("expected HOST:PORT, got '{}'", address));
    if (const YamlNode* domains = fields.get("domains")) {
      FieldReader named(*domains, path + ".domains", problems);
      for (const auto& field : named.free_fields()) read_domain(field, named.path(), problems, member.domains);
    }
  } else {
    int id = 0;
    fields.integer("id", id, 1, 1'000'000'000);
    if (rights) *rights = read_rights(fields);
  }
  fields.finish();
}

std::string text_of(const ClusterFile& cluster) {
  std::string text = fmt::format(
      "# Who takes part in this database, where its replicas are, and by which keys each is known. There are no secrets in it: every "
      "member\n"
      "# has the same file.\nepoch: {}\nf: {}\nshards:\n",
      cluster.membership.epoch, cluster.membership.budget.f());
  for (std::uint64_t shard = 0; shard < cluster.membership.shards.size(); ++shard) {
    const char* lead = "  - - ";
    for (const auto& replica : cluster.membership.replicas_of(ShardId(shard))) {
      const Member& member = cluster.member(replica);
      text += fmt::format("{}{{address: \"{}:{}\", key: \"{}\", certificate: \"{}\"{}}}\n", lead, member.host, member.port, hex(member.key),
                          hex(member.fingerprint), text_of(member.domains));
      lead = "    - ";
    }
  }
  text += "clients:\n";
  for (const auto& [id, key] : cluster.membership.clients)
    text += fmt::format("  - {{id: {}, key: \"{}\", certificate: \"{}\"}}\n", id, hex(key), hex(cluster.member(id).fingerprint));
  return text;
}

std::string indented(const std::string& pem) {
  std::string text;
  for (const auto& line : split(pem, '\n'))
    if (!line.empty()) text += fmt::format("  {}\n", line);
  return text;
}

/// Makes one member's keys and writes its secret.
Result<Member> enroll(const Peer& peer, const fs::path& folder) {
  const auto key = crypto::Ed25519Key::generate();
  Member member;
  member.name = member_name(peer);
  const net::Identity identity = net::make_identity(member.name, kCertificateLife);
  member.key = key.public_key();
  member.fingerprint = identity.fingerprint;
  TRY(make_folders(folder));
  const std::string text = fmt::format(
      "# The secret of one member. Whoever has it can speak as this member.\nmember: {}\nkey: \"{}\"\ncertificate: |\n{}certificate_key: "
      "|\n{}",
      member.name, hex(key.seed()), indented(identity.certificate_pem), indented(identity.key_pem));
  TRY(write_file(folder / "secret.yaml", text, Durability::kDisk, 0600));
  return member;
}

}  // namespace

std::string member_name(const Peer& peer) {
  if (const auto* client = std::get_if<ClientId>(&peer)) return fmt::format("client {}", *client);
  const auto& replica = std::get<ReplicaId>(peer);
  return fmt::format("replica {}.{}", replica.shard, replica.index);
}

std::optional<Peer> ClusterFile::named(const std::string& name) const {
  for (const auto& [peer, member] : members)
    if (member.name == name) return peer;
  return std::nullopt;
}

std::map<std::string, std::string> ClusterFile::fingerprints() const {
  std::map<std::string, std::string> known;
  for (const auto& [peer, member] : members) known[member.fingerprint] = member.name;
  return known;
}

Result<ClusterPlan> read_plan(const fs::path& file) {
  TRY_ASSIGN(const YamlNode document, read_document(file));
  Problems problems(file.string());
  FieldReader fields(document, "", problems);
  ClusterPlan plan;
  int f = 1, clients = 1;
  fields.integer("f", f, 1, 10);
  fields.integer("clients", clients, 1, 100'000);
  plan.f = static_cast<std::uint32_t>(f);
  plan.clients = static_cast<std::uint32_t>(clients);
  const std::size_t replicas = FaultBudget(plan.f).replicas();
  const YamlNode* shards = fields.get("shards");
  if (!shards || shards->kind != YamlNode::Kind::kSequence || shards->items.empty())
    fields.report("shards", fmt::format("expected a list of shards, each a list of {} addresses HOST:PORT", replicas));
  for (std::size_t i = 0; shards && i < shards->items.size(); ++i) {
    auto& places = plan.shards.emplace_back();
    for (const auto& item : shards->items[i].items)
      places.push_back(read_planned(item, fmt::format("shards[{}][{}]", i, places.size()), problems));
    if (shards->items[i].items.size() != replicas)
      problems.add(
          shards->items[i].mark, fmt::format("shards[{}]", i),
          fmt::format("a shard that bears f={} has 5f+1={} replicas, and here are {}", plan.f, replicas, shards->items[i].items.size()));
  }
  fields.finish();
  TRY(finish(problems));
  return plan;
}

Result<ClusterFile> make_cluster(const ClusterPlan& plan, const fs::path& folder) {
  const fs::path file = folder / "cluster.yaml";
  std::error_code ignored;
  if (fs::exists(file, ignored))
    return Error(Code::kAlreadyExists, fmt::format("{} is there already; another folder, or remove that one first", file.string()));
  ClusterFile cluster;
  cluster.membership.budget = FaultBudget(plan.f);
  for (std::uint64_t shard = 0; shard < plan.shards.size(); ++shard) {
    auto& keys = cluster.membership.shards.emplace_back();
    for (std::uint32_t i = 0; i < plan.shards[shard].size(); ++i) {
      const ReplicaId id{ShardId(shard), i};
      TRY_ASSIGN(Member member, enroll(id, folder / fmt::format("replica-{}.{}", shard, i)));
      const PlannedReplica& planned = plan.shards[shard][i];
      member.host = planned.host;
      member.port = planned.port;
      member.domains = planned.domains;
      keys.push_back(member.key);
      cluster.members[id] = std::move(member);
    }
  }
  for (std::uint64_t client = 1; client <= plan.clients; ++client) {
    TRY_ASSIGN(Member member, enroll(ClientId(client), folder / fmt::format("client-{}", client)));
    cluster.membership.clients[ClientId(client)] = member.key;
    cluster.members[ClientId(client)] = std::move(member);
  }
  TRY(write_file(file, text_of(cluster)));
  return cluster;
}

Result<ClusterFile> read_cluster(const fs::path& file) {
  TRY_ASSIGN(const YamlNode document, read_document(file));
  Problems problems(file.string());
  FieldReader fields(document, "", problems);
  ClusterFile cluster;
  int epoch = 1, f = 1;
  fields.integer("epoch", epoch, 1, 1'000'000'000);
  fields.integer("f", f, 1, 10);
  cluster.membership.epoch = Epoch(static_cast<std::uint64_t>(epoch));
  cluster.membership.budget = FaultBudget(static_cast<std::uint32_t>(f));
  const YamlNode* shards = fields.get("shards");
  for (std::size_t s = 0; shards && s < shards->items.size(); ++s) {
    auto& keys = cluster.membership.shards.emplace_back();
    for (std::uint32_t i = 0; i < shards->items[s].items.size(); ++i) {
      const ReplicaId id{ShardId(s), i};
      Member& member = cluster.members[id];
      member.name = member_name(id);
      read_member(shards->items[s].items[i], fmt::format("shards[{}][{}]", s, i), problems, member, true);
      keys.push_back(member.key);
    }
    if (keys.size() != cluster.membership.budget.replicas())
      problems.add(shards->items[s].mark, fmt::format("shards[{}]", s),
                   fmt::format("expected 5f+1={} replicas", cluster.membership.budget.replicas()));
  }
  if (cluster.membership.shards.empty()) fields.report("shards", "expected a list of shards");
  const YamlNode* clients = fields.get("clients");
  for (std::size_t i = 0; clients && i < clients->items.size(); ++i) {
    const YamlNode* number = clients->items[i].find("id");
    const ClientId id(number && resolve(*number).integer > 0 ? static_cast<std::uint64_t>(resolve(*number).integer) : 0);
    Member& member = cluster.members[id];
    member.name = member_name(id);
    std::optional<Rights> rights;
    read_member(clients->items[i], fmt::format("clients[{}]", i), problems, member, false, &rights);
    cluster.membership.clients[id] = member.key;
    if (rights) cluster.membership.rights[id] = std::move(*rights);
  }
  fields.finish();
  TRY(finish(problems));
  return cluster;
}

Result<Secret> read_secret(const fs::path& file, const ClusterFile& cluster) {
  TRY_ASSIGN(const YamlNode document, read_document(file));
  Problems problems(file.string());
  FieldReader fields(document, "", problems);
  std::string name;
  fields.text("member", name);
  std::array<std::uint8_t, 32> seed{};
  read_bytes(fields, "key", seed);
  net::Identity identity;
  fields.text("certificate", identity.certificate_pem);
  fields.text("certificate_key", identity.key_pem);
  fields.finish();
  TRY(finish(problems));
  const auto peer = cluster.named(name);
  if (!peer) return invalid(fmt::format("{}: '{}' is no member of this cluster", file.string(), name));
  Secret secret{*peer, crypto::Ed25519Key::from_seed(seed), std::move(identity)};
  if (secret.key.public_key() != cluster.member(*peer).key)
    return invalid(fmt::format("{}: the key is not the one by which cluster.yaml knows {}; were both made by one `isobar db init`?",
                               file.string(), name));
  return secret;
}

}  // namespace isobar::db
