#include "target_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <signal.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "base/file.h"

extern char** environ;

namespace isobar::fuzz {
namespace {

/// All that a child needs, made before the fork: between fork and exec nothing may be allocated.
struct Launch {
  std::vector<char*> words, environment;
  std::vector<int> inherited;
  std::vector<std::pair<int, int>> placed;
  int processor;
  bool quiet;
};

[[noreturn]] void become(const Launch& launch) {
  ::setsid();
  const int nothing = ::open("/dev/null", O_RDWR);
  ::dup2(nothing, 0);
  if (launch.quiet) ::dup2(nothing, 1), ::dup2(nothing, 2);
  for (const int kept : launch.inherited) ::fcntl(kept, F_SETFD, 0);
  for (const auto& [ours, its] : launch.placed) ::dup2(ours, its);
  const rlimit no_cores{0, 0};
  ::setrlimit(RLIMIT_CORE, &no_cores);
  // The same addresses each time: what depends on them repeats.
  ::personality(ADDR_NO_RANDOMIZE);
  if (launch.processor >= 0) {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(static_cast<unsigned>(launch.processor), &one);
    ::sched_setaffinity(0, sizeof one, &one);
  }
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execvpe(launch.words[0], launch.words.data(), launch.environment.data());
  ::_exit(127);
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> all;
  for (std::string& text : texts) all.push_back(text.data());
  all.push_back(nullptr);
  return all;
}

bool sets(std::string_view entry, std::string_view other) {
  const auto name = other.substr(0, other.find('=') + 1);
  return entry.starts_with(name);
}

/// The fuzzer's own environment with `added` in place of what has the same names.
std::vector<std::string> environment_with(const std::vector<std::string>& added) {
  std::vector<std::string> all;
  for (char** entry = environ; *entry != nullptr; ++entry)
    if (std::ranges::none_of(added, [&](const std::string& other) { return sets(*entry, other); })) all.emplace_back(*entry);
  all.insert(all.end(), added.begin(), added.end());
  return all;
}

}  // namespace

Result<TargetProcess> TargetProcess::start(const ExecutorOptions& options, const std::vector<std::string>& environment,
                                           std::vector<int> inherited, std::vector<std::pair<int, int>> placed) {
  if (options.command.empty()) return invalid("no target was given");
  if (options.command[0].find('/') != std::string::npos && ::access(options.command[0].c_str(), X_OK) != 0)
    return invalid(fmt::format("the target {} cannot be run: {}", options.command[0], std::strerror(errno)));
  std::vector<std::string> added = sanitizer_environment(), words = options.command;
  for (const auto& set : {options.environment, environment})
    for (const std::string& entry : set) {
      std::erase_if(added, [&](const std::string& other) { return sets(other, entry); });
      added.push_back(entry);
    }
  std::vector<std::string> all = environment_with(added);
  const Launch launch{pointers(words), pointers(all), std::move(inherited), std::move(placed), options.processor, options.quiet};
  const pid_t pid = ::fork();
  if (pid < 0) return errno_error("start the target");
  if (pid == 0) become(launch);
  return TargetProcess(pid);
}

TargetProcess& TargetProcess::operator=(TargetProcess&& other) noexcept {
  end();
  pid_ = std::exchange(other.pid_, -1);
  return *this;
}

std::optional<int> TargetProcess::ended() {
  int status = 0;
  if (pid_ < 0 || ::waitpid(pid_, &status, WNOHANG) != pid_) return std::nullopt;
  ::kill(-pid_, SIGKILL);
  pid_ = -1;
  return status;
}

void TargetProcess::end() {
  if (pid_ < 0) return;
  ::kill(-pid_, SIGKILL);
  ::kill(pid_, SIGKILL);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) continue;
  pid_ = -1;
}

std::vector<std::string> sanitizer_environment() {
  const std::string common = "abort_on_error=1:symbolize=0:detect_leaks=0:allocator_may_return_null=1:disable_coredump=1:handle_abort=0";
  return {"ASAN_OPTIONS=" + common + ":detect_stack_use_after_return=0:quarantine_size_mb=16",
          "UBSAN_OPTIONS=" + common + ":halt_on_error=1", "MSAN_OPTIONS=" + common, "TSAN_OPTIONS=" + common, "LD_BIND_NOW=1"};
}

std::string describe_end(int status) {
  if (WIFSIGNALED(status)) return fmt::format("signal {} ({})", WTERMSIG(status), ::strsignal(WTERMSIG(status)));
  return fmt::format("exit code {}", WEXITSTATUS(status));
}

std::uint64_t resident_bytes(pid_t pid) {
  const auto text = read_file(fmt::format("/proc/{}/statm", pid));
  if (!text.ok()) return 0;
  const auto space = text->find(' ');
  return space == std::string::npos
             ? 0
             : std::strtoull(text->c_str() + space, nullptr, 10) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace isobar::fuzz
