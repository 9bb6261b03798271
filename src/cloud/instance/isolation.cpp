#include "cloud/isolation.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "base/file.h"

namespace isobar::cloud {

namespace {

constexpr int kSpaces = CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC;

/// Inside the new user namespace everyone is who they were; nobody else exists there.
Status map_own_user(unsigned user, unsigned group) {
  const auto put = [](const char* path, const std::string& text) -> Status {
    // These files take one write, and cannot be replaced by a rename.
    const Fd file(::open(path, O_WRONLY | O_CLOEXEC));
    if (!file) return errno_error(std::string("open ") + path);
    return write_all(file.get(), text).context(path);
  };
  TRY(put("/proc/self/setgroups", "deny"));
  TRY(put("/proc/self/uid_map", fmt::format("{0} {0} 1", user)));
  return put("/proc/self/gid_map", fmt::format("{0} {0} 1", group));
}

/// Whether the whole way works, seen by going it. Runs in a process of its own.
bool can(Isolation isolation) {
  const pid_t outer = ::fork();
  if (outer == 0) {
    if (!leave_machine(isolation).ok()) ::_exit(1);
    const pid_t inner = ::fork();
    if (inner == 0) ::_exit(settle_in(isolation, "probe").ok() ? 0 : 1);
    int status = 1;
    ::_exit(inner > 0 && ::waitpid(inner, &status, 0) == inner && status == 0 ? 0 : 1);
  }
  int status = 1;
  while (outer > 0 && ::waitpid(outer, &status, 0) < 0 && errno == EINTR) {}
  return outer > 0 && status == 0;
}

}  // namespace

std::string_view name_of(Isolation isolation) {
  switch (isolation) {
    case Isolation::kNamespaces: return "namespaces";
    case Isolation::kUserNamespace: return "user namespace";
    case Isolation::kProcessTree: return "process tree";
  }
  return "";
}

std::string_view description_of(Isolation isolation) {
  switch (isolation) {
    case Isolation::kNamespaces: return "each instance has its own processes, /proc, hostname and IPC (namespaces)";
    case Isolation::kUserNamespace:
      return "each instance has its own processes, /proc, hostname and IPC (namespaces within a user namespace)";
    case Isolation::kProcessTree: return "the kernel permits no namespaces here: an instance is a process tree that sees the whole machine";
  }
  return "";
}

Isolation probe_isolation() {
  if (::geteuid() == 0 && can(Isolation::kNamespaces)) return Isolation::kNamespaces;
  return can(Isolation::kUserNamespace) ? Isolation::kUserNamespace : Isolation::kProcessTree;
}

Status leave_machine(Isolation isolation) {
  if (isolation == Isolation::kProcessTree) return {};
  const unsigned user = ::geteuid(), group = ::getegid();
  const int user_space = isolation == Isolation::kUserNamespace ? CLONE_NEWUSER : 0;
  if (::unshare(kSpaces | user_space) != 0) return errno_error("make namespaces");
  if (user_space != 0) TRY(map_own_user(user, group));
  // What is mounted here must not show outside.
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) != 0) return errno_error("detach the mounts");
  return {};
}

Status settle_in(Isolation isolation, const std::string& hostname) {
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  if (isolation == Isolation::kProcessTree) return {};
  if (::mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) != 0) return errno_error("mount /proc");
  if (::sethostname(hostname.data(), hostname.size()) != 0) return errno_error("set the hostname to " + hostname);
  return {};
}

}  // namespace isobar::cloud
