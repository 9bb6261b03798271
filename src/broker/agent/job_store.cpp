#include "job_store.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "sqlite.h"

namespace isobar::broker {

namespace {

constexpr int kSchema = 2;
constexpr const char* kTables = R"(
CREATE TABLE IF NOT EXISTS jobs(
  id INTEGER PRIMARY KEY AUTOINCREMENT, token BLOB UNIQUE, name BLOB, user BLOB, resources BLOB, num_nodes INTEGER,
  status INTEGER, submitted INTEGER, started INTEGER, ended INTEGER, exit_code INTEGER, failed_rank INTEGER, reason BLOB,
  cpus REAL, gpus REAL, has_setup INTEGER, has_run INTEGER, places BLOB, verdict INTEGER, spec BLOB, waits_for_lost INTEGER);
CREATE INDEX IF NOT EXISTS jobs_by_status ON jobs(status);
CREATE TABLE IF NOT EXISTS autostop(
  one INTEGER PRIMARY KEY CHECK(one = 1), idle INTEGER, down INTEGER, wait_for INTEGER, set_at INTEGER);
CREATE TABLE IF NOT EXISTS nodes(rank INTEGER PRIMARY KEY, token BLOB);
)";
constexpr std::string_view kRecordColumns =
    "id, name, user, resources, num_nodes, status, submitted, started, ended, exit_code, failed_rank, reason";
constexpr std::size_t kLogNameMax = 100;

std::optional<Instant> instant(std::optional<std::int64_t> nanos) {
  if (!nanos) return std::nullopt;
  return Instant::from_unix_nanos(*nanos);
}

JobRecord read_record(Statement& row) {
  JobRecord job{.id = JobId(static_cast<std::uint64_t>(row.integer()))};
  job.name = row.bytes();
  job.user = row.bytes();
  job.resources = row.bytes();
  job.num_nodes = static_cast<int>(row.integer());
  job.status = static_cast<JobStatus>(row.integer());
  job.submitted = Instant::from_unix_nanos(row.integer());
  job.started = instant(row.optional_integer());
  job.ended = instant(row.optional_integer());
  job.exit_code = row.optional_integer();
  job.failed_rank = row.optional_integer();
  job.reason = row.bytes();
  job.log_folder = "~/sky_logs/" + log_folder_name(job.id, job.name);
  return job;
}

/// Places as "node:device,device;node:…".
std::string write_places(const std::vector<Place>& places) {
  std::string out;
  for (const auto& place : places) {
    out += fmt::format("{}:", place.node);
    for (const int device : place.gpus) out += fmt::format("{},", device);
    out += ';';
  }
  return out;
}

std::vector<Place> read_places(std::string_view text) {
  std::vector<Place> places;
  for (const auto one : split(text, ';')) {
    if (one.empty()) continue;
    const auto colon = one.find(':');
    auto& place = places.emplace_back(Place{std::atoi(std::string(one.substr(0, colon)).c_str()), {}});
    for (const auto device : split(one.substr(colon + 1), ','))
      if (!device.empty()) place.gpus.push_back(std::atoi(std::string(device).c_str()));
  }
  return places;
}

/// A transaction that is undone unless it is committed.
class Transaction {
 public:
  explicit Transaction(sqlite3* db) : db_(db) {}
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  ~Transaction() {
    if (open_) sqlite3_exec(db_, "ROLLBACK", nullptr, nullptr, nullptr);
  }
  Status begin(Durability durability) {
    TRY(execute(db_, durability == Durability::kDisk ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL"));
    TRY(execute(db_, "BEGIN IMMEDIATE"));
    open_ = true;
    return {};
  }
  Status commit() {
    TRY(execute(db_, "COMMIT"));
    open_ = false;
    return {};
  }

 private:
  sqlite3* db_;
  bool open_ = false;
};

}  // namespace

Error sqlite_error(sqlite3* db, std::string_view doing) {
  const int code = sqlite3_errcode(db) & 0xff;
  const auto kind = code == SQLITE_FULL || code == SQLITE_IOERR                                 ? Code::kExhausted
                    : code == SQLITE_CORRUPT || code == SQLITE_NOTADB                           ? Code::kDataLoss
                    : code == SQLITE_CANTOPEN || code == SQLITE_READONLY || code == SQLITE_PERM ? Code::kPermissionDenied
                                                                                                : Code::kUnavailable;
  return {kind, fmt::format("{}: {}", doing, sqlite3_errmsg(db))};
}

Status execute(sqlite3* db, const char* sql) {
  if (sqlite3_exec(db, sql, nullptr, nullptr, nullptr) == SQLITE_OK) return {};
  return sqlite_error(db, "job table");
}

void JobStore::Close::operator()(sqlite3* db) const { sqlite3_close(db); }

JobStore::JobStore(std::unique_ptr<sqlite3, Close> db, fs::path folder) : db_(std::move(db)), folder_(std::move(folder)) {}
JobStore::JobStore(JobStore&&) noexcept = default;
JobStore& JobStore::operator=(JobStore&&) noexcept = default;
JobStore::~JobStore() = default;

Result<JobStore> JobStore::open(const fs::path& folder) {
  TRY(make_folders(folder).context("open the job table"));
  if (::chmod(folder.c_str(), 0700) != 0) return errno_error("open the job table: " + folder.string());
  sqlite3* raw = nullptr;
  const int outcome =
      sqlite3_open_v2((folder / "jobs.db").c_str(), &raw, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
  std::unique_ptr<sqlite3, Close> db(raw);
  if (outcome != SQLITE_OK) return sqlite_error(raw, "open the job table " + (folder / "jobs.db").string());
  // A small page cache: the table is read rarely, and an agent's memory belongs to the jobs.
  TRY(execute(raw, "PRAGMA journal_mode=WAL; PRAGMA cache_size=-256; PRAGMA wal_autocheckpoint=1000;").context("open the job table"));
  std::int64_t found = 0;
  {
    Statement version(raw, "PRAGMA user_version");
    TRY(version.next());
    found = version.integer();
  }
  if (found > kSchema)
    return Error(Code::kDataLoss,
                 fmt::format("the job table has form {}, this agent knows up to {}: use the newer isobar-node", found, kSchema));
  TRY(execute(raw, "BEGIN IMMEDIATE"));
  TRY(execute(raw, kTables).context("open the job table"));
  if (found == 1) TRY(execute(raw, "ALTER TABLE jobs ADD COLUMN waits_for_lost INTEGER").context("open the job table"));
  TRY(execute(raw, fmt::format("PRAGMA user_version={}; COMMIT", kSchema).c_str()));
  return JobStore(std::move(db), folder);
}

fs::path JobStore::secrets_file(JobId id) const { return folder_ / fmt::format("secrets-{}", id); }

Result<std::vector<JobStore::Added>> JobStore::add(std::span<const JobSpec> specs, Instant now, const std::optional<Autostop>& autostop) {
  Transaction transaction(db_.get());
  TRY(transaction.begin(Durability::kDisk));
  std::vector<Added> added;
  Status outcome;
  for (const auto& spec : specs) {
    auto one = add_one(spec, now);
    if (!one.ok()) {
      outcome = one.error();
      break;
    }
    added.push_back(*one);
  }
  if (outcome.ok() && autostop) outcome = write_autostop({autostop, now});
  if (outcome.ok()) outcome = transaction.commit();
  if (outcome.ok()) return added;
  for (const auto& one : added)
    if (one.is_new) ::unlink(secrets_file(one.id).c_str());
  return outcome.error().context("record the job");
}

Result<JobStore::Added> JobStore::add_one(const JobSpec& spec, Instant now) {
  if (!spec.token.empty()) {
    Statement known(db_.get(), "SELECT id FROM jobs WHERE token = ?");
    TRY_ASSIGN(const bool found, known.bind(spec.token).next());
    if (found) return Added{JobId(static_cast<std::uint64_t>(known.integer())), false};
  }
  JobSpec open = spec;
  open.secrets.clear();
  open.setup_secrets.clear();
  const std::string bytes = encode(open);
  Statement insert(db_.get(),
                   "INSERT INTO jobs(name, user, resources, num_nodes, status, submitted, reason, cpus, gpus, has_setup, has_run, "
                   "waits_for_lost, spec, token) VALUES(?, ?, ?, ?, ?, ?, '', ?, ?, ?, ?, ?, ?, ?)");
  insert.bind(spec.name).bind(spec.user).bind(spec.resources).bind(std::int64_t{spec.num_nodes});
  insert.bind(static_cast<std::int64_t>(JobStatus::kPending)).bind(now.unix_nanos()).bind(spec.cpus).bind(spec.gpus);
  insert.bind(std::int64_t{!spec.setup.empty()}).bind(std::int64_t{!spec.run.empty()});
  insert.bind(std::int64_t{spec.again_when_node_lost}).bind(bytes);
  if (spec.token.empty()) insert.bind(std::optional<std::int64_t>());
  else insert.bind(spec.token);
  TRY(insert.run());
  const JobId id(static_cast<std::uint64_t>(sqlite3_last_insert_rowid(db_.get())));
  if (spec.secrets.empty() && spec.setup_secrets.empty()) return Added{id};
  JobSpec hidden{.secrets = spec.secrets, .setup_secrets = spec.setup_secrets};
  TRY(write_file(secrets_file(id), encode(hidden), Durability::kDisk, 0600));
  return Added{id};
}

Status JobStore::apply(std::span<const QueueEffect> effects, Instant now) {
  Transaction transaction(db_.get());
  TRY(transaction.begin(Durability::kCache));
  for (const auto& effect : effects) TRY(apply_one(effect, now));
  TRY(transaction.commit());
  for (const auto& effect : effects)
    if (const auto* ended = std::get_if<JobEnded>(&effect)) ::unlink(secrets_file(ended->job).c_str());
  return {};
}

Status JobStore::apply_one(const QueueEffect& effect, Instant now) {
  if (const auto* begun = std::get_if<PhaseBegun>(&effect)) {
    const auto status = begun->phase == Phase::kSetup ? JobStatus::kSettingUp : JobStatus::kRunning;
    const auto places = write_places(begun->places);
    Statement update(db_.get(), "UPDATE jobs SET status = ?, started = coalesce(started, ?), places = ? WHERE id = ?");
    return update.bind(static_cast<std::int64_t>(status))
        .bind(now.unix_nanos())
        .bind(places)
        .bind(static_cast<std::int64_t>(begun->job.value()))
        .run();
  }
  if (const auto* reached = std::get_if<VerdictReached>(&effect)) {
    const auto& verdict = reached->verdict;
    Statement update(db_.get(), "UPDATE jobs SET verdict = ?, exit_code = ?, failed_rank = ?, reason = ? WHERE id = ?");
    update.bind(static_cast<std::int64_t>(verdict.status)).bind(verdict.exit_code).bind(verdict.failed_rank).bind(verdict.reason);
    return update.bind(static_cast<std::int64_t>(reached->job.value())).run();
  }
  if (const auto* ended = std::get_if<JobEnded>(&effect)) {
    const auto& verdict = ended->verdict;
    // The scripts and environment have served; what stays is the record.
    Statement update(
        db_.get(),
        "UPDATE jobs SET status = ?, ended = ?, exit_code = ?, failed_rank = ?, reason = ?, spec = NULL, places = NULL WHERE id = ?");
    update.bind(static_cast<std::int64_t>(verdict.status)).bind(now.unix_nanos()).bind(verdict.exit_code).bind(verdict.failed_rank);
    return update.bind(verdict.reason).bind(static_cast<std::int64_t>(ended->job.value())).run();
  }
  return {};
}

Result<JobSpec> JobStore::spec(JobId id) const {
  Statement row(db_.get(), "SELECT spec FROM jobs WHERE id = ? AND spec IS NOT NULL");
  TRY_ASSIGN(const bool found, row.bind(static_cast<std::int64_t>(id.value())).next());
  if (!found) return not_found(fmt::format("there is no unfinished job {}", id));
  TRY_ASSIGN(auto spec, decode_job_spec(row.bytes()).context(fmt::format("job {}", id)));
  auto hidden = read_file(secrets_file(id));
  if (!hidden.ok() && hidden.error().code() == Code::kNotFound) return spec;
  if (!hidden.ok()) return hidden.error();
  TRY_ASSIGN(auto secrets, decode_job_spec(*hidden).context(fmt::format("secrets of job {}", id)));
  spec.secrets = std::move(secrets.secrets);
  spec.setup_secrets = std::move(secrets.setup_secrets);
  return spec;
}

Result<std::vector<JobRecord>> JobStore::list(const ListJobs& what, std::uint64_t page, std::optional<JobId> below) const {
  std::vector<JobRecord> jobs;
  const auto sql = fmt::format("SELECT {} FROM jobs WHERE id < ? AND status < ? ORDER BY id DESC LIMIT ?", kRecordColumns);
  Statement rows(db_.get(), sql);
  rows.bind(below ? static_cast<std::int64_t>(below->value()) : INT64_MAX);
  rows.bind(static_cast<std::int64_t>(what.active_only ? JobStatus::kSucceeded : static_cast<JobStatus>(kJobStatuses)));
  rows.bind(static_cast<std::int64_t>(page));
  for (;;) {
    TRY_ASSIGN(const bool found, rows.next());
    if (!found) return jobs;
    jobs.push_back(read_record(rows));
  }
}

Result<std::optional<JobRecord>> JobStore::find(JobId id) const {
  const auto sql = fmt::format("SELECT {} FROM jobs WHERE id = CASE ?1 WHEN 0 THEN (SELECT max(id) FROM jobs) ELSE ?1 END", kRecordColumns);
  Statement row(db_.get(), sql);
  TRY_ASSIGN(const bool found, row.bind(static_cast<std::int64_t>(id.value())).next());
  if (!found) return std::optional<JobRecord>();
  return std::optional<JobRecord>(read_record(row));
}

Result<std::vector<UnfinishedJob>> JobStore::unfinished() const {
  Statement rows(
      db_.get(),
      "SELECT id, num_nodes, cpus, gpus, has_setup, has_run, status, places, verdict, exit_code, failed_rank, reason, waits_for_lost "
      "FROM jobs WHERE status < ? ORDER BY id");
  rows.bind(static_cast<std::int64_t>(JobStatus::kSucceeded));
  std::vector<UnfinishedJob> jobs;
  for (;;) {
    TRY_ASSIGN(const bool found, rows.next());
    if (!found) return jobs;
    auto& job = jobs.emplace_back();
    job.id = JobId(static_cast<std::uint64_t>(rows.integer()));
    job.demand.num_nodes = static_cast<int>(rows.integer());
    job.demand.cpus = rows.real();
    job.demand.gpus = rows.real();
    job.demand.has_setup = rows.integer() != 0;
    job.demand.has_run = rows.integer() != 0;
    job.status = static_cast<JobStatus>(rows.integer());
    job.places = read_places(rows.bytes());
    if (const auto verdict = rows.optional_integer()) {
      job.verdict.emplace(Verdict{static_cast<JobStatus>(*verdict)});
      job.verdict->exit_code = rows.optional_integer();
      job.verdict->failed_rank = rows.optional_integer();
      job.verdict->reason = rows.bytes();
    } else {
      for (int column = 0; column < 3; ++column) (void)rows.bytes();
    }
    job.demand.waits_for_lost = rows.integer() != 0;
  }
}

Result<std::optional<Instant>> JobStore::last_activity() const {
  Statement row(db_.get(), "SELECT max(max(submitted), coalesce(max(ended), 0)) FROM jobs");
  TRY(row.next());
  return instant(row.optional_integer());
}

Result<std::map<int, std::string>> JobStore::accepted_nodes() const {
  Statement rows(db_.get(), "SELECT rank, token FROM nodes");
  std::map<int, std::string> nodes;
  for (;;) {
    TRY_ASSIGN(const bool found, rows.next());
    if (!found) return nodes;
    const int rank = static_cast<int>(rows.integer());
    nodes[rank] = rows.bytes();
  }
}

Status JobStore::accept_nodes(const std::map<int, std::string>& nodes) {
  Transaction transaction(db_.get());
  TRY(transaction.begin(Durability::kDisk));
  for (const auto& [rank, token] : nodes) {
    Statement update(db_.get(), "INSERT OR REPLACE INTO nodes(rank, token) VALUES(?, ?)");
    TRY(update.bind(std::int64_t{rank}).bind(token).run());
  }
  return transaction.commit();
}

Status JobStore::save_autostop(const SavedAutostop& saved) {
  Transaction transaction(db_.get());
  TRY(transaction.begin(Durability::kDisk));
  TRY(write_autostop(saved));
  return transaction.commit();
}

Status JobStore::write_autostop(const SavedAutostop& saved) {
  Statement update(db_.get(), "INSERT OR REPLACE INTO autostop(one, idle, down, wait_for, set_at) VALUES(1, ?, ?, ?, ?)");
  if (saved.autostop) {
    update.bind(saved.autostop->idle.count())
        .bind(std::int64_t{saved.autostop->down})
        .bind(static_cast<std::int64_t>(saved.autostop->wait_for));
  } else {
    for (int column = 0; column < 3; ++column) update.bind(std::optional<std::int64_t>());
  }
  return update.bind(saved.set_at.unix_nanos()).run();
}

Result<std::optional<JobStore::SavedAutostop>> JobStore::autostop() const {
  Statement row(db_.get(), "SELECT idle, down, wait_for, set_at FROM autostop");
  TRY_ASSIGN(const bool found, row.next());
  if (!found) return std::optional<SavedAutostop>();
  SavedAutostop saved;
  const auto idle = row.optional_integer();
  const bool down = row.integer() != 0;
  const auto wait_for = static_cast<IdleWait>(row.integer());
  saved.set_at = Instant::from_unix_nanos(row.integer());
  if (idle) saved.autostop = Autostop{Duration(*idle), down, wait_for};
  return std::optional<SavedAutostop>(saved);
}

std::string log_folder_name(JobId id, std::string_view job_name) {
  std::string name = fmt::format("{}-", id);
  for (const char c : job_name.substr(0, kLogNameMax)) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
    name += plain ? c : '_';
  }
  return name;
}

}  // namespace isobar::broker
