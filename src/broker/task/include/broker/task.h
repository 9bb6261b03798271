#pragma once

/// A task file as typed values. The format is the task YAML of SkyPilot, so that files people already have run
/// unchanged; unknown keys are errors with a suggestion, and all errors of a file are reported at once.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "broker/resources.h"
#include "yaml/yaml_tree.h"

namespace isobar::broker {

/// A variable of a task. An unset value was declared null: it must come from the command line.
struct EnvVar {
  std::string name;
  std::optional<std::string> value;
  friend bool operator==(const EnvVar&, const EnvVar&) = default;
};

/// A folder that becomes ~/sky_workdir on every node, or a git repository at a ref.
struct Workdir {
  std::string path;
  std::string git_url, git_ref;
  friend bool operator==(const Workdir&, const Workdir&) = default;
};

enum class MountMode { kMount, kCopy, kMountCached };

/// One entry of file_mounts: a local path is mirrored; a bucket is copied or mounted.
struct FileMount {
  std::string destination;
  std::string local_source;                 ///< a path on this machine; empty for a bucket
  std::vector<std::string> bucket_sources;  ///< URIs, or local paths to upload to the bucket first
  std::string bucket_name, store, preset;   ///< `name`, `store`, `type` of the storage map
  MountMode mode = MountMode::kMount;
  bool persistent = true;
  std::map<std::string, std::string> settings;  ///< `config` and `mount_options`, flattened: "mount.read_only" → "True"

  bool is_bucket() const { return local_source.empty(); }
  /// By its name alone, or from folders of this machine: it is made where it is missing.
  bool is_made() const { return is_bucket() && (bucket_sources.empty() || bucket_sources[0].find("://") == std::string::npos); }
  friend bool operator==(const FileMount&, const FileMount&) = default;
};

/// A volume by name, or an ephemeral one by size, which every node has for itself and which goes with it.
struct VolumeMount {
  std::string path;  ///< absolute
  std::string name;
  std::optional<std::uint64_t> ephemeral_gb;
  std::string storage_class, access_mode = "ReadWriteOnce";  ///< of an ephemeral one
  std::map<std::string, std::string> labels;
  friend bool operator==(const VolumeMount&, const VolumeMount&) = default;
};

/// A secret that the server holds, by name, optionally placed as a file.
struct ManagedSecret {
  std::string name, mount_path;
  friend bool operator==(const ManagedSecret&, const ManagedSecret&) = default;
};

/// Bytes a task reads or writes, for the egress model. uri as written, gb in GB.
struct DataEstimate {
  std::string uri;
  double gb = 0;
  friend bool operator==(const DataEstimate&, const DataEstimate&) = default;
};

struct ReadinessProbe {
  std::string path;
  std::string post_data;  ///< as written, JSON or YAML text
  std::map<std::string, std::string> headers;
  Duration initial_delay = std::chrono::seconds(1200), timeout = std::chrono::seconds(15), interval = std::chrono::seconds(10),
           failure_threshold = std::chrono::seconds(180);
  friend bool operator==(const ReadinessProbe&, const ReadinessProbe&) = default;
};

struct ReplicaPolicy {
  int replicas_min = 1;
  std::optional<int> replicas_max;  ///< unset: fixed at the minimum
  std::optional<double> target_qps_per_replica;
  std::map<std::string, double> target_qps_by_accelerator;
  int overprovision = 0;
  bool dynamic_ondemand_fallback = false;
  int base_ondemand_fallback_replicas = 0;
  std::string spot_placer;
  Duration upscale_delay = std::chrono::seconds(300), downscale_delay = std::chrono::seconds(1200);
  friend bool operator==(const ReplicaPolicy&, const ReplicaPolicy&) = default;
};

struct Service {
  ReadinessProbe probe;
  ReplicaPolicy policy;
  std::string load_balancing_policy = "least_load";
  std::string tls_keyfile, tls_certfile;
  std::optional<Duration> stream_timeout;
  std::vector<PortRange> ports;
  friend bool operator==(const Service&, const Service&) = default;
};

struct Pool {
  int workers_min = 0;
  std::optional<int> workers_max;  ///< unset: fixed at the minimum
  int queue_length_threshold = 1;
  Duration upscale_delay = std::chrono::seconds(300), downscale_delay = std::chrono::seconds(1200);
  friend bool operator==(const Pool&, const Pool&) = default;
};

enum class HookEvent { kStop, kPreemption, kDown };

struct LifecycleHook {
  std::string run;
  std::vector<HookEvent> events{HookEvent::kStop, HookEvent::kPreemption, HookEvent::kDown};
  Duration timeout = std::chrono::seconds(3600);
  friend bool operator==(const LifecycleHook&, const LifecycleHook&) = default;
};

/// Something the file asks for that is understood, but whose action this version does not have yet.
struct LaterFeature {
  std::string field;  ///< "service"
  YamlMark mark;
  std::string reason;  ///< "serving replicas is not available yet"
  friend bool operator==(const LaterFeature& a, const LaterFeature& b) { return a.field == b.field; }
};

struct Task {
  std::string name;
  std::optional<Workdir> workdir;
  int num_nodes = 1;
  ResourceChoice resources;
  std::vector<FileMount> file_mounts;
  std::vector<VolumeMount> volumes;
  std::string setup, run;
  std::vector<EnvVar> envs;
  std::vector<EnvVar> secrets;
  std::vector<ManagedSecret> managed_secrets;
  std::optional<DataEstimate> inputs, outputs;
  std::optional<Service> service;
  std::optional<Pool> pool;
  std::map<std::string, std::string> config;  ///< overrides, by dotted key, as YAML text
  std::vector<LifecycleHook> hooks;
  std::string event_callback;
  bool api_server_access = true;
  std::vector<std::string> depends_on;  ///< names of earlier tasks of the same file; unset: the one before
  bool has_depends_on = false;
  std::vector<LaterFeature> later;

  friend bool operator==(const Task&, const Task&) = default;
};

enum class Execution { kSerial, kParallel };

/// One file: a task, or a pipeline of several.
struct TaskFile {
  std::string path;
  std::string pipeline_name;
  Execution execution = Execution::kSerial;
  std::vector<Task> tasks;            ///< never empty
  std::vector<std::string> warnings;  ///< "FILE:LINE:COLUMN: field: what may surprise"
};

/// What the command line lays over a file. Each named option stands for the field of the same meaning and replaces it
/// in every alternative of every task.
struct TaskOverrides {
  std::vector<EnvVar> envs, secrets;  ///< set or added
  std::optional<std::string> name, workdir, num_nodes;
  std::optional<std::string> git_url, git_ref;  ///< a url replaces any workdir; a ref alone, that of the workdir's repository
  std::vector<std::pair<std::string, std::string>> resources;  ///< field of `resources` → its value as YAML text
};

/// Parses and validates; substitutes `envs` where the format says so.
/// file_name  as the user knows it, for messages
/// Errors     kInvalidArgument: every problem of the file, a line each: "FILE:LINE:COLUMN: FIELD: what; mend"
Result<TaskFile> parse_task_file(std::string_view text, const std::string& file_name, const TaskOverrides& overrides = {});

/// Reads the file and parses it.
Result<TaskFile> load_task_file(const std::string& path, const TaskOverrides& overrides = {});

/// A task as text that parses back to an equal task. Secret values are shown as "<redacted>".
std::string show_task(const Task& task);

/// The names declared null for which no value came, with the mend; ok when there are none.
Status require_all_values(const TaskFile& file);

/// ok when this version can act on everything the file asks for; otherwise names each thing that comes later.
Status require_available(const TaskFile& file);

/// One "NAME=VALUE" or "NAME" (its value is then taken from `environment`). option  "--env", for the message
Result<EnvVar> parse_env_option(std::string_view text, std::string_view option, const std::map<std::string, std::string>& environment);

/// A dotenv file: NAME=VALUE lines, `export` allowed, # comments, single and double quotes.
Result<std::vector<EnvVar>> parse_dotenv(std::string_view text, const std::string& file_name);

/// A cluster's name: a letter, then letters, digits, '-', '_', '.', ending in a letter or digit; at most 63 long.
Status check_cluster_name(std::string_view name);

/// Every cloud a task file may name, canonical spelling; "local" is this machine.
const std::vector<std::string>& known_clouds();

}  // namespace isobar::broker
