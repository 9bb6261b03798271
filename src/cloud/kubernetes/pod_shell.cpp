// A session is one exec. It ends in its loop's thread, and leaves when none of its operations is under way any more, since the kernel
// may use its memory until then.

#include "pod_shell.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/socket.h>

#include <array>
#include <future>

#include "exec_channels.h"
#include "pod_spec.h"

namespace isobar::cloud {

namespace {

constexpr auto kHandshakeMost = std::chrono::seconds(15);
/// A pod whose node is gone says nothing any more, and its API server does not say so.
constexpr auto kSilenceMost = std::chrono::seconds(40);
constexpr std::size_t kPiece = 32 << 10;
constexpr std::size_t kOutputMost = 256 << 20;

Error cut() { return unavailable("the connection into the pod was cut"); }

}  // namespace

class PodExecutor::Session : public std::enable_shared_from_this<Session> {
 public:
  virtual ~Session() = default;

  void start(net::Loop& loop, net::WebSocketRequest request, std::function<void()> left) {
    loop_ = &loop;
    left_ = std::move(left);
    ++busy_;
    net::open_websocket(loop, std::move(request), kHandshakeMost, kSilenceMost, [self = shared_from_this()](auto opening) {
      if (!opening.ok()) self->end(opening.error());
      else if (!opening->socket) self->refuse(std::move(opening->refusal));
      else if (self->over_) opening->socket->shut_down();
      else {
        self->socket_ = std::move(opening->socket);
        self->opened();
        self->read_next();
      }
      self->release();
    });
  }

  void end(const std::optional<Error>& why) {
    if (std::exchange(over_, true)) return;
    ended(why);
    if (socket_) socket_->shut_down();
    leave_if_idle();
  }

 protected:
  virtual void opened() = 0;
  /// The server said no.
  virtual void refuse(net::HttpResponse response) = 0;
  virtual void output(ExecChannel channel, std::string_view bytes) = 0;
  virtual void finished(Result<int> exit_code) = 0;
  /// The last that is heard. why   none: in order
  virtual void ended(const std::optional<Error>& why) = 0;
  /// No operation is left.
  virtual void leaving() {}

  void read_next() {
    if (over_) return;
    ++busy_;
    socket_->read([self = shared_from_this()](Result<std::optional<std::string>> message) {
      self->take(std::move(message));
      self->release();
    });
  }

  void write(ExecChannel channel, std::string_view bytes, std::function<void()> then) {
    if (over_) return;
    ++busy_;
    socket_->write(exec_message(channel, bytes), [self = shared_from_this(), then = std::move(then)](const Status& sent) {
      if (!sent.ok()) self->end(sent.error());
      else if (!self->over_ && then) then();
      self->release();
    });
  }

  void hold() { ++busy_; }
  void release() {
    --busy_;
    leave_if_idle();
  }

  net::Loop* loop_ = nullptr;
  std::shared_ptr<net::WebSocket> socket_;
  bool over_ = false;

 private:
  void take(Result<std::optional<std::string>> got) {
    if (over_) return;
    if (!got.ok()) return end(got.error());
    if (!*got) return end(cut());
    const auto message = parse_exec_message(**got);
    if (!message.ok()) return end(message.error());
    if (message->channel == ExecChannel::kStatus) return finished(parse_exec_status(message->payload));
    if (message->channel != ExecChannel::kClose && !message->payload.empty()) output(message->channel, message->payload);
    else read_next();
  }

  void leave_if_idle() {
    if (!over_ || busy_ > 0) return;
    const auto left = std::exchange(left_, nullptr);
    if (!left) return;
    leaving();
    left();
  }

  int busy_ = 0;
  std::function<void()> left_;
};

namespace {

/// One command to its end.
class RunSession final : public PodExecutor::Session {
 public:
  struct Outcome {
    Result<CommandOutput> output;
    std::optional<net::HttpResponse> refusal;
  };
  RunSession(std::string_view input, Duration deadline) : input_(input), deadline_(deadline) {}
  std::future<Outcome> outcome() { return outcome_.get_future(); }

 private:
  void opened() override {
    timer_ = loop_->after(deadline_, [self = std::static_pointer_cast<RunSession>(shared_from_this())] {
      self->timer_ = 0;
      self->end(Error(Code::kDeadlineExceeded, fmt::format("the command did not end within {}", format_duration(self->deadline_))));
    });
    send_next();
  }
  void refuse(net::HttpResponse response) override {
    refusal_ = std::move(response);
    end(cut());
  }
  void send_next() {
    if (input_.empty()) return;
    const auto piece = input_.substr(0, kPiece);
    input_.remove_prefix(piece.size());
    write(ExecChannel::kInput, piece, [this] { send_next(); });
  }
  void output(ExecChannel channel, std::string_view bytes) override {
    auto& into = channel == ExecChannel::kErrors ? output_.err : output_.out;
    if (into.size() + bytes.size() > kOutputMost)
      return end(Error(Code::kExhausted, fmt::format("the command said more than {} bytes", kOutputMost)));
    into += bytes;
    read_next();
  }
  void finished(Result<int> exit_code) override {
    if (!exit_code.ok()) return end(exit_code.error());
    output_.exit_code = *exit_code;
    end({});
  }
  void ended(const std::optional<Error>& why) override {
    if (timer_ != 0) loop_->cancel(timer_);
    outcome_.set_value({why ? Result<CommandOutput>(*why) : Result<CommandOutput>(std::move(output_)), std::move(refusal_)});
  }

  std::string_view input_;  // the caller's, who waits
  Duration deadline_;
  CommandOutput output_;
  std::optional<net::HttpResponse> refusal_;
  net::Loop::TimerId timer_ = 0;
  std::promise<Outcome> outcome_;
};

/// A command whose input and output are a socket.
class RelaySession final : public PodExecutor::Session {
 public:
  RelaySession(Fd near, std::string name, Log& log) : near_(std::move(near)), name_(std::move(name)), log_(log), buffer_(kPiece, '\0') {}

 private:
  void opened() override { receive(); }
  void refuse(net::HttpResponse response) override {
    log_.warn("pod_exec_refused", {{"pod", name_}, {"status", response.status}, {"why", response.body.substr(0, 400)}});
    end(cut());
  }
  void receive() {
    if (over_) return;
    hold();
    loop_->receive(near_.get(), buffer_, [self = std::static_pointer_cast<RelaySession>(shared_from_this())](const auto& got) {
      // Closed at our end: the far end is told by the connection's end.
      if (!got.ok() || *got == 0) self->end({});
      else self->write(ExecChannel::kInput, std::string_view(self->buffer_).substr(0, *got), [self] { self->receive(); });
      self->release();
    });
  }
  void output(ExecChannel channel, std::string_view bytes) override {
    if (channel == ExecChannel::kErrors) {
      log_.info("pod_said", {{"pod", name_}, {"text", bytes.substr(0, 400)}});
      return read_next();
    }
    outgoing_ = bytes;
    send(outgoing_);
  }
  void send(std::string_view rest) {
    if (over_) return;
    if (rest.empty()) return read_next();
    hold();
    const std::array<std::string_view, 1> pieces{rest};
    loop_->send(near_.get(), pieces, [self = std::static_pointer_cast<RelaySession>(shared_from_this()), rest](const auto& sent) {
      if (!sent.ok()) self->end({});
      else self->send(rest.substr(*sent));
      self->release();
    });
  }
  void finished(Result<int>) override { end({}); }
  void ended(const std::optional<Error>& why) override {
    if (why) log_.info("pod_exec_ended", {{"pod", name_}, {"why", why->message()}});
    ::shutdown(near_.get(), SHUT_RDWR);
  }
  void leaving() override {
    loop_->forget(near_.get());
    near_.reset();
  }

  Fd near_;
  std::string name_;
  Log& log_;
  std::string buffer_, outgoing_;
};

}  // namespace

PodExecutor::~PodExecutor() {
  net::Loop* loop = nullptr;
  {
    const MutexLock lock(mutex_);
    loop = loop_.get();
  }
  if (!loop) return;
  loop->post([this, loop] {
    closing_ = true;
    const auto open = sessions_;
    for (const auto& session : open) session->end(unavailable("the client is shutting down"));
    if (sessions_.empty()) loop->stop();
  });
  thread_.join();
}

Result<net::Loop*> PodExecutor::loop() {
  const MutexLock lock(mutex_);
  if (!loop_) {
    TRY_ASSIGN(loop_, net::Loop::create());
    thread_ = std::thread([loop = loop_.get()] {
      // Signals are for the program that uses this, whichever thread it has for them.
      sigset_t all;
      sigfillset(&all);
      pthread_sigmask(SIG_BLOCK, &all, nullptr);
      loop->run();
    });
  }
  return loop_.get();
}

Result<net::WebSocketRequest> PodExecutor::request(const PodPlace& place, const std::string& command, bool input, bool renew) {
  TRY_ASSIGN(const auto wire, client_.wire(renew));
  net::QueryParameters query{{"container", place.container}, {"stdout", "true"}, {"stderr", "true"}};
  if (input) query.emplace_back("stdin", "true");
  for (const auto& word : {std::string("/bin/sh"), std::string("-c"), command}) query.emplace_back("command", word);
  net::WebSocketRequest request;
  TRY_ASSIGN(request.url, client_.url(fmt::format("/api/v1/namespaces/{}/pods/{}/exec", place.name_space, place.pod), query));
  if (!wire.authorization.empty()) request.headers.add("Authorization", wire.authorization);
  request.protocols = kExecProtocols;
  if (request.url.scheme == "https") request.tls = wire.tls;
  request.tls_name = client_.access().tls_server_name;
  TRY_ASSIGN(request.proxy, client_.proxy(request.url));
  if (request.proxy && request.proxy->tls) request.proxy_tls = wire.tls;
  return request;
}

void PodExecutor::begin(const std::shared_ptr<Session>& session, net::WebSocketRequest request) {
  net::Loop* loop = nullptr;
  {
    const MutexLock lock(mutex_);
    loop = loop_.get();
  }
  loop->post([this, loop, session, request = std::move(request)]() mutable {
    sessions_.insert(session);
    session->start(*loop, std::move(request), [this, loop, session] {
      sessions_.erase(session);
      if (closing_ && sessions_.empty()) loop->stop();
    });
  });
}

Result<CommandOutput> PodExecutor::run(const PodPlace& place, const std::string& command, std::string_view input, Duration deadline) {
  TRY(loop());
  const auto whole = in_pod_home(input.empty() ? command : with_input_of(input.size(), command));
  for (const bool renew : {false, true}) {
    TRY_ASSIGN(auto asked, request(place, whole, !input.empty(), renew));
    const auto session = std::make_shared<RunSession>(input, deadline);
    auto coming = session->outcome();
    begin(session, std::move(asked));
    auto outcome = coming.get();
    if (!outcome.refusal) return std::move(outcome.output).context(fmt::format("pod {}", place.pod));
    if (outcome.refusal->status == 401 && !renew && client_.renewable()) continue;
    return explain_kube_refusal(client_.context(), fmt::format("run a command in pod {}", place.pod), outcome.refusal->status,
                                outcome.refusal->body)
        .error;
  }
  return cut();
}

Result<Fd> PodExecutor::open(const PodPlace& place, const std::string& command) {
  TRY(loop());
  TRY_ASSIGN(auto asked, request(place, in_pod_home(command), true, false));
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) != 0) return errno_error("open a command in a pod");
  Fd mine(ends[0]), theirs(ends[1]);
  begin(std::make_shared<RelaySession>(std::move(theirs), place.pod, log_), std::move(asked));
  return mine;
}

namespace {

class PodShell final : public RemoteShell {
 public:
  PodShell(PodExecutor& executor, PodPlace place) : executor_(executor), place_(std::move(place)), name_("pod " + place_.pod) {}
  const std::string& name() const override { return name_; }
  Result<CommandOutput> run(const std::string& command, std::string_view input, Duration deadline) override {
    return executor_.run(place_, command, input, deadline);
  }
  Result<Fd> open(const std::string& command) override { return executor_.open(place_, command); }

 private:
  PodExecutor& executor_;
  PodPlace place_;
  std::string name_;
};

}  // namespace

std::unique_ptr<RemoteShell> make_pod_shell(PodExecutor& executor, PodPlace place) {
  return std::make_unique<PodShell>(executor, std::move(place));
}

}  // namespace isobar::cloud
