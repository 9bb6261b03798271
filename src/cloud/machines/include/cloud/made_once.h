#pragma once

/// Machines on clouds whose calls have no token that makes them idempotent.

#include <functional>
#include <string>
#include <vector>

#include "cloud/machine_cloud.h"

namespace isobar::cloud {

/// Makes the machine with the mark. A call whose answer was lost may have made it: it is then looked for by its mark, for twenty
/// seconds, before the call is made again, three times at most. Should it come to light later still, there are two of a rank, of which
/// `MachineProvider` keeps one.
/// make   one call; `may_have_acted` of its refusal says that its answer was lost. Returns the id
/// list   the machines of the order, as they are now
Answer<std::string> make_once(const Pace& pace, const Mark& mark, Instant end, const std::function<Answer<std::string>()>& make,
                              const std::function<Answer<std::vector<CloudMachine>>()>& list);

}  // namespace isobar::cloud
