#include "cloud/local_provider.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <thread>

#include "base/random.h"
#include "base/text.h"
#include "cgroup.h"
#include "cluster_folder.h"
#include "machine.h"

namespace isobar::cloud {

namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kGrace = std::chrono::milliseconds(2800);  // what an instance's own orderly end takes at most
constexpr auto kPause = std::chrono::milliseconds(5);
constexpr std::size_t kConsoleTail = 2000;
constexpr int kReadyFd = 3;

/// What a node takes over of the environment of whoever makes it; the rest is no business of its jobs.
bool is_for_nodes(std::string_view entry) {
  static constexpr std::array<std::string_view, 17> kNames = {
      "PATH",     "LANG",       "LANGUAGE",    "TZ",       "USER",          "LOGNAME",      "SHELL",           "HTTP_PROXY", "HTTPS_PROXY",
      "NO_PROXY", "http_proxy", "https_proxy", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR", "LD_LIBRARY_PATH", "CUDA_HOME"};
  const auto name = entry.substr(0, entry.find('='));
  return name.starts_with("LC_") || name.starts_with("ASAN_") || name.starts_with("UBSAN_") ||
         std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

struct Starting {
  InstanceFolder folder;
  Fd ready;  // hears 'R' when the agent answers, 'F' or the end when it cannot; none: someone else booted it
};

/// Becomes the daemon: a session of its own, nothing of the caller's open, nothing the caller must wait for.
[[noreturn]] void become_instance(const char* program, const char* folder, const char* console, int ready, char** environment) {
  ::setsid();
  if (::fork() != 0) ::_exit(0);
  const int nothing = ::open("/dev/null", O_RDONLY);
  const int log = ::open(console, O_WRONLY | O_CREAT | O_APPEND, 0600);
  // Through high numbers, so that none of the four is overwritten before it is moved.
  const int kept[] = {::fcntl(nothing, F_DUPFD, 10), ::fcntl(log, F_DUPFD, 10), ::fcntl(ready, F_DUPFD, 10)};
  ::dup2(kept[0], STDIN_FILENO);
  ::dup2(kept[1], STDOUT_FILENO);
  ::dup2(kept[1], STDERR_FILENO);
  ::dup2(kept[2], kReadyFd);
  ::close_range(kReadyFd + 1, ~0U, 0);
  for (int number = 1; number < NSIG; ++number) ::signal(number, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::umask(022);
  if (::chdir("/") != 0) ::_exit(1);
  const char* arguments[] = {"isobar-node", "init", folder, nullptr};
  ::execve(program, const_cast<char* const*>(arguments), environment);
  ::_exit(127);
}

Result<Starting> boot(const InstanceFolder& folder, const fs::path& program) {
  TRY(folder.set_answers(false));
  TRY(folder.set_power(Power::kOn));
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return errno_error("boot the instance");
  Fd ready(ends[0]);
  const Fd write_end(ends[1]);
  // Everything that allocates comes before the fork: this process may have other threads.
  std::vector<char*> environment;
  for (char** entry = environ; *entry; ++entry)
    if (is_for_nodes(*entry)) environment.push_back(*entry);
  environment.push_back(nullptr);
  const std::string path = folder.path(), console = folder.console(), executable = program;
  const pid_t pid = ::fork();
  if (pid < 0) return errno_error("boot the instance");
  if (pid == 0) become_instance(executable.c_str(), path.c_str(), console.c_str(), write_end.get(), environment.data());
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {}
  return Starting{folder, std::move(ready)};
}

/// Until the agent of an instance that another process began to boot answers.
Status await_other(const InstanceFolder& folder, Clock::time_point end) {
  while (!folder.answers()) {
    if (!folder.alive()) return unavailable("the instance died while it started");
    if (Clock::now() >= end) return Error(Code::kDeadlineExceeded, "the agent did not answer in time");
    std::this_thread::sleep_for(kPause);
  }
  return {};
}

/// Until the agent answers.
Status await(const Starting& starting, Clock::time_point end) {
  if (!starting.ready) return await_other(starting.folder, end);
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now()).count();
  pollfd fd{starting.ready.get(), POLLIN, 0};
  const int ready = ::poll(&fd, 1, static_cast<int>(std::clamp<std::int64_t>(left, 0, 1 << 30)));
  char byte = 0;
  const bool heard = ready > 0 && ::read(starting.ready.get(), &byte, 1) == 1;
  if (heard && byte == 'R') return {};
  if (ready == 0) return Error(Code::kDeadlineExceeded, "the agent did not answer in time");
  // A process that was about to boot it when its creator died came first.
  if (!heard && starting.folder.alive()) return await_other(starting.folder, end);
  const auto console = read_file(starting.folder.console());
  const auto said = console.ok() ? console->substr(console->size() - std::min(console->size(), kConsoleTail)) : std::string();
  return unavailable("the instance did not start: " + std::string(trim(said)));
}

/// Boots those that are off, together, and waits until all of them answer.
Status boot_all(const std::vector<InstanceFolder>& folders, const fs::path& program, Clock::time_point end) {
  std::vector<Starting> starting;
  for (const auto& folder : folders) {
    if (folder.alive()) {
      starting.push_back({folder, Fd()});
      continue;
    }
    TRY_ASSIGN(auto one, boot(folder, program));
    starting.push_back(std::move(one));
  }
  for (const auto& one : starting) TRY(await(one, end).context("instance " + one.folder.path().filename().string()));
  return {};
}

/// Ends the instances together: each takes its time to end in order.
Status end_all(const std::vector<InstanceFolder>& folders) {
  std::vector<Status> outcomes(folders.size());
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < folders.size(); ++i) threads.emplace_back([&, i] { outcomes[i] = folders[i].end_processes(kGrace); });
  }
  for (auto& outcome : outcomes) TRY(std::move(outcome));
  return {};
}

InstanceState state_of(const InstanceFolder& folder) {
  if (!folder.exists()) return InstanceState::kPending;  // Planned; its creation was cut short, or goes on elsewhere.
  const auto power = folder.power();
  if (folder.alive() && power != Power::kOn) return InstanceState::kStopping;
  if (folder.alive()) return folder.answers() ? InstanceState::kRunning : InstanceState::kPending;
  // One that should be on and is not has died; its disk is there, and it can be started.
  return power == Power::kTerminated ? InstanceState::kTerminated : InstanceState::kStopped;
}

std::vector<Instance> instances_of(const fs::path& root, const ClusterPlan& plan) {
  std::vector<Instance> out;
  for (int rank = 0; rank < static_cast<int>(plan.nodes.size()); ++rank) {
    const InstanceFolder folder(root / plan.cluster / std::to_string(rank));
    Instance instance{.id = plan.cluster + "/" + std::to_string(rank), .cluster = plan.cluster, .rank = rank, .state = state_of(folder)};
    if (instance.state == InstanceState::kTerminated) continue;
    instance.region = plan.offer.region;
    instance.zone = plan.offer.zone;
    instance.address = plan.nodes[static_cast<std::size_t>(rank)].address;
    if (instance.state == InstanceState::kRunning) instance.agent_address = folder.agent_address();
    out.push_back(std::move(instance));
  }
  return out;
}

Status check_name(const std::string& cluster) {
  if (!cluster.empty() && cluster != "." && cluster != ".." && cluster.size() <= 200 && cluster.find('/') == std::string::npos &&
      cluster.find('\0') == std::string::npos)
    return {};
  return invalid("\"" + cluster + "\" cannot name a local cluster");
}

/// Plans the cluster unless this very order did before.
Result<ClusterPlan> plan(const fs::path& root, const ClusterFolder& folder, const CreateOrder& order) {
  TRY_ASSIGN(const auto known, ClusterFolder::read_plan(root, order.cluster));
  if (known && known->token == order.token) return *known;
  if (known) return Error(Code::kAlreadyExists, "a cluster " + order.cluster + " exists already");
  // Addresses are given out to one plan at a time.
  const Fd lock(::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!lock || ::flock(lock.get(), LOCK_EX) != 0) return errno_error("lock " + root.string());
  TRY_ASSIGN(auto addresses, free_addresses(root, order.count));
  ClusterPlan plan{.cluster = order.cluster, .token = order.token, .offer = order.offer};
  for (auto& address : addresses) plan.nodes.push_back({std::move(address), secure_random_hex(16)});
  TRY(folder.write_plan(plan));
  return plan;
}

Result<std::vector<Instance>> create_all(const fs::path& root, const fs::path& program, const CreateOrder& order, Duration deadline) {
  const auto end = Clock::now() + deadline;
  TRY(check_name(order.cluster));
  if (order.count < 1) return invalid("a cluster has at least one node");
  TRY_ASSIGN(const auto folder, ClusterFolder::lock(root, order.cluster, deadline, true));
  TRY_ASSIGN(const auto made, plan(root, folder, order));
  std::vector<InstanceFolder> instances;
  for (int rank = 0; rank < static_cast<int>(made.nodes.size()); ++rank) {
    TRY(folder.make_instance(made, rank));
    instances.push_back(folder.instance(rank));
  }
  TRY(boot_all(instances, program, end));
  return instances_of(root, made);
}

}  // namespace

LocalProvider::LocalProvider(const fs::path& root, const fs::path& node_program, Log& log)
    : root_(fs::absolute(root).lexically_normal()), node_program_(fs::absolute(node_program)), log_(log) {}

Status LocalProvider::check() {
  TRY(make_folders(root_).context("the local cloud keeps its instances there"));
  if (::access(root_.c_str(), W_OK) != 0) return errno_error("the local cloud keeps its instances in " + root_.string());
  if (::access(node_program_.c_str(), X_OK) != 0) return errno_error("the local cloud needs " + node_program_.string());
  return {};
}

std::vector<std::string> LocalProvider::facts() { return {std::string(description_of(probe_isolation())), Cgroup::facts()}; }

std::vector<Offer> LocalProvider::own_offers() { return {machine_offer()}; }

CreateOutcome LocalProvider::create(const CreateOrder& order, Duration deadline) {
  auto created = create_all(root_, node_program_, order, deadline);
  if (created.ok()) {
    log_.info("cluster_created", {{"cluster", order.cluster}, {"nodes", order.count}});
    return {std::move(*created), {}};
  }
  const auto error = created.error().context("create local cluster " + order.cluster);
  // What another order made stays; what this one began does not.
  if (error.code() != Code::kAlreadyExists && error.code() != Code::kInvalidArgument) (void)terminate(order.cluster, deadline).ok();
  log_.warn("cluster_not_created", {{"cluster", order.cluster}, {"why", error.message()}});
  return {
      {},
      CloudError{error, std::string(isobar::name_of(error.code())), scope_of_error("local", isobar::name_of(error.code()), order.offer)}};
}

Result<std::vector<Instance>> LocalProvider::list(const std::string& cluster) {
  TRY(check_name(cluster));
  TRY_ASSIGN(const auto plan, ClusterFolder::read_plan(root_, cluster));
  if (!plan) return std::vector<Instance>();
  auto instances = instances_of(root_, *plan);
  // The last one ended itself for good: nothing is left to know.
  if (instances.empty()) TRY(terminate(cluster, kGrace));
  return instances;
}

Result<std::vector<std::string>> LocalProvider::clusters() {
  std::vector<std::string> names;
  std::error_code failure;
  for (const auto& entry : fs::directory_iterator(root_, failure)) {
    if (!entry.is_directory(failure)) continue;
    const std::string name = entry.path().filename();
    TRY_ASSIGN(const auto instances, list(name));
    if (!instances.empty()) names.push_back(name);
  }
  if (failure && failure != std::errc::no_such_file_or_directory) return errno_error("list clusters in " + root_.string(), failure.value());
  return names;
}

Status LocalProvider::stop(const std::string& cluster, Duration deadline) {
  TRY(check_name(cluster));
  TRY_ASSIGN(const auto folder, ClusterFolder::lock(root_, cluster, deadline));
  TRY_ASSIGN(const auto plan, ClusterFolder::read_plan(root_, cluster));
  if (!plan) return not_found("there is no local cluster " + cluster);
  std::vector<InstanceFolder> ending;
  for (int rank = 0; rank < static_cast<int>(plan->nodes.size()); ++rank) {
    const auto instance = folder.instance(rank);
    if (!instance.exists() || instance.power() == Power::kTerminated) continue;
    TRY(instance.set_power(Power::kStopped));
    ending.push_back(instance);
  }
  TRY(end_all(ending).context("stop local cluster " + cluster));
  log_.info("cluster_stopped", {{"cluster", cluster}});
  return {};
}

Result<std::vector<Instance>> LocalProvider::start(const std::string& cluster, Duration deadline) {
  const auto end = Clock::now() + deadline;
  TRY(check_name(cluster));
  TRY_ASSIGN(const auto folder, ClusterFolder::lock(root_, cluster, deadline));
  TRY_ASSIGN(const auto plan, ClusterFolder::read_plan(root_, cluster));
  if (!plan) return not_found("there is no local cluster " + cluster);
  std::vector<InstanceFolder> instances;
  for (int rank = 0; rank < static_cast<int>(plan->nodes.size()); ++rank) {
    const auto instance = folder.instance(rank);
    if (instance.power() == Power::kTerminated)
      return not_found(fmt::format("start local cluster {}: node {} was terminated, and its disk with it", cluster, rank));
    TRY(folder.make_instance(*plan, rank));
    // Whatever an instance that died left behind must not meet its successor.
    if (!instance.alive() || instance.power() != Power::kOn) {
      TRY(instance.set_power(Power::kStopped));
      TRY(instance.end_processes(kGrace));
    }
    instances.push_back(instance);
  }
  TRY(boot_all(instances, node_program_, end).context("start local cluster " + cluster));
  log_.info("cluster_started", {{"cluster", cluster}});
  return instances_of(root_, *plan);
}

namespace {

// A first process that a killed creator had only just started may put a file down while its folder is removed. It then
// finds that it is to be off and ends, so the folder can be removed a moment later.
template <class Folder>
Status remove_patiently(const Folder& folder, Clock::time_point end) {
  for (;;) {
    auto removed = folder.remove();
    if (removed.ok() || Clock::now() >= end) return removed;
    std::this_thread::sleep_for(kPause);
  }
}

}  // namespace

Status LocalProvider::terminate(const std::string& cluster, Duration deadline) {
  TRY(check_name(cluster));
  auto folder = ClusterFolder::lock(root_, cluster, deadline);
  if (!folder.ok() && folder.error().code() == Code::kNotFound) return {};
  if (!folder.ok()) return folder.error();
  // By what is there, not by the plan: a plan may be missing or damaged.
  std::vector<InstanceFolder> ending;
  std::error_code failure;
  for (const auto& entry : fs::directory_iterator(root_ / cluster, failure))
    if (entry.is_directory(failure)) ending.emplace_back(entry.path());
  for (const auto& instance : ending) TRY(instance.set_power(Power::kTerminated));
  TRY(end_all(ending).context("terminate local cluster " + cluster));
  const auto end = Clock::now() + kGrace;
  for (const auto& instance : ending) TRY(remove_patiently(instance, end));
  TRY(remove_patiently(*folder, end));
  log_.info("cluster_terminated", {{"cluster", cluster}});
  return {};
}

}  // namespace isobar::cloud
