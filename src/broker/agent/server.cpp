#include "server.h"

#include <fmt/format.h>

#include <algorithm>

#include "broker/agent.h"
#include "streams.h"

namespace isobar::broker {

namespace {

constexpr std::size_t kSessionsMax = 2000;
constexpr auto kAcceptAgain = std::chrono::milliseconds(100);  // when descriptors have run out
constexpr auto kAnswerDelay = std::chrono::milliseconds(20);   // for the answer to a shutdown to leave
constexpr auto kMountMost = std::chrono::seconds(80), kLookMost = std::chrono::seconds(25);

}  // namespace

/// A rank of the head's that runs on this worker.
class Server::RankStream final : public RankSink {
 public:
  RankStream(Server& server, std::uint64_t session, std::uint64_t request) : server_(server), session_(session), request_(request) {}

  void started(std::int64_t pid) override { (void)say(RankStarted{pid}); }
  bool output(std::uint64_t offset, std::string_view bytes) override { return say(RankOutput{offset, std::string(bytes)}); }
  void ended(const RankEnd& end) override { (void)say(end); }

 private:
  /// Whether the head takes more.
  bool say(Reply body) {
    auto* session = server_.find(session_);
    if (!session) return false;
    session->reply(request_, std::move(body));
    return session->room();
  }
  Server& server_;
  std::uint64_t session_, request_;
};

Server::Server(Parts parts, Fd listener) : parts_(std::move(parts)), listener_(std::move(listener)) { accept_all(); }

// ---- connections --------------------------------------------------------------------------------------------------

void Server::accept_all() {
  for (;;) {
    auto socket = accept_from(listener_);
    if (!socket.ok()) {
      // Out of descriptors, most likely. The listener stays readable, so it is left alone for a moment.
      parts_.log.warn("connection_not_accepted", {{"why", socket.error().message()}});
      accept_watch_ = {};
      accept_again_ = parts_.loop.after(kAcceptAgain, [this] { accept_all(); });
      return;
    }
    if (!*socket) break;
    if (sessions_.size() < kSessionsMax) admit(std::move(**socket));
  }
  if (!accept_watch_) accept_watch_ = parts_.loop.watch(listener_.get(), Loop::Direction::kRead, [this] { accept_all(); });
}

void Server::admit(Fd socket) {
  const auto id = ++last_session_;
  auto& session = sessions_[id];
  session = std::make_unique<Session>();
  session->id = id;
  Connection::Handlers handlers{.on_frame = [this, id](const std::string& frame) { on_frame(id, frame); },
                                .on_room = [this, id] { on_room(id); },
                                .on_end = [this, id](const std::string&) { sessions_.erase(id); }};
  session->connection = std::make_unique<Connection>(parts_.loop, std::move(socket), std::move(handlers));
}

Session* Server::find(std::uint64_t id) {
  const auto found = sessions_.find(id);
  return found == sessions_.end() ? nullptr : found->second.get();
}

void Server::on_frame(std::uint64_t id, const std::string& bytes) {
  auto& session = *sessions_.at(id);
  auto frame = decode_request(bytes);
  const auto request = frame.ok() ? frame->id : 0;
  auto handled = frame.ok() ? Status() : Status(frame.error());
  if (handled.ok() && !session.greeted && !std::holds_alternative<Hello>(frame->body))
    handled = Error(Code::kPermissionDenied, "a conversation begins with a greeting");
  if (handled.ok()) handled = std::visit([&](auto& body) { return on(session, request, body); }, frame->body);
  if (handled.ok()) return;
  session.refuse(request, handled.error());
  // Whoever did not even greet is sent away.
  if (!session.greeted) parts_.loop.post([this, id] { sessions_.erase(id); });
}

void Server::on_room(std::uint64_t id) {
  auto* session = find(id);
  if (!session) return;
  for (auto at = session->streams.begin(); at != session->streams.end();)
    at = at->second->pump(*session, at->first) ? session->streams.erase(at) : std::next(at);
  for (const auto& key : session->ranks) parts_.ranks.resume(key);
}

void Server::job_changed(JobId job) {
  for (auto& [id, session] : sessions_)
    for (auto at = session->streams.begin(); at != session->streams.end();)
      at = at->second->is_about(job) && at->second->pump(*session, at->first) ? session->streams.erase(at) : std::next(at);
}

bool Server::is_read() const {
  return std::any_of(sessions_.begin(), sessions_.end(),
                     [](const auto& session) { return session.second->holds_autostop || !session.second->streams.empty(); });
}

void Server::start(Session& session, std::uint64_t request, std::unique_ptr<Stream> stream) {
  if (!stream->pump(session, request)) session.streams[request] = std::move(stream);
}

std::function<void(Result<std::vector<JobId>>)> Server::job_reply(const Session& session, std::uint64_t request, bool sets_autostop) {
  return [this, id = session.id, request, sets_autostop](Result<std::vector<JobId>> result) {
    auto* there = find(id);
    if (!there) return;
    if (result.ok()) there->reply(request, JobIds{std::move(*result), sets_autostop});
    else there->refuse(request, result.error());
  };
}

// ---- requests -----------------------------------------------------------------------------------------------------

Status Server::require_head() const {
  if (parts_.head) return {};
  return invalid(fmt::format("node {} is a worker of cluster {}: ask its head", parts_.config.rank, parts_.config.cluster));
}

Status Server::require_worker() const {
  if (!parts_.head) return {};
  return invalid("the head starts its own ranks");
}

Status Server::on(Session& session, std::uint64_t id, Hello& hello) {
  if (hello.protocol != kAgentProtocol)
    return Error(Code::kConflict,
                 fmt::format("this agent ({}) speaks protocol {}, you speak {}", kAgentVersion, kAgentProtocol, hello.protocol));
  const auto& token = parts_.config.self().token;
  if (!is_own_user(session.connection->socket()) && (token.empty() || hello.token != token))
    return Error(Code::kPermissionDenied, "this node belongs to another user");
  session.greeted = true;
  session.reply(id, Welcome{kAgentProtocol, std::string(kAgentVersion), parts_.config.cluster, parts_.config.rank});
  return {};
}

Status Server::on(Session& session, std::uint64_t id, SubmitJobs& submit) {
  TRY(require_head());
  if (parts_.is_ending()) return unavailable("the cluster is ending: it only waits for what is still being written to buckets");
  session.holds_autostop |= submit.autostop.has_value();
  auto reply = job_reply(session, id, submit.autostop.has_value());
  parts_.head->submit(std::move(submit.jobs), submit.autostop, std::move(reply));
  return {};
}

Status Server::on(Session& session, std::uint64_t id, ListJobs& list) {
  TRY(require_head());
  if (list.ids.empty()) {
    start(session, id, std::make_unique<JobListing>(parts_.head->store(), std::move(list)));
    return {};
  }
  JobPage page;
  for (const auto job : list.ids) {
    TRY_ASSIGN(auto found, parts_.head->store().find(job));
    if (!found) return not_found(job == JobId(0) ? "there is no job yet" : fmt::format("there is no job {}", job));
    page.jobs.push_back(std::move(*found));
  }
  session.reply(id, std::move(page));
  return {};
}

Status Server::on(Session& session, std::uint64_t id, CancelJobs& cancel) {
  TRY(require_head());
  parts_.head->cancel(cancel, job_reply(session, id));
  return {};
}

Status Server::on(Session& session, std::uint64_t id, TailLogs& tail) {
  TRY(require_head());
  TRY_ASSIGN(const auto job, parts_.head->store().find(tail.job));
  if (!job) return not_found(tail.job == JobId(0) ? "there is no job yet" : fmt::format("there is no job {}", tail.job));
  if (tail.rank && (*tail.rank < 0 || *tail.rank >= job->num_nodes))
    return not_found(fmt::format("job {} has no rank {}: it runs on {} nodes", job->id, *tail.rank, job->num_nodes));
  start(session, id, std::make_unique<LogStream>(*parts_.head, *job, tail));
  return {};
}

Status Server::on(Session& session, std::uint64_t id, SetAutostop& set) {
  TRY(require_head());
  TRY(parts_.head->set_autostop(set.autostop));
  session.reply(id, Done{});
  return {};
}

Status Server::on(Session& session, std::uint64_t id, AskStatus&) {
  NodeStatus status{.cluster = parts_.config.cluster,
                    .rank = parts_.config.rank,
                    .nodes = static_cast<int>(parts_.config.nodes.size()),
                    .booted = parts_.booted};
  status.notices = parts_.notices;
  if (parts_.head) status = parts_.head->status();
  status.version = kAgentVersion;
  session.reply(id, std::move(status));
  return {};
}

Status Server::on(Session& session, std::uint64_t id, ShutDown& shut) {
  session.reply(id, Done{});
  power_off_timer_ = parts_.loop.after(kAnswerDelay, [this, how = shut.how] {
    if (parts_.head) parts_.head->power_off(how);
    else parts_.power_off(how);
  });
  return {};
}

Status Server::on(Session& session, std::uint64_t id, MirrorManifest& manifest) {
  // From here on the conversation is one of blocking reads and writes, on a thread of its own.
  auto taken = parts_.mirrors.serve(*session.connection, id, std::move(manifest));
  if (taken.ok()) parts_.loop.post([this, session_id = session.id] { sessions_.erase(session_id); });
  return taken;
}

Status Server::on(Session&, std::uint64_t, MirrorData&) { return invalid("content without a manifest"); }
Status Server::on(Session&, std::uint64_t, MirrorFinish&) { return invalid("the end of a mirror that did not begin"); }

Status Server::on(Session& session, std::uint64_t id, RunRank& run) {
  TRY(require_worker());
  session.ranks.insert(run.key);
  parts_.ranks.run(run.key, run.order, run.offset, std::make_shared<RankStream>(*this, session.id, id));
  return {};
}

Status Server::on(Session&, std::uint64_t, KillRank& kill) {
  TRY(require_worker());
  parts_.ranks.kill(kill.key);
  return {};
}

Status Server::on(Session& session, std::uint64_t, ForgetRank& forget) {
  TRY(require_worker());
  session.ranks.erase(forget.key);
  parts_.ranks.forget(forget.key);
  return {};
}

Status Server::on(Session& session, std::uint64_t id, MountBucket& mount) {
  parts_.errands.run({"mount"}, std::move(mount.order), kMountMost, [this, at = session.id, id](const Result<std::string>& said) {
    if (!said.ok()) parts_.log.warn("bucket_not_mounted", {{"why", said.error().message()}});
    auto* there = find(at);
    if (there && said.ok()) there->reply(id, Done{});
    else if (there) there->refuse(id, said.error());
  });
  return {};
}

Status Server::on(Session& session, std::uint64_t id, NodesReady&) {
  TRY(require_head());
  TRY(parts_.head->nodes_ready());
  session.reply(id, Done{});
  return {};
}

Status Server::on(Session& session, std::uint64_t id, AskUploads&) {
  // What cannot be told counts as not uploaded.
  parts_.errands.run({"flush", "0"}, "", kLookMost, [this, at = session.id, id](const Result<std::string>& said) {
    if (auto* there = find(at)) there->reply(id, UploadsLeft{said.ok() ? "" : said.error().message()});
  });
  return {};
}

}  // namespace isobar::broker
