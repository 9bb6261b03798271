#include <array>
#include <cmath>

#include "agent_wire.h"

namespace isobar::broker {

namespace {

constexpr int kNodesMax = 100'000;
constexpr double kIdleSecondsMax = 10 * 365.0 * 86'400;
constexpr double kPerNodeMax = 1e6;  // CPUs or accelerators of one node
constexpr std::array<std::string_view, kJobStatuses> kStatusNames = {"INIT",   "PENDING",      "SETTING_UP",    "RUNNING",  "SUCCEEDED",
                                                                     "FAILED", "FAILED_SETUP", "FAILED_DRIVER", "CANCELLED"};

// ---- bounds ---------------------------------------------------------------------------------------------------

Status in_range(double value, double least, double most, std::string_view name) {
  if (std::isfinite(value) && value >= least && value <= most) return {};
  return invalid(fmt::format("{}: {} is not between {} and {}", name, value, least, most));
}

Status no_nul(std::string_view text, std::string_view name) {
  if (text.find('\0') == std::string_view::npos) return {};
  return invalid(fmt::format("{} holds a NUL byte", name));
}

bool is_variable_name(std::string_view name) {
  const auto word = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (c >= '0' && c <= '9'); };
  return !name.empty() && !(name[0] >= '0' && name[0] <= '9') && std::all_of(name.begin(), name.end(), word);
}

Status check_variable(const wire::Variable& variable) {
  if (!is_variable_name(variable.name())) return invalid("environment: \"" + variable.name() + "\" is not a variable's name");
  return no_nul(variable.value(), "environment: " + variable.name());
}

/// A name that becomes one part of a path.
Status check_file_name(std::string_view name, std::string_view field) {
  if (name.empty() || name == "." || name == ".." || name.size() > 255 || name.find('/') != std::string_view::npos)
    return invalid(fmt::format("{}: \"{}\" cannot name a file", field, name));
  return no_nul(name, field);
}

template <class Fields>
void put_variables(const Fields& variables, google::protobuf::RepeatedPtrField<wire::Variable>* out) {
  for (const auto& [name, value] : variables) {
    auto* variable = out->Add();
    variable->set_name(name);
    variable->set_value(value);
  }
}

Result<std::map<std::string, std::string>> variable_map(const google::protobuf::RepeatedPtrField<wire::Variable>& wire) {
  std::map<std::string, std::string> out;
  for (const auto& variable : wire) {
    TRY(check_variable(variable));
    out[variable.name()] = variable.value();
  }
  return out;
}

Result<MirrorEntry> get_entry(const wire::MirrorEntry& wire) {
  TRY_ASSIGN(const auto kind, enumerator(wire.kind(), EntryKind::kSymlink, "kind"));
  TRY(no_nul(wire.path(), "path"));
  TRY(no_nul(wire.target(), "target"));
  if (wire.mode() > 07777) return invalid(fmt::format("mode {:o} of {} is not permission bits", wire.mode(), wire.path()));
  return MirrorEntry{wire.path(), kind, wire.mode(), wire.size(), Instant::from_unix_nanos(wire.modified()), wire.target(), wire.hash()};
}

}  // namespace

std::string describe(const NodeNotice& notice) {
  if (notice.at) return fmt::format("node {} will be taken away at {} UTC ({})", notice.rank, format_instant(*notice.at), notice.what);
  if (notice.what == "rebalance") return fmt::format("node {} is likelier than usual to be taken away (rebalance)", notice.rank);
  return fmt::format("node {} is being taken away ({})", notice.rank, notice.what);
}

std::string_view name_of(JobStatus status) { return kStatusNames[static_cast<std::size_t>(status)]; }

void put(const JobSpec& spec, wire::JobSpec* out) {
  out->set_name(spec.name);
  out->set_user(spec.user);
  out->set_num_nodes(spec.num_nodes);
  out->set_cpus(spec.cpus);
  out->set_gpus(spec.gpus);
  out->set_setup(spec.setup);
  out->set_run(spec.run);
  put_variables(spec.envs, out->mutable_envs());
  put_variables(spec.secrets, out->mutable_secrets());
  put_variables(spec.setup_secrets, out->mutable_setup_secrets());
  out->set_again_when_node_lost(spec.again_when_node_lost);
  out->set_resources(spec.resources);
  out->set_task_id(spec.task_id);
  out->set_token(spec.token);
}

Result<JobSpec> get(const wire::JobSpec& wire) {
  TRY(in_range(wire.num_nodes(), 1, kNodesMax, "num_nodes"));
  TRY(in_range(wire.cpus(), 0, kPerNodeMax, "cpus"));
  TRY(in_range(wire.gpus(), 0, kPerNodeMax, "gpus"));
  if (wire.gpus() > 1 && wire.gpus() != std::floor(wire.gpus()))
    return invalid(fmt::format("gpus: {} is neither whole nor a share of one device", wire.gpus()));
  TRY(no_nul(wire.user(), "user"));
  TRY(no_nul(wire.task_id(), "task_id"));
  JobSpec spec{.name = wire.name(), .user = wire.user(), .num_nodes = wire.num_nodes(), .cpus = wire.cpus(), .gpus = wire.gpus()};
  spec.setup = wire.setup();
  spec.run = wire.run();
  TRY_ASSIGN(spec.envs, variable_map(wire.envs()));
  TRY_ASSIGN(spec.secrets, variable_map(wire.secrets()));
  TRY_ASSIGN(spec.setup_secrets, variable_map(wire.setup_secrets()));
  spec.again_when_node_lost = wire.again_when_node_lost();
  spec.resources = wire.resources();
  spec.task_id = wire.task_id();
  spec.token = wire.token();
  return spec;
}

void put(const JobRecord& job, wire::JobRecord* out) {
  out->set_id(job.id.value());
  out->set_name(job.name);
  out->set_user(job.user);
  out->set_resources(job.resources);
  out->set_num_nodes(job.num_nodes);
  out->set_status(static_cast<std::int32_t>(job.status));
  out->set_submitted(job.submitted.unix_nanos());
  if (job.started) out->set_started(job.started->unix_nanos());
  if (job.ended) out->set_ended(job.ended->unix_nanos());
  if (job.exit_code) out->set_exit_code(*job.exit_code);
  if (job.failed_rank) out->set_failed_rank(*job.failed_rank);
  out->set_reason(job.reason);
  out->set_log_folder(job.log_folder);
}

Result<JobRecord> get(const wire::JobRecord& wire) {
  JobRecord job{
      .id = JobId(wire.id()), .name = wire.name(), .user = wire.user(), .resources = wire.resources(), .num_nodes = wire.num_nodes()};
  TRY_ASSIGN(job.status, enumerator(wire.status(), JobStatus::kCancelled, "status"));
  job.submitted = Instant::from_unix_nanos(wire.submitted());
  if (wire.has_started()) job.started = Instant::from_unix_nanos(wire.started());
  if (wire.has_ended()) job.ended = Instant::from_unix_nanos(wire.ended());
  if (wire.has_exit_code()) job.exit_code = wire.exit_code();
  if (wire.has_failed_rank()) job.failed_rank = wire.failed_rank();
  job.reason = wire.reason();
  job.log_folder = wire.log_folder();
  return job;
}

void put(const Autostop& autostop, wire::Autostop* out) {
  out->set_idle(autostop.idle.count());
  out->set_down(autostop.down);
  out->set_wait_for(static_cast<std::int32_t>(autostop.wait_for));
}

Result<Autostop> get(const wire::Autostop& wire) {
  TRY(in_range(to_seconds(Duration(wire.idle())), 0, kIdleSecondsMax, "autostop: idle seconds"));
  TRY_ASSIGN(const auto wait_for, enumerator(wire.wait_for(), IdleWait::kNone, "wait_for"));
  return Autostop{Duration(wire.idle()), wire.down(), wait_for};
}

void put(const NodeStatus& status, wire::NodeStatus* out) {
  out->set_version(status.version);
  out->set_cluster(status.cluster);
  out->set_rank(status.rank);
  out->set_nodes(status.nodes);
  out->set_nodes_connected(status.nodes_connected);
  out->set_booted(status.booted.unix_nanos());
  if (status.idle_since) out->set_idle_since(status.idle_since->unix_nanos());
  if (status.autostop) put(*status.autostop, out->mutable_autostop());
  out->set_pending(status.pending);
  out->set_setting_up(status.setting_up);
  out->set_running(status.running);
  for (const auto& notice : status.notices) {
    auto* told = out->add_notices();
    told->set_rank(notice.rank);
    if (notice.at) told->set_at(notice.at->unix_nanos());
    told->set_what(notice.what);
  }
}

Result<NodeStatus> get(const wire::NodeStatus& wire) {
  NodeStatus status{wire.version(), wire.cluster(),         wire.rank(),
                    wire.nodes(),   wire.nodes_connected(), Instant::from_unix_nanos(wire.booted())};
  if (wire.has_idle_since()) status.idle_since = Instant::from_unix_nanos(wire.idle_since());
  if (wire.has_autostop()) {
    TRY_ASSIGN(status.autostop, get(wire.autostop()));
  }
  status.pending = wire.pending();
  status.setting_up = wire.setting_up();
  status.running = wire.running();
  for (const auto& told : wire.notices()) {
    TRY(in_range(told.rank(), 0, kNodesMax, "notice: rank"));
    status.notices.push_back({told.rank(), std::nullopt, told.what()});
    if (told.has_at()) status.notices.back().at = Instant::from_unix_nanos(told.at());
  }
  return status;
}

void put(const RankKey& key, wire::RankKey* out) {
  out->set_job(key.job.value());
  out->set_phase(static_cast<std::int32_t>(key.phase));
}

Result<RankKey> get(const wire::RankKey& wire) {
  TRY_ASSIGN(const auto phase, enumerator(wire.phase(), Phase::kRun, "phase"));
  return RankKey{JobId(wire.job()), phase};
}

void put(const RankOrder& order, wire::RankOrder* out) {
  out->set_script(order.script);
  put_variables(order.environment, out->mutable_environment());
  out->set_log_folder(order.log_folder);
  out->set_log_name(order.log_name);
  out->set_leave_background(order.leave_background);
}

Result<RankOrder> get(const wire::RankOrder& wire) {
  TRY(check_file_name(wire.log_folder(), "log_folder"));
  TRY(check_file_name(wire.log_name(), "log_name"));
  RankOrder order{.script = wire.script(), .log_folder = wire.log_folder(), .log_name = wire.log_name()};
  order.leave_background = wire.leave_background();
  for (const auto& variable : wire.environment()) {
    TRY(check_variable(variable));
    order.environment.emplace_back(variable.name(), variable.value());
  }
  return order;
}

void put_ids(const std::vector<JobId>& ids, google::protobuf::RepeatedField<std::uint64_t>* out) {
  for (const auto id : ids) out->Add(id.value());
}

std::vector<JobId> get_ids(const google::protobuf::RepeatedField<std::uint64_t>& wire) {
  std::vector<JobId> ids;
  for (const auto id : wire) ids.emplace_back(id);
  return ids;
}

void put(const MirrorManifest& manifest, wire::MirrorManifest* out) {
  out->set_destination(manifest.destination);
  out->set_compare(static_cast<std::int32_t>(manifest.compare));
  out->set_last(manifest.last);
  for (const auto& entry : manifest.entries) {
    auto* wire = out->add_entries();
    wire->set_path(entry.path);
    wire->set_kind(static_cast<std::int32_t>(entry.kind));
    wire->set_mode(entry.mode);
    wire->set_size(entry.size);
    wire->set_modified(entry.modified.unix_nanos());
    wire->set_target(entry.target);
    wire->set_hash(entry.hash);
  }
}

Result<MirrorManifest> get(const wire::MirrorManifest& wire) {
  TRY(no_nul(wire.destination(), "destination"));
  MirrorManifest manifest{.destination = wire.destination()};
  TRY_ASSIGN(manifest.compare, enumerator(wire.compare(), MirrorCompare::kContent, "compare"));
  manifest.last = wire.last();
  for (const auto& entry : wire.entries()) {
    TRY_ASSIGN(manifest.entries.emplace_back(), get_entry(entry).context("mirror"));
  }
  return manifest;
}

std::string encode(const JobSpec& spec) {
  wire::JobSpec wire;
  put(spec, &wire);
  return wire.SerializeAsString();
}

Result<JobSpec> decode_job_spec(std::string_view bytes) {
  TRY_ASSIGN(const auto wire, parse<wire::JobSpec>(bytes, "job"));
  return get(wire);
}

std::string encode(const RankOrder& order) {
  wire::RankOrder wire;
  put(order, &wire);
  return wire.SerializeAsString();
}

Result<RankOrder> decode_rank_order(std::string_view bytes) {
  TRY_ASSIGN(const auto wire, parse<wire::RankOrder>(bytes, "rank order"));
  return get(wire);
}

}  // namespace isobar::broker
