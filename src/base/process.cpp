#include "base/process.h"

#include <dirent.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <map>

// glibc 2.36 forgets to say that these are C.
extern "C" {
#include <sys/pidfd.h>
}

#include "base/text.h"

namespace isobar {

namespace {

constexpr int kSweeps = 200;
constexpr std::uint64_t kProcFileMax = 8 << 20;

struct ProcessStat {
  char state = '?';
  pid_t parent = 0;
  std::uint64_t start_ticks = 0;
};

template <class T>
T number_of(std::string_view text) {
  T value{};
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::optional<ProcessStat> read_stat(pid_t pid) {
  const auto text = read_file(fmt::format("/proc/{}/stat", pid), kProcFileMax);
  if (!text.ok()) return std::nullopt;
  // The name in parentheses may hold anything, so the fields are counted from the last parenthesis.
  const auto close = text->rfind(')');
  if (close == std::string::npos || close + 2 >= text->size()) return std::nullopt;
  const auto fields = split(std::string_view(*text).substr(close + 2), ' ');
  if (fields.size() < 20) return std::nullopt;
  return ProcessStat{fields[0][0], number_of<pid_t>(fields[1]), number_of<std::uint64_t>(fields[19])};
}

std::vector<pid_t> all_processes() {
  std::vector<pid_t> pids;
  DIR* folder = ::opendir("/proc");
  if (!folder) return pids;
  while (const dirent* entry = ::readdir(folder))
    if (const auto pid = number_of<pid_t>(entry->d_name); pid > 0) pids.push_back(pid);
  ::closedir(folder);
  return pids;
}

bool holds(std::string_view environment, std::string_view wanted) {
  const auto entries = split(environment, '\0');
  return std::find(entries.begin(), entries.end(), wanted) != entries.end();
}

}  // namespace

std::optional<std::uint64_t> start_ticks(pid_t pid) {
  const auto stat = read_stat(pid);
  if (!stat || stat->state == 'Z' || stat->state == 'X') return std::nullopt;
  return stat->start_ticks;
}

std::vector<pid_t> descendants(pid_t root) {
  std::multimap<pid_t, pid_t> children;
  for (const auto pid : all_processes())
    if (const auto stat = read_stat(pid)) children.emplace(stat->parent, pid);
  std::vector<pid_t> found{root};
  for (std::size_t i = 0; i < found.size(); ++i) {
    const auto [first, last] = children.equal_range(found[i]);
    for (auto child = first; child != last; ++child) found.push_back(child->second);
  }
  found.erase(found.begin());
  return found;
}

namespace {

/// Ends all processes but this one that `meant` picks, looking again until none is left.
template <class Meant>
std::size_t kill_all(Meant meant) {
  std::size_t ended = 0;
  for (int sweep = 0; sweep < kSweeps; ++sweep) {
    std::size_t alive = 0;
    for (const auto pid : all_processes())
      if (pid != ::getpid() && start_ticks(pid) && meant(pid) && ::kill(pid, SIGKILL) == 0) ++alive;
    if (alive == 0) return ended;
    ended = std::max(ended, alive);
    ::usleep(1000);  // A killed process needs a moment to go.
  }
  return ended;
}

}  // namespace

std::size_t kill_by_environment(std::string_view entry) {
  return kill_all([&](pid_t pid) {
    const auto environment = read_file(fmt::format("/proc/{}/environ", pid), kProcFileMax);
    return environment.ok() && holds(*environment, entry);
  });
}

std::size_t kill_by_network(const fs::path& network_namespace) {
  struct stat wanted {};
  if (::stat(network_namespace.c_str(), &wanted) != 0) return 0;
  return kill_all([&](pid_t pid) {
    struct stat its {};
    return ::stat(fmt::format("/proc/{}/ns/net", pid).c_str(), &its) == 0 && its.st_ino == wanted.st_ino && its.st_dev == wanted.st_dev;
  });
}

Result<ProcessHandle> ProcessHandle::open(pid_t pid, std::uint64_t started) {
  Fd fd(::pidfd_open(pid, 0));
  if (!fd) return not_found(fmt::format("process {} is gone", pid));
  // The pid is now held; if it is still the process meant, it will stay that.
  if (start_ticks(pid) != started) return not_found(fmt::format("process {} is gone", pid));
  return ProcessHandle(std::move(fd));
}

void ProcessHandle::signal(int number) const { ::pidfd_send_signal(fd_.get(), number, nullptr, 0); }

void ProcessHandle::reap() const {
  siginfo_t info;
  ::waitid(P_PIDFD, static_cast<id_t>(fd_.get()), &info, WEXITED | WNOHANG);
}

}  // namespace isobar
