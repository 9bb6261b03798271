#include "mount_keeper.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "base/random.h"
#include "base/text.h"
#include "mount_point.h"

extern char** environ;

namespace isobar::transfer {

namespace {

using Steady = std::chrono::steady_clock;

constexpr auto kMountMost = std::chrono::seconds(30);
constexpr auto kLook = std::chrono::milliseconds(20);      // for the mount, which nothing tells of
constexpr auto kEndMost = std::chrono::milliseconds(900);  // a node that ends gives its processes a second and a half
constexpr auto kBackoffLeast = std::chrono::milliseconds(200), kBackoffMost = std::chrono::milliseconds(30'000);
constexpr auto kHealthy = std::chrono::minutes(1);  // one that lived so long is started again at once
constexpr off_t kLogMost = 4 << 20;
constexpr std::size_t kLineMost = 4096;
constexpr int kConfigFd = 3;
constexpr std::size_t kWordsMost = 1000;
constexpr std::string_view kServing = "Serving remote control on ";

// rclone's lines begin with "2026/11/27 19:06:01 ".
constexpr std::size_t kTimeLength = 20;
bool has_time(std::string_view line) {
  return line.size() > kTimeLength && line.substr(0, kTimeLength).find_first_not_of("0123456789/: ") == std::string_view::npos;
}

class Keeper {
 public:
  Keeper(const MountFolder& folder, const MountPlace& place, RcloneStart start, Fd verdict)
      : folder_(folder), place_(place), start_(std::move(start)), verdict_(std::move(verdict)) {
    for (auto& word : start_.words) words_.push_back(word.data());
    for (auto& entry : start_.environment) environment_.push_back(entry.data());
    words_.push_back(nullptr);
    environment_.push_back(nullptr);
  }

  int run() {
    if (const auto watched = watch_signals(); !watched.ok()) return tell(watched.error().message()), 1;
    while (!ending_) turn();
    end_rclone();
    folder_.remove_control();
    const auto released = release_mount_point(place_.point);
    if (!released.ok()) note(released.error().message());
    return failed_ ? 1 : 0;
  }

 private:
  Status watch_signals() {
    sigset_t watched;
    sigemptyset(&watched);
    for (const int number : {SIGTERM, SIGINT, SIGCHLD}) sigaddset(&watched, number);
    sigprocmask(SIG_BLOCK, &watched, nullptr);
    ::signal(SIGPIPE, SIG_IGN);
    signals_.reset(::signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!signals_) return errno_error("watch signals");
    return {};
  }

  void turn() {
    if (rclone_ == 0 && Steady::now() >= start_at_) start();
    std::array<pollfd, 2> fds{{{signals_.get(), POLLIN, 0}, {said_.get(), POLLIN, 0}}};
    ::poll(fds.data(), fds.size(), timeout());
    if (fds[1].revents != 0) hear();
    signalfd_siginfo info;
    while (::read(signals_.get(), &info, sizeof(info)) == sizeof(info))
      if (info.ssi_signo != SIGCHLD) ending_ = true;
    reap();
    if (rclone_ > 0 && !mounted_) look_for_mount();
  }

  int timeout() const {
    const auto until = [](Steady::time_point at) {
      return static_cast<int>(std::max<std::int64_t>(0, std::chrono::ceil<std::chrono::milliseconds>(at - Steady::now()).count()));
    };
    if (rclone_ == 0) return until(start_at_);
    return mounted_ ? -1 : static_cast<int>(kLook.count());
  }

  void start() {
    std::array<int, 2> ends{};
    start_.control.url.clear();
    mounted_ = false;
    started_ = Steady::now();
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return gone("no pipe is to be had");
    said_.reset(ends[0]);
    const Fd write_end(ends[1]);
    ::fcntl(said_.get(), F_SETFL, O_NONBLOCK);
    // In memory, so that what is secret of it is on no disk.
    const Fd config(::memfd_create("rclone", MFD_CLOEXEC));
    if (!config || !write_all(config.get(), start_.config).ok()) return gone("no memory is to be had");
    rclone_ = ::fork();
    if (rclone_ == 0) become_rclone(write_end.get(), config.get());
    if (rclone_ < 0) rclone_ = 0, gone("no process is to be had");
  }

  [[noreturn]] void become_rclone(int output, int config) {
    ::setsid();
    // A mount without its keeper would have nobody to take it off.
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    ::signal(SIGPIPE, SIG_DFL);
    // Through high numbers, so that none of the four is overwritten before it is moved.
    const int kept[] = {::fcntl(::open("/dev/null", O_RDONLY), F_DUPFD, 10), ::fcntl(output, F_DUPFD, 10), ::fcntl(config, F_DUPFD, 10)};
    ::dup2(kept[0], STDIN_FILENO);
    ::dup2(kept[1], STDOUT_FILENO);
    ::dup2(kept[1], STDERR_FILENO);
    ::dup2(kept[2], kConfigFd);
    ::close_range(kConfigFd + 1, ~0U, 0);
    ::execvpe(words_[0], words_.data(), environment_.data());
    ::_exit(127);
  }

  void hear() {
    std::array<char, 4096> buffer;
    const auto got = ::read(said_.get(), buffer.data(), buffer.size());
    if (got == 0) said_.reset();
    if (got <= 0) return;
    line_.append(buffer.data(), static_cast<std::size_t>(got));
    for (auto end = line_.find('\n'); end != std::string::npos; end = line_.find('\n')) {
      note(line_.substr(0, end));
      line_.erase(0, end + 1);
    }
    if (line_.size() > kLineMost) note(std::exchange(line_, {}));
  }

  void note(const std::string& line) {
    if (const auto at = line.find(kServing); at != std::string::npos) {
      start_.control.url = std::string(trim(std::string_view(line).substr(at + kServing.size())));
      return;
    }
    const auto kept = line_to_keep(line);
    // What it says in several lines begins with the time in the first of them.
    if (has_time(line)) last_words_ = kept;
    else if (!kept.empty() && last_words_.size() < kWordsMost) last_words_ += (last_words_.empty() ? "" : "; ") + kept;
    const Fd log(::open(folder_.log().c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    if (log && ::lseek(log.get(), 0, SEEK_END) > kLogMost && ::ftruncate(log.get(), 0) != 0) return;
    if (log) (void)write_all(log.get(), kept + "\n").ok();
  }

  void look_for_mount() {
    if (!start_.control.url.empty() && is_mounted(place_.point)) {
      mounted_ = true;
      const auto written = folder_.write_control(start_.control);
      if (!written.ok()) note(written.error().message());
      tell("ok");
    } else if (Steady::now() - started_ > kMountMost) {
      last_words_ = fmt::format("rclone did not mount within {} s; its last words: {}", kMountMost.count(), last_words_);
      ::kill(rclone_, SIGKILL);
    }
  }

  void reap() {
    int status = 0;
    if (rclone_ <= 0 || ::waitpid(rclone_, &status, WNOHANG) != rclone_) return;
    rclone_ = 0;
    while (said_) {
      const auto before = line_.size();
      hear();
      if (line_.size() == before) break;
    }
    said_.reset();
    const bool missing = WIFEXITED(status) && WEXITSTATUS(status) == 127;
    gone(missing               ? "rclone could not be run"
         : WIFSIGNALED(status) ? fmt::format("signal {} ended rclone", WTERMSIG(status))
                               : fmt::format("rclone ended with code {}", WEXITSTATUS(status)));
  }

  /// There is no rclone now.
  void gone(const std::string& how) {
    folder_.remove_control();
    if (ending_) return;
    if (verdict_) {
      tell(last_words_.empty() ? how : last_words_);
      failed_ = ending_ = true;
      return;
    }
    note(how + "; it is started again");
    const auto off = take_bucket_off(place_.point);
    if (!off.ok()) note(off.error().message());
    backoff_ = Steady::now() - started_ >= kHealthy ? kBackoffLeast : std::min(backoff_ * 2, std::chrono::milliseconds(kBackoffMost));
    start_at_ = Steady::now() + backoff_;
  }

  /// Whoever waits for the mount hears the first outcome.
  void tell(const std::string& what) {
    if (verdict_) (void)write_all(verdict_.get(), what).ok();
    verdict_.reset();
  }

  /// rclone takes the mount off when it is told to end; what is not uploaded stays in its cache.
  void end_rclone() {
    if (rclone_ <= 0) return;
    ::kill(rclone_, SIGTERM);
    const auto end = Steady::now() + kEndMost;
    while (::waitpid(rclone_, nullptr, WNOHANG) == 0) {
      if (Steady::now() >= end) ::kill(rclone_, SIGKILL);
      ::usleep(static_cast<useconds_t>(std::chrono::microseconds(kLook).count()));
    }
    rclone_ = 0;
  }

  const MountFolder& folder_;
  const MountPlace& place_;
  RcloneStart start_;
  std::vector<char*> words_, environment_;
  Fd verdict_, signals_, said_;
  pid_t rclone_ = 0;
  std::string line_, last_words_;
  Steady::time_point started_, start_at_;
  std::chrono::milliseconds backoff_ = kBackoffLeast / 2;
  bool mounted_ = false, ending_ = false, failed_ = false;
};

std::string flag_of(const std::string& setting) {
  std::string flag = "--" + setting;
  std::replace(flag.begin(), flag.end(), '_', '-');
  return flag;
}

}  // namespace

std::string line_to_keep(std::string_view line) {
  line = trim(has_time(line) ? line.substr(kTimeLength) : line);
  std::string kept;
  for (std::size_t at = 0; at < line.size();) {
    const auto query = std::min(line.find('?', at), line.size());
    kept += line.substr(at, query - at);
    at = std::min(line.find_first_of(" \"'<>", query), line.size());
    if (at - query > 1) kept += "?…";
    else kept += line.substr(query, at - query);
  }
  return kept;
}

RcloneStart rclone_start(const MountFolder& folder, const MountPlace& place, const RcloneRemote& remote, const fs::path& ca_bundle) {
  RcloneStart start;
  start.control.user = "isobar";
  start.control.password = secure_random_hex(16);
  // That the folder is empty was seen to, before the guard was mounted there.
  // What is not cached is written in order and is in the bucket when it was closed.
  start.words = {"rclone",
                 "mount",
                 remote.path,
                 place.point.string(),
                 fmt::format("--config=/proc/self/fd/{}", kConfigFd),
                 "--rc",
                 "--rc-addr=127.0.0.1:0",
                 "--allow-non-empty",
                 "--poll-interval=0",
                 "--timeout=1m",
                 "--contimeout=20s",
                 "--cache-dir=" + folder.cache().string()};
  start.words.push_back(place.cached ? "--vfs-cache-mode=full" : "--vfs-cache-mode=off");
  // How long what another node wrote may go unseen, at the cost of a listing.
  start.words.push_back(place.cached ? "--dir-cache-time=10s" : "--dir-cache-time=1s");
  if (place.read_only) start.words.push_back("--read-only");
  if (place.cached) {
    // One upload at a time, so that files arrive in the order in which they were closed.
    std::map<std::string, std::string> settings = {{"transfers", "1"}, {"vfs_write_back", "1s"}, {"vfs_cache_max_size", "10G"}};
    for (const auto& [name, value] : place.settings) settings[name] = value;
    for (const auto& [name, value] : settings) start.words.push_back(fmt::format("{}={}", flag_of(name), value));
  }
  // The node's own settings are for its own remotes; and rclone cannot take a bundle of certificates in this way.
  for (char** entry = environ; *entry; ++entry)
    if (const std::string_view text = *entry; !text.starts_with("RCLONE_") && !text.starts_with("AWS_CA_BUNDLE="))
      start.environment.emplace_back(text);
  start.config = config_text(remote);
  start.environment.push_back("RCLONE_RC_USER=" + start.control.user);
  start.environment.push_back("RCLONE_RC_PASS=" + start.control.password);
  if (!ca_bundle.empty()) start.environment.push_back("RCLONE_CA_CERT=" + ca_bundle.string());
  return start;
}

int keep_mount(const MountFolder& folder, const MountPlace& place, RcloneStart start, const Fd& lock, Fd verdict) {
  CHECK(static_cast<bool>(lock));
  if (const auto claimed = folder.claim(lock.get()); !claimed.ok()) {
    (void)write_all(verdict.get(), claimed.error().message()).ok();
    return 1;
  }
  return Keeper(folder, place, std::move(start), std::move(verdict)).run();
}

}  // namespace isobar::transfer
