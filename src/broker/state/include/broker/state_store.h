#pragma once

/// What the broker knows: which clusters exist, what it is about to do to them, and what each has cost. One SQLite file
/// in WAL mode; every change is on disk before the call returns, so that whatever was said survives the next instant.

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/ports.h"
#include "base/result.h"
#include "base/time.h"
#include "broker/failover.h"
#include "broker/resources.h"
#include "broker/task.h"
#include "cloud/volume.h"

namespace isobar::broker {

/// INIT: being created, partly there, or not reached; UP: all nodes run and their agents answer.
enum class ClusterStatus { kInit, kUp, kStopped };
std::string_view name_of(ClusterStatus status);

/// A folder or file of this machine that was sent to a cluster's nodes.
struct SentTree {
  std::string destination, source;
  bool passes_ignore_files = false;  ///< all of it was sent, as of a repository that was checked out
  friend bool operator==(const SentTree&, const SentTree&) = default;
};

/// What it takes to make a lost node of a cluster again as it was.
struct MendPlan {
  bool allowed = false;        ///< its user has asked for it
  int generation = 0;          ///< of the last replacement; 0: there was none
  std::vector<int> replacing;  ///< nodes whose replacement began and is not done, ascending. While there are any the cluster is INIT
  std::map<std::string, std::string> labels, config;  ///< of its launch
  std::string image;
  std::vector<SentTree> files;  ///< kept where it is allowed
  friend bool operator==(const MendPlan&, const MendPlan&) = default;
};

struct ClusterRecord {
  std::string name;
  ClusterStatus status = ClusterStatus::kInit;
  Placement placement;
  int num_nodes = 1;
  Instant launched;
  std::optional<Autostop> autostop;
  Ports ports;               ///< that are let in from outside, merged; they only grow until the cluster is gone
  std::string last_command;  ///< what was last asked of it, without values of variables
  std::string token;         ///< of the creation that made it
  std::string user;
  std::vector<FileMount> mounts;     ///< buckets that are mounted on its nodes; without any credentials
  std::vector<VolumeMount> volumes;  ///< that its nodes were made with
  MendPlan mend;
};

enum class IntentKind { kCreate, kStart, kStop, kTerminate, kAutostop, kOpenPorts, kReplace };
std::string_view name_of(IntentKind kind);

/// Something about to be done outside. It is written before and removed after; one that is found later was cut short.
struct Intent {
  IntentKind kind = IntentKind::kCreate;
  std::string cluster, cloud, token;
  Instant since;
};

/// One stretch of time in which a cluster was paid for, at the price recorded when it began.
struct UsageRecord {
  std::string cluster;
  Placement placement;
  int num_nodes = 1;
  Instant started;
  std::optional<Instant> ended;  ///< none: it goes on

  /// $ until `now`, by the second.
  double cost(Instant now) const;
};

/// What a cloud had none of, and until when that is believed.
struct Refusal {
  cloud::Scope scope;
  std::string code;  ///< as the cloud named it
  Instant until;
};

enum class StorageStatus { kInit, kReady, kDeleting };
std::string_view name_of(StorageStatus status);

/// A bucket that a task named to be made. It is on record before it is made; only one that a store is known to have made for us is ever
/// deleted.
struct StorageRecord {
  std::string location;  ///< "s3://name"
  StorageStatus status = StorageStatus::kInit;
  bool made = false;       ///< by us: the store said so
  bool persistent = true;  ///< stays when the cluster goes
  std::string region;      ///< empty: the store's own choice
  std::string cluster;     ///< it was made for
  std::string source;      ///< what was uploaded, as the task says
  Instant since;
};

enum class VolumeStatus { kInit, kReady, kDeleting };
std::string_view name_of(VolumeStatus status);

/// A volume that was asked for by name. It is on record, as it is to be, before it is made, and as going before it is removed.
struct VolumeRecord {
  cloud::Volume volume;
  VolumeStatus status = VolumeStatus::kInit;
  std::string cloud, user;
  Instant since;
};

class StateStore {
 public:
  struct Database;

  /// Opens or creates the file. Errors   kDataLoss: it is damaged, or made by a newer version; kExhausted: disk full
  static Result<StateStore> open(const fs::path& path);
  StateStore(StateStore&&) noexcept;
  StateStore& operator=(StateStore&&) noexcept;
  ~StateStore();

  Result<std::vector<ClusterRecord>> clusters();
  /// Errors   kNotFound
  Result<ClusterRecord> cluster(const std::string& name);
  Status put(const ClusterRecord& cluster);
  Status remove(const std::string& name);

  /// At most one intent stands for a cluster; a new one replaces it. The record, when given, is written in the same
  /// transaction.
  /// Errors   kNotFound, kUnavailable: a volume that the record names is not there to be mounted; nothing is recorded then
  Status begin(const Intent& intent, const ClusterRecord* record = nullptr);
  /// Ends the cluster's intent; the record is written (or, when none, removed) in the same transaction. A cluster that
  /// is then UP is paid for from `now`; one that is not, no longer.
  Status finish(const std::string& cluster, const std::optional<ClusterRecord>& record, Instant now);
  Result<std::vector<Intent>> intents();

  /// Newest first.
  Result<std::vector<UsageRecord>> usage();

  /// By location.
  Result<std::vector<StorageRecord>> storages();
  Status put_storage(const StorageRecord& storage);
  Status remove_storage(const std::string& location);

  /// By name.
  Result<std::vector<VolumeRecord>> volumes();
  /// None: there is no such volume.
  Result<std::optional<VolumeRecord>> volume(const std::string& name);
  Status put_volume(const VolumeRecord& record);
  /// From here on it is kDeleting, and no cluster that mounts it can be recorded.
  /// Errors   kInvalidArgument: a cluster mounts it, which is named
  Status begin_volume_removal(const std::string& name);
  Status remove_volume(const std::string& name);

  /// What is out of stock, for later launches too. What has expired by `now` goes.
  Status remember_refusal(const Refusal& refusal, Instant now);
  Result<std::vector<Refusal>> refusals(Instant now);

 private:
  explicit StateStore(std::unique_ptr<Database> database);
  std::unique_ptr<Database> database_;
};

}  // namespace isobar::broker
