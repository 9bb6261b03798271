#include "broker/agent.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <thread>

#include "broker/secure_relay.h"
#include "preemption_watch.h"
#include "server.h"

namespace isobar::broker {

const std::string_view kAgentVersion = ISOBAR_VERSION;

namespace {

/// Since when this node runs: whoever booted it says so, since an agent may have been restarted.
Instant boot_time() {
  const char* nanos = std::getenv("ISOBAR_BOOTED");
  return nanos ? Instant::from_unix_nanos(std::atoll(nanos)) : SystemClock().now();
}

// Of uploads at the node's own end: how long nothing may go forward, and the whole.
constexpr auto kStallMost = std::chrono::seconds(600);
constexpr auto kFlushMost = std::chrono::hours(24);
constexpr auto kPredecessorMax = std::chrono::seconds(3);

Result<Fd> lock_state(const fs::path& state) {
  TRY(make_folders(state));
  Fd lock(::open((state / "agent.lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock) return errno_error("open " + (state / "agent.lock").string());
  // One whose instance was killed a moment ago may still be dying.
  const auto until = std::chrono::steady_clock::now() + kPredecessorMax;
  while (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    if (std::chrono::steady_clock::now() >= until) return Error(Code::kAlreadyExists, "another agent runs on " + state.string());
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return lock;
}

/// Where this agent listens to its own machine; the others know it by another address, if they are to reach it.
std::string own_socket(const NodeConfig& config) {
  const auto& address = config.self().agent_address;
  return config.port_file.empty() ? address : "unix:" + (config.port_file.parent_path() / "agent.sock").string();
}

/// For other machines, at the port where it listened before if that is still to be had, so that they need not be told anew.
Result<std::unique_ptr<RelayServer>> listen_to_machines(const NodeConfig& config, const std::string& own_address) {
  if (config.port_file.empty()) return std::unique_ptr<RelayServer>();
  const auto before = read_file(config.port_file);
  const auto port = static_cast<std::uint16_t>(before.ok() ? std::atoi(before->c_str()) : 0);
  auto relay = RelayServer::start(port, config.self().token, own_address);
  if (!relay.ok() && port != 0) relay = RelayServer::start(0, config.self().token, own_address);
  if (relay.ok()) TRY(write_file(config.port_file, fmt::format("{}\n", (*relay)->port()), Durability::kCache));
  return relay;
}

class Agent {
 public:
  Agent(NodeConfig config, Log log) : config_(std::move(config)), log_(std::move(log)) {}

  Status run(int ready_fd) {
    const auto state = config_.home / ".isobar";
    TRY_ASSIGN(const auto lock, lock_state(state));
    TRY(watch_signals());
    LocalRanks ranks(loop_, {"/proc/self/exe", state / "ranks", config_.home / "sky_logs"}, log_);
    MirrorWorkers mirrors(config_.home, log_);
    Errands errands(loop_, "/proc/self/exe");
    errands_ = &errands;
    const auto booted = boot_time();
    const auto power_off = [this](PowerOff how) { this->power_off(how); };
    std::unique_ptr<Server> server;
    std::unique_ptr<Head> head;
    if (config_.is_head()) {
      TRY_ASSIGN(auto store, JobStore::open(state / "jobs"));
      const auto job_changed = [&server](JobId job) {
        if (server) server->job_changed(job);
      };
      const auto is_read = [&server] { return server && server->is_read(); };
      head = std::make_unique<Head>(loop_, config_, std::move(store), ranks, booted, log_, Head::Listener{job_changed, power_off, is_read});
      TRY(head->restore());
    }
    const auto own_address = own_socket(config_);
    TRY_ASSIGN(auto listener, listen_at(own_address));
    TRY_ASSIGN(const auto relay, listen_to_machines(config_, own_address));
    server = std::make_unique<Server>(
        Server::Parts{loop_, config_, ranks, mirrors, errands, head.get(), booted, power_off, [this] { return ending_; }, notices_, log_},
        std::move(listener));
    take_up_notice(head.get());
    TRY_ASSIGN(const auto watch, watch_preemption(head.get()));
    log_.info("agent_started", {{"version", kAgentVersion}, {"rank", config_.rank}});
    if (Fd ready(ready_fd); ready) TRY(write_all(ready.get(), "R"));
    loop_.run();
    log_.info("agent_ended");
    return {};
  }

 private:
  Status watch_signals() {
    sigset_t watched;
    sigemptyset(&watched);
    sigaddset(&watched, SIGTERM);
    sigaddset(&watched, SIGINT);
    sigprocmask(SIG_BLOCK, &watched, nullptr);
    signals_.reset(::signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!signals_) return errno_error("watch signals");
    signal_watch_ = loop_.watch(signals_.get(), Loop::Direction::kRead, [this] { loop_.stop(); });
    return {};
  }

  fs::path notice_file() const { return config_.home / ".isobar" / "preemption-notice"; }

  /// Of an agent that ran before this one: what has not come to pass yet still will. A node that was taken away and is back begins anew.
  void take_up_notice(Head* head) {
    const auto text = read_file(notice_file());
    const auto notice = text.ok() ? parse_notice(*text) : Result<NodeNotice>(text.error());
    if (notice.ok() && notice->at && *notice->at > SystemClock().now()) return remember(*notice, head);
    std::error_code ignored;
    fs::remove(notice_file(), ignored);
  }

  void remember(const NodeNotice& notice, Head* head) {
    notices_ = {notice};
    if (head) head->announce(notice);
  }

  /// Nothing where the node's config does not say so.
  /// head   outlives the watch
  Result<std::unique_ptr<PreemptionWatch>> watch_preemption(Head* head) {
    const auto wanted = config_.environment.find(kWatchVariable);
    if (wanted == config_.environment.end()) return std::unique_ptr<PreemptionWatch>();
    TRY_ASSIGN(auto settings, parse_watch_settings(wanted->second));
    return std::make_unique<PreemptionWatch>(
        std::move(settings), std::nullopt,
        [this, head](const NodeNotice& heard) { loop_.post([this, head, heard] { hear(heard, head); }); }, log_);
  }

  /// The file appears whole, for jobs that wait for it.
  void hear(NodeNotice notice, Head* head) {
    notice.rank = config_.rank;
    log_.warn("preemption_heard", {{"what", notice.what}});
    const bool certain = notice.at || notice.what != "rebalance";
    const auto written = certain ? write_file(notice_file(), notice_text(notice), Durability::kDisk) : Status();
    if (!written.ok()) log_.error("notice_not_written", {{"why", written.error().message()}});
    remember(notice, head);
  }

  /// What was written to mounted buckets goes up first, as long as that goes forward.
  void power_off(PowerOff how) {
    std::error_code absent;
    if (std::exchange(ending_, true)) return;
    if (!fs::exists(config_.home / ".isobar" / "mounts", absent)) return end_node(how);
    errands_->run({"flush", fmt::to_string(kStallMost.count())}, "", kFlushMost, [this, how](const Result<std::string>& said) {
      if (!said.ok()) log_.error("uploads_left_behind", {{"why", said.error().message()}});
      end_node(how);
    });
  }

  /// Says what is to become of the node; whoever booted it acts on that when the agent has ended.
  void end_node(PowerOff how) {
    const auto written = write_file(config_.power_file, how == PowerOff::kStop ? "stopped" : "terminated", Durability::kCache);
    if (!written.ok()) log_.error("node_not_ended", {{"why", written.error().message()}});
    log_.info("node_ends", {{"how", how == PowerOff::kStop ? "stop" : "terminate"}});
    ending_ = written.ok();
    if (written.ok()) loop_.stop();
  }

  NodeConfig config_;
  Log log_;
  Loop loop_;
  std::vector<NodeNotice> notices_;
  Fd signals_;
  Loop::Watch signal_watch_;
  Errands* errands_ = nullptr;
  bool ending_ = false;
};

Status start(const fs::path& config_path, int ready_fd) {
  TRY_ASSIGN(auto config, read_node_config(config_path));
  ::setenv("HOME", config.home.c_str(), 1);
  for (const auto& [name, value] : config.environment) ::setenv(name.c_str(), value.c_str(), 1);
  if (config.environment.contains(kWatchVariable)) ::setenv(kNoticeVariable, (config.home / ".isobar" / "preemption-notice").c_str(), 1);
  TRY(make_folders(config.home / ".isobar"));
  TRY_ASSIGN(auto log, Log::to_file(config.home / ".isobar" / "agent.log"));
  return Agent(std::move(config), std::move(log)).run(ready_fd);
}

}  // namespace

int run_agent(const fs::path& config, int ready_fd) {
  const auto ended = start(config, ready_fd);
  if (!ended.ok()) fmt::print(stderr, "isobar-node: the agent cannot run: {}\n", ended.error().message());
  return ended.ok() ? 0 : 1;
}

}  // namespace isobar::broker
