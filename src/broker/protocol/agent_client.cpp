#include "broker/agent_client.h"

#include <algorithm>

#include "agent_connection.h"

namespace isobar::broker {

AgentClient::AgentClient(std::unique_ptr<Connection> connection) : connection_(std::move(connection)) {}
AgentClient::AgentClient(AgentClient&&) noexcept = default;
AgentClient& AgentClient::operator=(AgentClient&&) noexcept = default;
AgentClient::~AgentClient() = default;

Result<AgentClient> AgentClient::connect(const std::string& address, Duration deadline, const std::string& token) {
  TRY_ASSIGN(auto client, connect([address, token] { return broker::dial(address, token); }, address, deadline, token));
  if (address.starts_with("unix:")) client.is_on_this_machine();
  return client;
}

Result<AgentClient> AgentClient::connect(Dial dial, const std::string& where, Duration deadline, const std::string& token) {
  TRY_ASSIGN(auto connection, Connection::open(std::move(dial), where, deadline, token));
  return AgentClient(std::move(connection));
}

void AgentClient::is_on_this_machine() { connection_->is_near = true; }

const Welcome& AgentClient::welcome() const { return connection_->welcome; }

Result<JobId> AgentClient::submit(const JobSpec& job, Duration deadline) {
  TRY_ASSIGN(const auto ids, submit(std::span(&job, 1), deadline));
  return ids.front();
}

Result<std::vector<JobId>> AgentClient::submit(std::span<const JobSpec> jobs, Duration deadline) {
  TRY_ASSIGN(auto accepted, send_jobs(SubmitJobs{{jobs.begin(), jobs.end()}}, deadline));
  return std::move(accepted.ids);
}

Result<std::vector<JobId>> AgentClient::submit(std::span<const JobSpec> jobs, const Autostop& autostop, Duration deadline) {
  TRY_ASSIGN(auto accepted, send_jobs(SubmitJobs{{jobs.begin(), jobs.end()}, autostop}, deadline));
  // An agent of an older isobar passes over what it does not know: it is told once more, in its own words.
  if (!accepted.autostop_set) TRY(set_autostop(autostop, deadline));
  return std::move(accepted.ids);
}

Result<JobIds> AgentClient::send_jobs(SubmitJobs what, Duration deadline) {
  const std::size_t asked = what.jobs.size();
  TRY_ASSIGN(auto accepted, connection_->call<JobIds>(std::move(what), deadline).context("submit"));
  if (accepted.ids.size() != asked)
    return unavailable(fmt::format("submit: the agent answered {} jobs for {}", accepted.ids.size(), asked));
  return accepted;
}

Result<std::vector<JobRecord>> AgentClient::queue(bool active_only, std::uint64_t limit, Duration deadline) {
  return connection_->list(ListJobs{{}, active_only, limit}, deadline).context("read the queue");
}

Result<JobRecord> AgentClient::job(JobId id, Duration deadline) { return connection_->one(id, deadline); }

Result<std::vector<JobId>> AgentClient::cancel(std::span<const JobId> ids, Duration deadline) {
  TRY_ASSIGN(auto ended, connection_->call<JobIds>(CancelJobs{{ids.begin(), ids.end()}, false}, deadline).context("cancel"));
  return std::move(ended.ids);
}

Result<std::vector<JobId>> AgentClient::cancel_all(Duration deadline) {
  TRY_ASSIGN(auto ended, connection_->call<JobIds>(CancelJobs{{}, true}, deadline).context("cancel all"));
  return std::move(ended.ids);
}

struct LogTail::Inside {
  std::unique_ptr<AgentClient::Connection> connection;
  JobId job{0};
};

LogTail::LogTail(std::unique_ptr<Inside> inside) : inside_(std::move(inside)) {}
LogTail::LogTail(LogTail&&) noexcept = default;
LogTail& LogTail::operator=(LogTail&&) noexcept = default;
LogTail::~LogTail() = default;

Result<JobRecord> LogTail::read(const LogSink& sink, const std::stop_token& stop) {
  for (;;) {
    auto reply = inside_->connection->receive(kForever, stop);
    if (!reply.ok() && stop.stop_requested()) {
      TRY_ASSIGN(const auto anew, inside_->connection->another(AgentClient::kCallDeadline).context("tail logs"));
      return anew->one(inside_->job, AgentClient::kCallDeadline);
    }
    if (!reply.ok()) return reply.error().context("tail logs");
    if (const auto* chunk = std::get_if<LogChunk>(&*reply)) sink(chunk->bytes);
    if (auto* end = std::get_if<LogEnd>(&*reply)) return std::move(end->job);
  }
}

Result<LogTail> AgentClient::open_tail(const TailLogs& what) {
  TRY_ASSIGN(auto connection, connection_->another(kCallDeadline).context("tail logs"));
  TRY(connection->send(what, kCallDeadline).context("tail logs"));
  return LogTail(std::make_unique<LogTail::Inside>(LogTail::Inside{std::move(connection), what.job}));
}

Result<JobRecord> AgentClient::tail_logs(const TailLogs& what, const LogSink& sink, const std::stop_token& stop) {
  TRY_ASSIGN(auto tail, open_tail(what));
  return tail.read(sink, stop);
}

Status AgentClient::set_autostop(const std::optional<Autostop>& autostop, Duration deadline) {
  TRY(connection_->call<Done>(SetAutostop{autostop}, deadline).context("set autostop"));
  return {};
}

Result<NodeStatus> AgentClient::status(Duration deadline) {
  return connection_->call<NodeStatus>(AskStatus{}, deadline).context("ask for the node's status");
}

Result<MirrorReport> AgentClient::mirror(const MirrorOrder& order, Duration deadline) {
  TRY_ASSIGN(auto outcome, mirror_to_all(std::span(this, 1), order, deadline));
  return std::move(outcome.reports.at(0));
}

Status AgentClient::mount(const std::string& order, Duration deadline) {
  TRY(connection_->call<Done>(MountBucket{order}, deadline));
  return {};
}

Result<std::string> AgentClient::uploads_left(Duration deadline) {
  TRY_ASSIGN(auto left, connection_->call<UploadsLeft>(AskUploads{}, deadline).context("ask what is still to be uploaded"));
  return std::move(left.what);
}

Status AgentClient::nodes_ready(Duration deadline) {
  TRY(connection_->call<Done>(NodesReady{}, deadline).context("say that the replaced nodes are ready"));
  return {};
}

Status AgentClient::shut_down(PowerOff how, Duration deadline) {
  TRY(connection_->call<Done>(ShutDown{how}, deadline).context("shut down the node"));
  return {};
}

}  // namespace isobar::broker
