// Namespaces are made by `ip`, which knows how to keep them: a file in /run/netns that is the namespace. A run that is killed
// leaves that file, and its name says whose it was, so that the next run can remove it.

#include "namespaces.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <sched.h>
#include <spawn.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <set>
#include <thread>

#include "base/process.h"
#include "base/text.h"

namespace isobar::transfer {

namespace {

const fs::path kNamespaceFolder = "/run/netns";
constexpr const char* kTunDevice = "/dev/net/tun";

/// A file without a name that holds `text`, to be read from its start.
Result<Fd> text_file(std::string_view text) {
  Fd file(::memfd_create("ip", MFD_CLOEXEC));
  if (!file) return errno_error("memfd_create");
  TRY(write_all(file.get(), text));
  ::lseek(file.get(), 0, SEEK_SET);
  return file;
}

std::string text_of(const Fd& file) {
  std::string text(static_cast<std::size_t>(::lseek(file.get(), 0, SEEK_END)), '\0');
  const ssize_t read = ::pread(file.get(), text.data(), text.size(), 0);
  text.resize(static_cast<std::size_t>(std::max<ssize_t>(read, 0)));
  return std::string(trim(text));
}

/// Runs `ip OPTIONS -batch -` on the lines.
Status run_ip(std::vector<std::string> options, std::string_view lines) {
  TRY_ASSIGN(const Fd input, text_file(lines));
  TRY_ASSIGN(const Fd output, text_file(""));
  options.insert(options.begin(), "ip");
  options.insert(options.end(), {"-batch", "-"});
  std::vector<char*> words;
  for (auto& option : options) words.push_back(option.data());
  words.push_back(nullptr);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_adddup2(&files, input.get(), 0);
  posix_spawn_file_actions_adddup2(&files, output.get(), 1);
  posix_spawn_file_actions_adddup2(&files, output.get(), 2);
  pid_t pid = -1;
  const int failed = ::posix_spawnp(&pid, "ip", &files, nullptr, words.data(), environ);
  posix_spawn_file_actions_destroy(&files);
  if (failed == ENOENT) return not_found("there is no program `ip`; install the package iproute2");
  if (failed != 0) return errno_error("start ip", failed);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
  if (status != 0) return unavailable(fmt::format("{} failed: {}", fmt::join(options, " "), text_of(output)));
  return {};
}

std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code failed;
  for (fs::directory_iterator at(folder, failed), end; !failed && at != end; at.increment(failed)) names.push_back(at->path().filename());
  return names;
}

void remove(const std::vector<std::string>& namespaces, const std::vector<std::string>& devices) {
  std::string lines;
  for (const auto& device : devices) lines += fmt::format("link del {}\n", device);
  for (const auto& name : namespaces) {
    kill_by_network(kNamespaceFolder / name);
    lines += fmt::format("netns del {}\n", name);
  }
  // What is not there any more was to be removed anyway.
  if (!lines.empty()) static_cast<void>(run_ip({"-force"}, lines).ok());
}

/// Removes what processes that are gone have left, and returns the slots of those that live.
std::set<int> sweep() {
  std::set<int> living;
  std::vector<std::string> left, devices;
  for (const auto& file : names_in(kNamespaceFolder)) {
    const auto name = parse_namespace_name(file);
    if (!name) continue;
    if (start_ticks(name->owner)) {
      living.insert(name->slot);
      continue;
    }
    left.push_back(file);
  }
  for (const auto& file : left) {
    const int slot = parse_namespace_name(file)->slot;
    if (living.contains(slot)) continue;
    for (const auto& device : names_in("/sys/class/net"))
      if (device.starts_with(management_device(slot, 0).substr(0, management_device(slot, 0).size() - 1))) devices.push_back(device);
    living.insert(slot);  // Its addresses may still be there for a moment.
  }
  remove(left, devices);
  return living;
}

/// Held while a slot is chosen and its namespaces, by which it is known to be taken, are made.
Result<Fd> lock_slots() {
  Fd lock(::open("/run/isobar-netem.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock) return errno_error("open /run/isobar-netem.lock");
  while (::flock(lock.get(), LOCK_EX) != 0)
    if (errno != EINTR) return errno_error("lock /run/isobar-netem.lock");
  return lock;
}

/// What makes the ends of a namespace fit for long fat links. Where a setting is not allowed, the kernel's own stands.
void set_sysctls() {
  const std::pair<const char*, const char*> settings[] = {
      {"net/ipv6/conf/all/disable_ipv6", "1"},
      {"net/ipv6/conf/default/disable_ipv6", "1"},
      {"net/ipv4/tcp_rmem", "4096 131072 67108864"},
      {"net/ipv4/tcp_wmem", "4096 65536 67108864"},
      // Connections are not to learn from those before them: every run begins alike.
      {"net/ipv4/tcp_no_metrics_save", "1"},
  };
  for (const auto& [name, value] : settings) {
    const Fd file(::open((std::string("/proc/sys/") + name).c_str(), O_WRONLY | O_CLOEXEC));
    if (file) static_cast<void>(write_all(file.get(), value).ok());
  }
}

Result<Fd> open_tun(const std::string& name) {
  Fd device(::open(kTunDevice, O_RDWR | O_NONBLOCK | O_CLOEXEC));
  if (!device) return errno_error(fmt::format("open {}", kTunDevice));
  ifreq request{};
  request.ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR;
  std::memcpy(request.ifr_name, name.data(), std::min<std::size_t>(name.size(), IFNAMSIZ - 1));
  if (::ioctl(device.get(), TUNSETIFF, &request) != 0) return errno_error(fmt::format("make the device {}", name));
  return device;
}

Status check_means() {
  if (::geteuid() != 0)
    return Error(Code::kPermissionDenied,
                 "emulated networks are made of namespaces and devices, which only root may make; run this with sudo");
  if (::access(kTunDevice, R_OK | W_OK) != 0)
    return not_found(fmt::format("there is no {} here; `modprobe tun` makes it, and a container needs it handed in (--device {})",
                                 kTunDevice, kTunDevice));
  return {};
}

}  // namespace

Status in_network(const Site& site, const std::function<Status()>& act) {
  Status outcome;
  std::thread([&] {
    const Fd there(::open(site.namespace_path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!there || ::setns(there.get(), CLONE_NEWNET) != 0) outcome = errno_error(fmt::format("enter {}", site.namespace_path.string()));
    else outcome = act();
  }).join();
  return outcome;
}

Status set_segmentation(const Fd& link_device, bool many_segments) {
  const unsigned long features = TUN_F_CSUM | (many_segments ? TUN_F_TSO4 : 0);
  if (::ioctl(link_device.get(), TUNSETOFFLOAD, features) != 0) return errno_error("set the offloads of a link's device");
  return {};
}

Result<std::unique_ptr<Namespaces>> Namespaces::create(const Scenario& scenario) {
  TRY(check_means());
  TRY_ASSIGN(const Fd lock, lock_slots());
  const auto taken = sweep();
  int slot = 0;
  while (taken.contains(slot)) ++slot;
  if (slot >= kSlots) return Error(Code::kExhausted, fmt::format("{} emulated networks run already; end one of them", kSlots));
  std::unique_ptr<Namespaces> made(new Namespaces(lay_out(scenario, ::getpid(), slot)));
  TRY(run_ip({}, add_namespaces(made->layout_)));
  for (const auto& site : made->layout_.sites) TRY(in_network(site, [] { return set_sysctls(), Status(); }));
  TRY(run_ip({}, add_management(made->layout_)));
  return made;
}

Namespaces::~Namespaces() {
  std::vector<std::string> names;
  for (const auto& site : layout_.sites) names.push_back(site.namespace_name);
  remove(names, layout_.management_devices);
}

Result<Fd> Namespaces::open_link_device(SiteIndex at, const ScenarioRegion& peer) const {
  Fd device;
  TRY(in_network(layout_.sites[at], [&]() -> Status {
    TRY_ASSIGN(device, open_tun(link_device(peer)));
    return {};
  }));
  return device;
}

Status Namespaces::configure(const Scenario& scenario) const {
  for (SiteIndex i = 0; i < layout_.sites.size(); ++i)
    TRY(run_ip({"-n", layout_.sites[i].namespace_name}, configure_site(scenario, layout_, i))
            .context("set up region " + layout_.sites[i].region));
  return {};
}

}  // namespace isobar::transfer
