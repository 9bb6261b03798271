#pragma once

/// How far a process tree can be kept apart from the rest of this machine. What the kernel permits differs with the
/// user, the distribution and any container around us, so it is tried, from the strongest down.

#include <string>
#include <string_view>

#include "base/result.h"

namespace isobar::cloud {

enum class Isolation {
  kNamespaces,     ///< own processes, /proc, hostname and IPC, made as root
  kUserNamespace,  ///< the same, within a user namespace of one user
  kProcessTree,    ///< none of it: the tree is held together by its reaper alone
};
std::string_view name_of(Isolation isolation);
/// A sentence for people.
std::string_view description_of(Isolation isolation);

/// The strongest that works here, tried in a process of its own. A few milliseconds.
Isolation probe_isolation();

/// Takes this process out of the machine's namespaces as far as `isolation` says; the *next* process it forks is the
/// first of the new tree, and must call `settle_in` before anything else.
Status leave_machine(Isolation isolation);
Status settle_in(Isolation isolation, const std::string& hostname);

}  // namespace isobar::cloud
