#include "broker/state_store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>

#include <array>

#include "base/file.h"
#include "database.h"
#include "mend_text.h"
#include "mounts_text.h"

namespace isobar::broker {

namespace {

constexpr int kSchemaVersion = 4;
// The columns that a placement takes, in clusters and in usage alike.
constexpr std::string_view kPlacementColumns =
    "cloud TEXT, region TEXT, zone TEXT, instance_type TEXT, vcpus REAL, memory_gib REAL, accelerator TEXT, accelerator_count REAL, "
    "use_spot INTEGER, hourly_price REAL";
constexpr std::string_view kPlacementNames =
    "cloud, region, zone, instance_type, vcpus, memory_gib, accelerator, accelerator_count, use_spot, hourly_price";

std::string schema() {
  return fmt::format(
      "CREATE TABLE IF NOT EXISTS clusters(name TEXT PRIMARY KEY, status INTEGER, {0}, num_nodes INTEGER, launched INTEGER, autostop_idle "
      "INTEGER, "
      "autostop_down INTEGER, autostop_wait INTEGER, last_command TEXT, token TEXT, user TEXT, mounts TEXT, ports TEXT, volumes TEXT, mend "
      "TEXT) STRICT;"
      "CREATE TABLE IF NOT EXISTS intents(cluster TEXT PRIMARY KEY, kind INTEGER, cloud TEXT, token TEXT, since INTEGER) STRICT;"
      "CREATE TABLE IF NOT EXISTS usage(id INTEGER PRIMARY KEY, cluster TEXT, {0}, num_nodes INTEGER, started INTEGER, ended INTEGER) "
      "STRICT;"
      "CREATE INDEX IF NOT EXISTS usage_open ON usage(cluster) WHERE ended IS NULL;"
      "CREATE TABLE IF NOT EXISTS refusals(cloud TEXT, region TEXT, zone TEXT, instance_type TEXT, use_spot INTEGER, code TEXT, until "
      "INTEGER) STRICT;"
      "CREATE TABLE IF NOT EXISTS storages(location TEXT PRIMARY KEY, status INTEGER, made INTEGER, persistent INTEGER, region TEXT, "
      "cluster TEXT, source TEXT, since INTEGER) STRICT;"
      "CREATE TABLE IF NOT EXISTS volumes(name TEXT PRIMARY KEY, status INTEGER, cloud TEXT, token TEXT, region TEXT, name_space TEXT, id "
      "TEXT, size_gib INTEGER, storage_class TEXT, access_mode TEXT, labels TEXT, use_existing INTEGER, user TEXT, since INTEGER) STRICT;"
      "PRAGMA user_version = {1};",
      kPlacementColumns, kSchemaVersion);
}

void bind_placement(StateStatement& statement, const Placement& placement) {
  const auto& offer = placement.offer;
  statement.bind(offer.cloud).bind(offer.region).bind(offer.zone).bind(offer.instance_type).bind(offer.vcpus).bind(offer.memory_gib);
  statement.bind(offer.accelerator).bind(offer.accelerator_count).bind(placement.use_spot).bind(placement.hourly_price);
}

Placement read_placement(StateStatement& row) {
  Placement placement;
  auto& offer = placement.offer;
  offer.cloud = row.text();
  offer.region = row.text();
  offer.zone = row.text();
  offer.instance_type = row.text();
  offer.vcpus = row.number();
  offer.memory_gib = row.number();
  offer.accelerator = row.text();
  offer.accelerator_count = row.number();
  placement.use_spot = row.integer() != 0;
  placement.hourly_price = row.number();
  return placement;
}

Result<ClusterRecord> read_cluster(StateStatement& row) {
  ClusterRecord cluster;
  cluster.name = row.text();
  cluster.status = static_cast<ClusterStatus>(row.integer());
  cluster.placement = read_placement(row);
  cluster.num_nodes = static_cast<int>(row.integer());
  cluster.launched = row.instant();
  if (row.null()) {
    row.skip(3);
  } else {
    cluster.autostop = Autostop{Duration(row.integer()), row.integer() != 0, IdleWait::kJobs};
    cluster.autostop->wait_for = static_cast<IdleWait>(row.integer());
  }
  cluster.last_command = row.text();
  cluster.token = row.text();
  cluster.user = row.text();
  TRY_ASSIGN(cluster.mounts, decode_mounts(row.text()));
  // What this very program wrote; a text that is none lets nothing in.
  cluster.ports = parse_ports(row.text()).value_or({});
  TRY_ASSIGN(cluster.volumes, decode_volumes(row.text()));
  TRY_ASSIGN(cluster.mend, decode_mend(row.text()));
  return cluster;
}

const std::string& select_clusters() {
  static const std::string kSql = fmt::format(
      "SELECT name, status, {}, num_nodes, launched, autostop_idle, autostop_down, autostop_wait, last_command, token, user, "
      "mounts, ports, volumes, mend FROM clusters",
      kPlacementNames);
  return kSql;
}

}  // namespace

std::string_view name_of(ClusterStatus status) {
  static constexpr std::array<std::string_view, 3> kNames = {"INIT", "UP", "STOPPED"};
  return kNames[static_cast<std::size_t>(status)];
}

std::string_view name_of(IntentKind kind) {
  static constexpr std::array<std::string_view, 7> kNames = {"create", "start", "stop", "terminate", "autostop", "open ports", "replace"};
  return kNames[static_cast<std::size_t>(kind)];
}

double UsageRecord::cost(Instant now) const {
  const Duration span = ended.value_or(now) - started;
  return placement.hourly_price * num_nodes * to_seconds(span) / 3600;
}

StateStore::StateStore(std::unique_ptr<Database> database) : database_(std::move(database)) {}
StateStore::StateStore(StateStore&&) noexcept = default;
StateStore& StateStore::operator=(StateStore&&) noexcept = default;
StateStore::~StateStore() = default;

namespace {

// Held while a file is opened. SQLite asks no busy handler when two connections turn a new file into a write-ahead one at once, as
// each holds what the other waits for: one of them would be told "database is locked" at the very first command of a home.
Result<Fd> opening_turn(const fs::path& database) {
  const fs::path path = database.string() + "-opening";
  Fd file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!file) return errno_error("open lock " + path.string());
  while (::flock(file.get(), LOCK_EX) != 0)
    if (errno != EINTR) return errno_error("lock " + path.string());
  return file;
}

}  // namespace

Result<StateStore> StateStore::open(const fs::path& path) {
  TRY(make_folders(path.parent_path()));
  TRY_ASSIGN(const Fd turn, opening_turn(path));
  auto database = std::make_unique<Database>();
  database->path = path;
  if (sqlite3_open_v2(path.c_str(), &database->handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr) != SQLITE_OK)
    return database->failure("open state");
  sqlite3_busy_timeout(database->handle, 10'000);
  TRY(database->run("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"));
  int version = 0;
  {
    StateStatement row(database->handle, "PRAGMA user_version");
    if (row.next()) version = static_cast<int>(row.integer());
    else return database->failure("open state");
  }
  if (version > kSchemaVersion)
    return Error(Code::kDataLoss, fmt::format("{} was written by a newer isobar (format {}, this one reads {}); use that version",
                                              path.string(), version, kSchemaVersion));
  std::string grow;
  if (version > 0 && version < 3) grow += "ALTER TABLE clusters ADD COLUMN mounts TEXT; ALTER TABLE clusters ADD COLUMN ports TEXT;";
  if (version > 0 && version < 4) grow += "ALTER TABLE clusters ADD COLUMN volumes TEXT; ALTER TABLE clusters ADD COLUMN mend TEXT;";
  if (version < kSchemaVersion) TRY(database->run("BEGIN IMMEDIATE;" + grow + schema() + "COMMIT;"));
  return StateStore(std::move(database));
}

Result<std::vector<ClusterRecord>> StateStore::clusters() {
  StateStatement row(database_->handle, select_clusters() + " ORDER BY launched, name");
  std::vector<ClusterRecord> found;
  while (row.next()) {
    TRY_ASSIGN(found.emplace_back(), read_cluster(row));
  }
  if (row.failed()) return database_->failure("list clusters");
  return found;
}

Result<ClusterRecord> StateStore::cluster(const std::string& name) {
  StateStatement row(database_->handle, select_clusters() + " WHERE name = ?");
  row.bind(name);
  if (row.next()) return read_cluster(row);
  if (row.failed()) return database_->failure("find cluster");
  return not_found(fmt::format("there is no cluster '{}'; `isobar status` lists those there are", name));
}

Status StateStore::put(const ClusterRecord& cluster) {
  StateStatement statement(
      database_->handle,
      fmt::format(
          "INSERT OR REPLACE INTO clusters(name, status, {}, num_nodes, launched, autostop_idle, autostop_down, "
          "autostop_wait, last_command, token, user, mounts, ports, volumes, mend) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
          kPlacementNames));
  statement.bind(cluster.name).bind(static_cast<int>(cluster.status));
  bind_placement(statement, cluster.placement);
  statement.bind(cluster.num_nodes).bind(cluster.launched);
  if (cluster.autostop) {
    statement.bind(static_cast<std::int64_t>(cluster.autostop->idle.count()))
        .bind(cluster.autostop->down)
        .bind(static_cast<int>(cluster.autostop->wait_for));
  } else {
    statement.bind_null().bind_null().bind_null();
  }
  statement.bind(cluster.last_command)
      .bind(cluster.token)
      .bind(cluster.user)
      .bind(encode_mounts(cluster.mounts))
      .bind(describe(cluster.ports))
      .bind(encode_volumes(cluster.volumes))
      .bind(encode_mend(cluster.mend));
  if (!statement.done()) return database_->failure("record cluster");
  return {};
}

Status StateStore::remove(const std::string& name) {
  StateStatement statement(database_->handle, "DELETE FROM clusters WHERE name = ?");
  if (!statement.bind(name).done()) return database_->failure("remove cluster");
  return {};
}

Status StateStore::begin(const Intent& intent, const ClusterRecord* record) {
  StateTransaction transaction(database_->handle);
  if (!transaction.open()) return database_->failure("record intent");
  {
    StateStatement statement(database_->handle, "INSERT OR REPLACE INTO intents(cluster, kind, cloud, token, since) VALUES(?,?,?,?,?)");
    statement.bind(intent.cluster).bind(static_cast<int>(intent.kind)).bind(intent.cloud).bind(intent.token).bind(intent.since);
    if (!statement.done()) return database_->failure("record intent");
  }
  if (record) TRY(put(*record));
  if (record) TRY(require_volumes(*database_, *record));
  if (!transaction.commit()) return database_->failure("record intent");
  return {};
}

Status StateStore::finish(const std::string& cluster, const std::optional<ClusterRecord>& record, Instant now) {
  StateTransaction transaction(database_->handle);
  if (!transaction.open()) return database_->failure("finish intent");
  {
    StateStatement statement(database_->handle, "DELETE FROM intents WHERE cluster = ?");
    if (!statement.bind(cluster).done()) return database_->failure("finish intent");
  }
  if (record) TRY(put(*record));
  else TRY(remove(cluster));
  const bool paid = record && record->status == ClusterStatus::kUp;
  if (paid) {
    StateStatement statement(
        database_->handle,
        fmt::format("INSERT INTO usage(cluster, {}, num_nodes, started) SELECT ?,?,?,?,?,?,?,?,?,?,?,?,? WHERE NOT EXISTS "
                    "(SELECT 1 FROM usage WHERE cluster = ? AND ended IS NULL)",
                    kPlacementNames));
    statement.bind(cluster);
    bind_placement(statement, record->placement);
    statement.bind(record->num_nodes).bind(now).bind(cluster);
    if (!statement.done()) return database_->failure("record usage");
  } else {
    StateStatement statement(database_->handle, "UPDATE usage SET ended = ? WHERE cluster = ? AND ended IS NULL");
    if (!statement.bind(now).bind(cluster).done()) return database_->failure("record usage");
  }
  if (!transaction.commit()) return database_->failure("finish intent");
  return {};
}

Result<std::vector<Intent>> StateStore::intents() {
  StateStatement row(database_->handle, "SELECT kind, cluster, cloud, token, since FROM intents ORDER BY since");
  std::vector<Intent> found;
  while (row.next()) {
    Intent intent;
    intent.kind = static_cast<IntentKind>(row.integer());
    intent.cluster = row.text();
    intent.cloud = row.text();
    intent.token = row.text();
    intent.since = row.instant();
    found.push_back(std::move(intent));
  }
  if (row.failed()) return database_->failure("list intents");
  return found;
}

Result<std::vector<UsageRecord>> StateStore::usage() {
  StateStatement row(
      database_->handle,
      fmt::format("SELECT cluster, {}, num_nodes, started, ended FROM usage ORDER BY started DESC, id DESC", kPlacementNames));
  std::vector<UsageRecord> found;
  while (row.next()) {
    UsageRecord usage;
    usage.cluster = row.text();
    usage.placement = read_placement(row);
    usage.num_nodes = static_cast<int>(row.integer());
    usage.started = row.instant();
    if (!row.null()) usage.ended = row.instant();
    found.push_back(std::move(usage));
  }
  if (row.failed()) return database_->failure("list usage");
  return found;
}

namespace {

void bind_optional(StateStatement& statement, const std::optional<std::string>& value) {
  if (value) statement.bind(*value);
  else statement.bind_null();
}

std::optional<std::string> read_optional(StateStatement& row) {
  if (!row.null()) return row.text();
  row.skip();
  return std::nullopt;
}

}  // namespace

Status StateStore::remember_refusal(const Refusal& refusal, Instant now) {
  StateTransaction transaction(database_->handle);
  if (!transaction.open()) return database_->failure("record a refusal");
  {
    StateStatement old(database_->handle, "DELETE FROM refusals WHERE until <= ?");
    if (!old.bind(now).done()) return database_->failure("record a refusal");
    StateStatement statement(database_->handle,
                             "INSERT INTO refusals(cloud, region, zone, instance_type, use_spot, code, until) VALUES(?,?,?,?,?,?,?)");
    for (const auto* field : {&refusal.scope.cloud, &refusal.scope.region, &refusal.scope.zone, &refusal.scope.instance_type})
      bind_optional(statement, *field);
    if (refusal.scope.use_spot) statement.bind(*refusal.scope.use_spot);
    else statement.bind_null();
    if (!statement.bind(refusal.code).bind(refusal.until).done()) return database_->failure("record a refusal");
  }
  if (!transaction.commit()) return database_->failure("record a refusal");
  return {};
}

Result<std::vector<Refusal>> StateStore::refusals(Instant now) {
  StateStatement row(database_->handle,
                     "SELECT cloud, region, zone, instance_type, use_spot, code, until FROM refusals WHERE until > ? ORDER BY until");
  row.bind(now);
  std::vector<Refusal> found;
  while (row.next()) {
    Refusal refusal;
    for (auto* field : {&refusal.scope.cloud, &refusal.scope.region, &refusal.scope.zone, &refusal.scope.instance_type})
      *field = read_optional(row);
    if (row.null()) row.skip();
    else refusal.scope.use_spot = row.integer() != 0;
    refusal.code = row.text();
    refusal.until = row.instant();
    found.push_back(std::move(refusal));
  }
  if (row.failed()) return database_->failure("list refusals");
  return found;
}

}  // namespace isobar::broker
