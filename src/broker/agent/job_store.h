#pragma once

/// The job table on disk: SQLite in write-ahead mode, so that whatever was committed is there after any crash.
///
/// Two kinds of commit: kDisk flushes (a submission that was answered must survive the machine), kCache does not (what
/// the agent can learn again from its ranks only has to survive the agent). Scripts and environments stay on disk until
/// their job starts, so a queued job costs no memory here. Secrets never enter the table: they lie in a file of mode
/// 0600 for each job that has any, which is removed when the job ends.

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/file.h"
#include "broker/agent_messages.h"
#include "job_queue.h"

struct sqlite3;

namespace isobar::broker {

/// A job that had not ended when the agent last ran.
struct UnfinishedJob {
  JobId id;
  Demand demand;
  JobStatus status = JobStatus::kPending;
  std::vector<Place> places;
  std::optional<Verdict> verdict;
};

class JobStore {
 public:
  /// folder  holds the table and the secrets; made when missing, readable by its owner alone
  /// Errors  kPermissionDenied, kExhausted: the disk; kDataLoss: the table is damaged
  static Result<JobStore> open(const fs::path& folder);
  JobStore(JobStore&&) noexcept;
  JobStore& operator=(JobStore&&) noexcept;
  ~JobStore();

  /// Adds jobs as PENDING, all or none, on the disk when this returns. A job whose token is known is not added again;
  /// the answer then names the first one. Ids follow the order of `specs`.
  struct Added {
    JobId id;
    bool is_new = true;
  };
  /// autostop  saved in the same transaction; none: as it was
  Result<std::vector<Added>> add(std::span<const JobSpec> specs, Instant now, const std::optional<Autostop>& autostop = {});

  /// Applies effects of the queue to the table, all or none, under kCache. Those that do not concern it are skipped.
  Status apply(std::span<const QueueEffect> effects, Instant now);

  /// Errors  kNotFound
  Result<JobSpec> spec(JobId id) const;
  /// As ListJobs says; `below` continues a listing after the last id of a page.
  Result<std::vector<JobRecord>> list(const ListJobs& what, std::uint64_t page, std::optional<JobId> below = {}) const;
  Result<std::optional<JobRecord>> find(JobId id) const;
  Result<std::vector<UnfinishedJob>> unfinished() const;
  /// The last submission or end of a job; none when there was never one.
  Result<std::optional<Instant>> last_activity() const;

  /// By what token each node was let in that may be given jobs; none before the first start.
  Result<std::map<int, std::string>> accepted_nodes() const;
  Status accept_nodes(const std::map<int, std::string>& nodes);

  struct SavedAutostop {
    std::optional<Autostop> autostop;
    Instant set_at;
  };
  Status save_autostop(const SavedAutostop& saved);
  /// None when it was never set.
  Result<std::optional<SavedAutostop>> autostop() const;

 private:
  struct Close {
    void operator()(sqlite3* db) const;
  };
  JobStore(std::unique_ptr<sqlite3, Close> db, fs::path folder);
  fs::path secrets_file(JobId id) const;
  Result<Added> add_one(const JobSpec& spec, Instant now);
  Status apply_one(const QueueEffect& effect, Instant now);
  Status write_autostop(const SavedAutostop& saved);

  std::unique_ptr<sqlite3, Close> db_;
  fs::path folder_;
};

/// "7-train": the job's folder below ~/sky_logs. Bytes of the name that a shell would have to quote become '_'.
std::string log_folder_name(JobId id, std::string_view job_name);

}  // namespace isobar::broker
