#include "cloud/instance_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "base/mounts.h"
#include "base/text.h"
#include "cloud/cgroup.h"

namespace isobar::cloud {

namespace {

constexpr int kLockTries = 200;
constexpr auto kLockPause = std::chrono::milliseconds(5);
constexpr auto kDeath = std::chrono::seconds(2);  // what a killed process tree may take to go

int milliseconds(Duration span) { return static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(span).count()); }

bool wait_end(const ProcessHandle& process, Duration span) {
  pollfd fd{process.fd(), POLLIN, 0};
  return ::poll(&fd, 1, milliseconds(span)) > 0;
}

}  // namespace

bool InstanceFolder::exists() const {
  std::error_code absent;
  return fs::exists(path_, absent);
}

Status InstanceFolder::set_power(Power power) const {
  const char* names[] = {"on", "stopped", "terminated"};
  // An instance does not outlive the machine, so its wish need not, either.
  auto written = write_file(power_file(), names[static_cast<int>(power)], Durability::kCache);
  // A full disk must not keep an instance alive: no file means off.
  if (!written.ok() && power != Power::kOn && (::unlink(power_file().c_str()) == 0 || errno == ENOENT)) return {};
  return written;
}

Power InstanceFolder::power() const {
  const auto text = read_file(power_file());
  if (!text.ok()) return Power::kStopped;
  return *text == "on" ? Power::kOn : *text == "terminated" ? Power::kTerminated : Power::kStopped;
}

Result<Fd> InstanceFolder::hold() const {
  Fd lock(::open((path_ / "init.lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock) return errno_error("open " + (path_ / "init.lock").string());
  // Whoever asks whether the instance is alive holds the lock for an instant.
  for (int attempt = 0; attempt < kLockTries; ++attempt) {
    if (::flock(lock.get(), LOCK_EX | LOCK_NB) == 0) return lock;
    ::usleep(static_cast<useconds_t>(std::chrono::microseconds(kLockPause).count()));
  }
  return Error(Code::kAlreadyExists, "the instance runs already");
}

Status InstanceFolder::write_first_process(int held, pid_t pid) const {
  const auto text = fmt::format("{} {}\n", pid, start_ticks(pid).value_or(0));
  if (::ftruncate(held, 0) != 0 || ::pwrite(held, text.data(), text.size(), 0) != static_cast<ssize_t>(text.size()))
    return errno_error("write " + (path_ / "init.lock").string());
  return {};
}

bool InstanceFolder::alive() const {
  const Fd lock(::open((path_ / "init.lock").c_str(), O_RDONLY | O_CLOEXEC));
  return lock && ::flock(lock.get(), LOCK_SH | LOCK_NB) != 0;
}

Result<ProcessHandle> InstanceFolder::first_process() const {
  TRY_ASSIGN(const auto text, read_file(path_ / "init.lock"));
  pid_t pid = 0;
  unsigned long ticks = 0;
  if (std::sscanf(text.c_str(), "%d %lu", &pid, &ticks) != 2) return not_found("the instance has no first process yet");
  return ProcessHandle::open(pid, ticks);
}

bool InstanceFolder::is_open() const { return ::access((path_ / "open").c_str(), F_OK) == 0; }

bool InstanceFolder::powers_machine() const { return ::access((path_ / "powers").c_str(), F_OK) == 0; }

Status InstanceFolder::set_program(const fs::path& program) const {
  const auto link = path_ / "program", fresh = path_ / "program.new";
  std::error_code failure;
  fs::remove(fresh, failure);
  fs::create_symlink(program, fresh, failure);
  if (!failure) fs::rename(fresh, link, failure);
  if (failure) return errno_error("link " + link.string(), failure.value());
  return {};
}

fs::path InstanceFolder::program() const {
  std::error_code absent;
  const auto program = fs::read_symlink(path_ / "program", absent);
  return absent ? fs::path("/proc/self/exe") : program;
}

Status InstanceFolder::restart_agent() const {
  TRY(set_answers(false));
  TRY_ASSIGN(const auto first, first_process());
  first.signal(SIGHUP);
  return {};
}

Status InstanceFolder::set_answers(bool answers) const {
  if (answers) return write_file(path_ / "answers", "", Durability::kCache);
  if (::unlink((path_ / "answers").c_str()) != 0 && errno != ENOENT) return errno_error("remove " + (path_ / "answers").string());
  return {};
}

bool InstanceFolder::answers() const { return ::access((path_ / "answers").c_str(), F_OK) == 0; }

Status InstanceFolder::write_hold(const Hold& hold) const {
  return write_file(path_ / "isolation", fmt::format("{}\n{}\n", static_cast<int>(hold.isolation), hold.cgroup.string()),
                    Durability::kCache);
}

Result<InstanceFolder::Hold> InstanceFolder::hold_used() const {
  TRY_ASSIGN(const auto text, read_file(path_ / "isolation"));
  const auto lines = split(text, '\n');
  if (lines.size() < 2) return Error(Code::kDataLoss, (path_ / "isolation").string() + " is damaged");
  return Hold{static_cast<Isolation>(std::atoi(std::string(lines[0]).c_str())), std::string(lines[1])};
}

Status InstanceFolder::end_first_process(Duration grace) const {
  const auto end = std::chrono::steady_clock::now() + grace + kDeath;
  // One that is just booting holds the lock before it has said which process it is.
  while (alive()) {
    if (auto first = first_process(); first.ok()) {
      first->signal(SIGTERM);
      if (!wait_end(*first, grace)) first->signal(SIGKILL);
      (void)wait_end(*first, kDeath);
    }
    if (std::chrono::steady_clock::now() >= end)
      return Error(Code::kDeadlineExceeded, "the first process of " + path_.string() + " does not die");
    ::usleep(static_cast<useconds_t>(std::chrono::microseconds(kLockPause).count()));
  }
  return {};
}

Status InstanceFolder::end_processes(Duration grace) const {
  TRY(end_first_process(grace));
  const auto hold = hold_used();
  if (hold.ok() && !hold->cgroup.empty()) Cgroup(hold->cgroup).kill();
  // A process namespace died with its first process. A bare tree may have left some behind.
  if (!hold.ok() || hold->isolation == Isolation::kProcessTree) kill_by_environment(environment_entry());
  return {};
}

Status InstanceFolder::remove() const {
  if (const auto hold = hold_used(); hold.ok() && !hold->cgroup.empty()) Cgroup(hold->cgroup).remove();
  // A bucket that is still mounted in the home would lose its objects.
  TRY(unmount_below(path_).context("remove " + path_.string()));
  std::error_code failure;
  fs::remove_all(path_, failure);
  if (failure) return errno_error("remove " + path_.string(), failure.value());
  return {};
}

}  // namespace isobar::cloud
