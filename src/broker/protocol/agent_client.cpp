#include "broker/agent_client.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "broker/agent_channel.h"
#include "broker/content_hash.h"

namespace isobar::broker {

namespace {

constexpr std::size_t kPartBytes = 256 << 10;  // file content in one message
constexpr std::size_t kPartEntries = 2000;     // manifest entries in one message: 2000 paths of 4 KiB still fit

Error as_error(const Failure& failure) { return {failure.code, failure.message}; }

fs::path path_of(const MirrorOrder& order, const MirrorEntry& entry) {
  return entry.path.empty() ? order.source : order.source / entry.path;
}

Result<Fd> open_source(const fs::path& path) {
  Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!file) return errno_error("read " + path.string());
  return file;
}

Status hash_contents(MirrorOrder& order) {
  if (order.compare != MirrorCompare::kContent) return {};
  for (auto& entry : order.entries) {
    if (entry.kind != EntryKind::kFile) continue;
    const auto path = path_of(order, entry);
    TRY_ASSIGN(const Fd file, open_source(path));
    TRY_ASSIGN(entry.hash, content_hash(file.get()).context(path.string()));
  }
  return {};
}

}  // namespace

struct AgentClient::Connection {
  Dial dial_again;
  std::string where, token;
  std::optional<Channel> channel;  // none once the conversation is out of step
  Welcome welcome;
  std::uint64_t last_id = 0;

  static Result<std::unique_ptr<Connection>> open(Dial dial, const std::string& where, Duration deadline, const std::string& token) {
    TRY_ASSIGN(auto socket, dial());
    auto connection = std::make_unique<Connection>();
    connection->dial_again = std::move(dial);
    connection->where = where;
    connection->token = token;
    connection->channel.emplace(std::move(socket));
    TRY_ASSIGN(connection->welcome,
               connection->call<Welcome>(Hello{kAgentProtocol, token}, deadline).context("greet the agent at " + where));
    return connection;
  }
  /// Another connection to the same agent, for a conversation that may be broken off.
  Result<std::unique_ptr<Connection>> another(Duration deadline) const { return open(dial_again, where, deadline, token); }

  Status send(Request body, Duration deadline) {
    if (!channel) return unavailable("this client was closed by an earlier failure; connect again");
    auto sent = channel->send(encode(RequestFrame{++last_id, std::move(body)}), deadline);
    if (sent.ok() || sent.error().code() == Code::kInvalidArgument) return sent;
    // An agent that breaks off says why before it does.
    if (auto last_word = channel->receive(0s).and_then([](std::string&& bytes) { return decode_reply(bytes); }); last_word.ok())
      if (const auto* failure = std::get_if<Failure>(&last_word->body)) sent = as_error(*failure);
    channel.reset();
    return sent;
  }

  /// The next reply to the last request. A Failure becomes the error that it tells of.
  Result<Reply> receive(Duration deadline, const std::stop_token& stop = {}) {
    if (!channel) return unavailable("this client was closed by an earlier failure; connect again");
    auto frame = channel->receive(deadline, stop).and_then([](std::string&& bytes) { return decode_reply(bytes); });
    const bool in_turn = frame.ok() && frame->id == last_id;
    if (!in_turn) channel.reset();
    if (!frame.ok()) return frame.error();
    // An agent that breaks off answers whatever request it had come to.
    if (const auto* failure = std::get_if<Failure>(&frame->body)) return as_error(*failure);
    if (!in_turn) return unavailable("the agent answered out of turn");
    return std::move(frame->body);
  }

  template <class Wanted>
  Result<Wanted> receive_as(Duration deadline) {
    TRY_ASSIGN(auto reply, receive(deadline));
    if (auto* wanted = std::get_if<Wanted>(&reply)) return std::move(*wanted);
    channel.reset();
    return unavailable("the agent's answer does not fit the question");
  }

  template <class Wanted>
  Result<Wanted> call(Request body, Duration deadline) {
    TRY(send(std::move(body), deadline));
    return receive_as<Wanted>(deadline);
  }

  Result<std::vector<JobRecord>> list(ListJobs list, Duration deadline) {
    TRY(send(std::move(list), deadline));
    std::vector<JobRecord> jobs;
    for (;;) {
      TRY_ASSIGN(auto page, receive_as<JobPage>(deadline));
      std::move(page.jobs.begin(), page.jobs.end(), std::back_inserter(jobs));
      if (page.last) return jobs;
    }
  }

  Result<JobRecord> one(JobId id, Duration deadline) {
    TRY_ASSIGN(auto jobs, list(ListJobs{{id}, false, 0}, deadline).context("read a job"));
    if (jobs.empty()) return not_found(fmt::format("there is no job {}", id));
    return std::move(jobs.front());
  }

  Status send_manifest(const MirrorOrder& order, Duration deadline) {
    std::size_t first = 0;
    do {
      const auto count = std::min(kPartEntries, order.entries.size() - first);
      MirrorManifest part{.destination = order.destination, .compare = order.compare};
      part.entries.assign(order.entries.begin() + static_cast<std::ptrdiff_t>(first),
                          order.entries.begin() + static_cast<std::ptrdiff_t>(first + count));
      first += count;
      part.last = first == order.entries.size();
      TRY(send(std::move(part), deadline));
    } while (first < order.entries.size());
    return {};
  }

  Result<std::vector<std::uint64_t>> receive_wants(Duration deadline) {
    std::vector<std::uint64_t> wanted;
    for (;;) {
      TRY_ASSIGN(const auto part, receive_as<MirrorWants>(deadline));
      wanted.insert(wanted.end(), part.entries.begin(), part.entries.end());
      if (part.last) return wanted;
    }
  }

  /// Sends one file. It is read to the size its entry promised: a file that changes under way is an error, so that
  /// the node never holds a mixture.
  Status send_file(const MirrorOrder& order, std::uint64_t index, Duration deadline) {
    const auto& entry = order.entries[index];
    const auto path = path_of(order, entry);
    TRY_ASSIGN(const Fd file, open_source(path));
    std::uint64_t left = entry.size;
    do {
      MirrorData part{.entry = index};
      part.bytes.resize(std::min<std::uint64_t>(kPartBytes, left));
      const auto got = ::read(file.get(), part.bytes.data(), part.bytes.size());
      if (got < 0) return errno_error("read " + path.string());
      if (got == 0 && left > 0) return invalid("read " + path.string() + ": it became shorter while it was sent; mirror again");
      part.bytes.resize(static_cast<std::size_t>(got));
      left -= static_cast<std::uint64_t>(got);
      part.end_of_file = left == 0;
      TRY(send(std::move(part), deadline));
    } while (left > 0);
    return {};
  }
};

AgentClient::AgentClient(std::unique_ptr<Connection> connection) : connection_(std::move(connection)) {}
AgentClient::AgentClient(AgentClient&&) noexcept = default;
AgentClient& AgentClient::operator=(AgentClient&&) noexcept = default;
AgentClient::~AgentClient() = default;

Result<AgentClient> AgentClient::connect(const std::string& address, Duration deadline, const std::string& token) {
  return connect([address, token] { return broker::dial(address, token); }, address, deadline, token);
}

Result<AgentClient> AgentClient::connect(Dial dial, const std::string& where, Duration deadline, const std::string& token) {
  TRY_ASSIGN(auto connection, Connection::open(std::move(dial), where, deadline, token));
  return AgentClient(std::move(connection));
}

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

Result<MirrorReport> AgentClient::mirror(MirrorOrder order, Duration deadline) {
  const auto intent = "mirror " + order.source.string() + " to " + order.destination;
  TRY(hash_contents(order).context(intent));
  TRY_ASSIGN(const auto connection, connection_->another(deadline).context(intent));
  TRY(connection->send_manifest(order, deadline).context(intent));
  TRY_ASSIGN(const auto wanted, connection->receive_wants(deadline).context(intent));
  for (const auto index : wanted) {
    if (index >= order.entries.size()) return unavailable(intent + ": the agent asks for an entry that was not announced");
    TRY(connection->send_file(order, index, deadline).context(intent));
  }
  TRY(connection->send(MirrorFinish{}, deadline).context(intent));
  return connection->receive_as<MirrorReport>(deadline).context(intent);
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
