#pragma once

/// Slurm's short form of many host names: "w[1-3,7],gpu01" is w1, w2, w3, w7 and gpu01.

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace isobar::cloud {

inline constexpr std::size_t kHostsMax = 65'536;

/// The names in the order written, which is the order of the ranks where Slurm wrote them. Ranges keep their zeros ("n[08-10]") and
/// several may follow one another ("rack[0-1]n[1-2]"). An empty text, "(null)", "None assigned" and "n/a" are no host.
/// Errors   kInvalidArgument: not of that form, or of more than `kHostsMax` hosts; the message names the part that is wrong
/// Cost     O(hosts)
Result<std::vector<std::string>> expand_hostlist(std::string_view text);

}  // namespace isobar::cloud
