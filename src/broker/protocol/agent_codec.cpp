// Between the typed messages and Protobuf. Encoding cannot fail; decoding trusts nothing: whatever passes here is in the
// bounds that the types promise, so that the agent need not ask again.

#include <algorithm>
#include <array>
#include <cmath>

#include "agent.pb.h"
#include "broker/agent_messages.h"

namespace isobar::broker {

namespace {

constexpr int kNodesMax = 100'000;
constexpr double kIdleSecondsMax = 10 * 365.0 * 86'400;
constexpr double kPerNodeMax = 1e6;  // CPUs or accelerators of one node
constexpr std::array<std::string_view, kJobStatuses> kStatusNames = {"INIT",   "PENDING",      "SETTING_UP",    "RUNNING",  "SUCCEEDED",
                                                                     "FAILED", "FAILED_SETUP", "FAILED_DRIVER", "CANCELLED"};

// ---- bounds ---------------------------------------------------------------------------------------------------

template <class Enum>
Result<Enum> enumerator(std::int32_t value, Enum last, std::string_view name) {
  if (value < 0 || value > static_cast<std::int32_t>(last)) return invalid(fmt::format("{}: {} is out of range", name, value));
  return static_cast<Enum>(value);
}

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

// ---- values ---------------------------------------------------------------------------------------------------

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
  JobRecord job{.id = JobId(wire.id()), .name = wire.name(), .user = wire.user(), .resources = wire.resources(), .num_nodes = wire.num_nodes()};
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
}

Result<NodeStatus> get(const wire::NodeStatus& wire) {
  NodeStatus status{wire.version(), wire.cluster(), wire.rank(), wire.nodes(), wire.nodes_connected(), Instant::from_unix_nanos(wire.booted())};
  if (wire.has_idle_since()) status.idle_since = Instant::from_unix_nanos(wire.idle_since());
  if (wire.has_autostop()) {
    TRY_ASSIGN(status.autostop, get(wire.autostop()));
  }
  status.pending = wire.pending();
  status.setting_up = wire.setting_up();
  status.running = wire.running();
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

Result<MirrorEntry> get(const wire::MirrorEntry& wire) {
  TRY_ASSIGN(const auto kind, enumerator(wire.kind(), EntryKind::kSymlink, "kind"));
  TRY(no_nul(wire.path(), "path"));
  TRY(no_nul(wire.target(), "target"));
  if (wire.mode() > 07777) return invalid(fmt::format("mode {:o} of {} is not permission bits", wire.mode(), wire.path()));
  return MirrorEntry{wire.path(), kind, wire.mode(), wire.size(), Instant::from_unix_nanos(wire.modified()), wire.target(), wire.hash()};
}

Result<MirrorManifest> get(const wire::MirrorManifest& wire) {
  TRY(no_nul(wire.destination(), "destination"));
  MirrorManifest manifest{.destination = wire.destination()};
  TRY_ASSIGN(manifest.compare, enumerator(wire.compare(), MirrorCompare::kContent, "compare"));
  manifest.last = wire.last();
  for (const auto& entry : wire.entries()) {
    TRY_ASSIGN(manifest.entries.emplace_back(), get(entry).context("mirror"));
  }
  return manifest;
}

// ---- requests -------------------------------------------------------------------------------------------------

struct PutRequest {
  wire::Request& out;

  void operator()(const Hello& hello) const {
    out.mutable_hello()->set_protocol(hello.protocol);
    out.mutable_hello()->set_token(hello.token);
  }
  void operator()(const SubmitJobs& submit) const {
    auto* jobs = out.mutable_submit_jobs();
    for (const auto& job : submit.jobs) put(job, jobs->add_jobs());
  }
  void operator()(const ListJobs& list) const {
    auto* wire = out.mutable_list_jobs();
    put_ids(list.ids, wire->mutable_ids());
    wire->set_active_only(list.active_only);
    wire->set_limit(list.limit);
  }
  void operator()(const CancelJobs& cancel) const {
    put_ids(cancel.ids, out.mutable_cancel_jobs()->mutable_ids());
    out.mutable_cancel_jobs()->set_all(cancel.all);
  }
  void operator()(const TailLogs& tail) const {
    auto* wire = out.mutable_tail_logs();
    wire->set_job(tail.job.value());
    wire->set_follow(tail.follow);
    if (tail.tail_lines) wire->set_tail_lines(*tail.tail_lines);
    if (tail.rank) wire->set_rank(*tail.rank);
  }
  void operator()(const SetAutostop& set) const {
    auto* wire = out.mutable_set_autostop();
    if (set.autostop) put(*set.autostop, wire->mutable_autostop());
  }
  void operator()(const AskStatus&) const { out.mutable_ask_status(); }
  void operator()(const ShutDown& shut) const { out.mutable_shut_down()->set_how(static_cast<std::int32_t>(shut.how)); }
  void operator()(const MirrorManifest& manifest) const { put(manifest, out.mutable_mirror_manifest()); }
  void operator()(const MirrorData& data) const {
    auto* wire = out.mutable_mirror_data();
    wire->set_entry(data.entry);
    wire->set_bytes(data.bytes);
    wire->set_end_of_file(data.end_of_file);
  }
  void operator()(const MirrorFinish&) const { out.mutable_mirror_finish(); }
  void operator()(const RunRank& run) const {
    auto* wire = out.mutable_run_rank();
    put(run.key, wire->mutable_key());
    put(run.order, wire->mutable_order());
    wire->set_offset(run.offset);
  }
  void operator()(const KillRank& kill) const { put(kill.key, out.mutable_kill_rank()); }
  void operator()(const ForgetRank& forget) const { put(forget.key, out.mutable_forget_rank()); }
};

Result<Request> get_submit(const wire::SubmitJobs& wire) {
  SubmitJobs submit;
  for (const auto& job : wire.jobs()) {
    TRY_ASSIGN(submit.jobs.emplace_back(), get(job).context("job \"" + job.name() + "\""));
  }
  return Request(std::move(submit));
}

Result<Request> get_tail(const wire::TailLogs& wire) {
  TailLogs tail{.job = JobId(wire.job()), .follow = wire.follow()};
  if (wire.has_tail_lines()) tail.tail_lines = wire.tail_lines();
  if (wire.has_rank()) tail.rank = wire.rank();
  return Request(tail);
}

Result<Request> get_autostop(const wire::SetAutostop& wire) {
  SetAutostop set;
  if (wire.has_autostop()) {
    TRY_ASSIGN(set.autostop, get(wire.autostop()));
  }
  return Request(set);
}

Result<Request> get_run(const wire::RunRank& wire) {
  RunRank run{.offset = wire.offset()};
  TRY_ASSIGN(run.key, get(wire.key()));
  TRY_ASSIGN(run.order, get(wire.order()));
  return Request(std::move(run));
}

template <class Body>
Result<Request> as_request(Result<Body> body) {
  if (!body.ok()) return body.error();
  return Request(std::move(*body));
}

Result<Request> get_request(const wire::Request& wire) {
  switch (wire.body_case()) {
    case wire::Request::kHello: return Request(Hello{wire.hello().protocol(), wire.hello().token()});
    case wire::Request::kSubmitJobs: return get_submit(wire.submit_jobs());
    case wire::Request::kListJobs:
      return Request(ListJobs{get_ids(wire.list_jobs().ids()), wire.list_jobs().active_only(), wire.list_jobs().limit()});
    case wire::Request::kCancelJobs: return Request(CancelJobs{get_ids(wire.cancel_jobs().ids()), wire.cancel_jobs().all()});
    case wire::Request::kTailLogs: return get_tail(wire.tail_logs());
    case wire::Request::kSetAutostop: return get_autostop(wire.set_autostop());
    case wire::Request::kAskStatus: return Request(AskStatus{});
    case wire::Request::kShutDown: {
      TRY_ASSIGN(const auto how, enumerator(wire.shut_down().how(), PowerOff::kTerminate, "how"));
      return Request(ShutDown{how});
    }
    case wire::Request::kMirrorManifest: return as_request(get(wire.mirror_manifest()));
    case wire::Request::kMirrorData:
      return Request(MirrorData{wire.mirror_data().entry(), wire.mirror_data().bytes(), wire.mirror_data().end_of_file()});
    case wire::Request::kMirrorFinish: return Request(MirrorFinish{});
    case wire::Request::kRunRank: return get_run(wire.run_rank());
    case wire::Request::kKillRank: {
      TRY_ASSIGN(const auto key, get(wire.kill_rank()));
      return Request(KillRank{key});
    }
    case wire::Request::kForgetRank: {
      TRY_ASSIGN(const auto key, get(wire.forget_rank()));
      return Request(ForgetRank{key});
    }
    case wire::Request::BODY_NOT_SET: break;
  }
  return invalid("a request of a kind that this version does not know");
}

// ---- replies --------------------------------------------------------------------------------------------------

struct PutReply {
  wire::Reply& out;

  void operator()(const Welcome& welcome) const {
    auto* wire = out.mutable_welcome();
    wire->set_protocol(welcome.protocol);
    wire->set_version(welcome.version);
    wire->set_cluster(welcome.cluster);
    wire->set_rank(welcome.rank);
  }
  void operator()(const Failure& failure) const {
    out.mutable_failure()->set_code(static_cast<std::int32_t>(failure.code));
    out.mutable_failure()->set_message(failure.message);
  }
  void operator()(const Done&) const { out.mutable_done(); }
  void operator()(const JobIds& jobs) const { put_ids(jobs.ids, out.mutable_job_ids()->mutable_ids()); }
  void operator()(const JobPage& page) const {
    auto* wire = out.mutable_job_page();
    for (const auto& job : page.jobs) put(job, wire->add_jobs());
    wire->set_last(page.last);
  }
  void operator()(const LogChunk& chunk) const { out.set_log_chunk(chunk.bytes); }
  void operator()(const LogEnd& end) const { put(end.job, out.mutable_log_end()); }
  void operator()(const NodeStatus& status) const { put(status, out.mutable_node_status()); }
  void operator()(const MirrorWants& wants) const {
    auto* wire = out.mutable_mirror_wants();
    for (const auto entry : wants.entries) wire->add_entries(entry);
    wire->set_last(wants.last);
  }
  void operator()(const MirrorReport& report) const {
    auto* wire = out.mutable_mirror_report();
    wire->set_files_received(report.files_received);
    wire->set_bytes_received(report.bytes_received);
    wire->set_files_kept(report.files_kept);
    wire->set_removed(report.removed);
  }
  void operator()(const RankStarted& started) const { out.set_rank_started(started.pid); }
  void operator()(const RankOutput& output) const {
    out.mutable_rank_output()->set_offset(output.offset);
    out.mutable_rank_output()->set_bytes(output.bytes);
  }
  void operator()(const RankEnd& end) const {
    auto* wire = out.mutable_rank_end();
    if (end.exit_code) wire->set_exit_code(*end.exit_code);
    wire->set_reason(end.reason);
  }
};

Result<Reply> get_page(const wire::JobPage& wire) {
  JobPage page{.last = wire.last()};
  for (const auto& job : wire.jobs()) {
    TRY_ASSIGN(page.jobs.emplace_back(), get(job));
  }
  return Reply(std::move(page));
}

RankEnd get_end(const wire::RankEnd& wire) {
  RankEnd end{.reason = wire.reason()};
  if (wire.has_exit_code()) end.exit_code = wire.exit_code();
  return end;
}

Result<Reply> get_reply(const wire::Reply& wire) {
  switch (wire.body_case()) {
    case wire::Reply::kWelcome:
      return Reply(Welcome{wire.welcome().protocol(), wire.welcome().version(), wire.welcome().cluster(), wire.welcome().rank()});
    case wire::Reply::kFailure: {
      TRY_ASSIGN(const auto code, enumerator(wire.failure().code(), Code::kDataLoss, "code"));
      return Reply(Failure{code, wire.failure().message()});
    }
    case wire::Reply::kDone: return Reply(Done{});
    case wire::Reply::kJobIds: return Reply(JobIds{get_ids(wire.job_ids().ids())});
    case wire::Reply::kJobPage: return get_page(wire.job_page());
    case wire::Reply::kLogChunk: return Reply(LogChunk{wire.log_chunk()});
    case wire::Reply::kLogEnd: {
      TRY_ASSIGN(auto job, get(wire.log_end()));
      return Reply(LogEnd{std::move(job)});
    }
    case wire::Reply::kNodeStatus: {
      TRY_ASSIGN(auto status, get(wire.node_status()));
      return Reply(std::move(status));
    }
    case wire::Reply::kMirrorWants:
      return Reply(MirrorWants{{wire.mirror_wants().entries().begin(), wire.mirror_wants().entries().end()}, wire.mirror_wants().last()});
    case wire::Reply::kMirrorReport: {
      const auto& report = wire.mirror_report();
      return Reply(MirrorReport{report.files_received(), report.bytes_received(), report.files_kept(), report.removed()});
    }
    case wire::Reply::kRankStarted: return Reply(RankStarted{wire.rank_started()});
    case wire::Reply::kRankOutput: return Reply(RankOutput{wire.rank_output().offset(), wire.rank_output().bytes()});
    case wire::Reply::kRankEnd: return Reply(get_end(wire.rank_end()));
    case wire::Reply::BODY_NOT_SET: break;
  }
  return invalid("a reply of a kind that this version does not know");
}

template <class Wire>
Result<Wire> parse(std::string_view bytes, std::string_view name) {
  Wire wire;
  if (!wire.ParseFromArray(bytes.data(), static_cast<int>(std::min<std::size_t>(bytes.size(), INT32_MAX))))
    return invalid(fmt::format("{}: not a well-formed message of {} bytes", name, bytes.size()));
  return wire;
}

}  // namespace

std::string_view name_of(JobStatus status) { return kStatusNames[static_cast<std::size_t>(status)]; }

std::string encode(const RequestFrame& frame) {
  wire::Request wire;
  wire.set_id(frame.id);
  std::visit(PutRequest{wire}, frame.body);
  return wire.SerializeAsString();
}

std::string encode(const ReplyFrame& frame) {
  wire::Reply wire;
  wire.set_id(frame.id);
  std::visit(PutReply{wire}, frame.body);
  return wire.SerializeAsString();
}

Result<RequestFrame> decode_request(std::string_view bytes) {
  TRY_ASSIGN(const auto wire, parse<wire::Request>(bytes, "request"));
  TRY_ASSIGN(auto body, get_request(wire));
  return RequestFrame{wire.id(), std::move(body)};
}

Result<ReplyFrame> decode_reply(std::string_view bytes) {
  TRY_ASSIGN(const auto wire, parse<wire::Reply>(bytes, "reply"));
  TRY_ASSIGN(auto body, get_reply(wire));
  return ReplyFrame{wire.id(), std::move(body)};
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
