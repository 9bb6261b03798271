#include "cloud/made_once.h"

#include <algorithm>

namespace isobar::cloud {

namespace {

constexpr Duration kListedWithin = 20s, kBetweenLooks = 5s;
constexpr int kTries = 3;

/// Empty: it is not listed within the time that it may take.
Answer<std::string> find_made(const Pace& pace, const Mark& mark, Instant end,
                              const std::function<Answer<std::vector<CloudMachine>>()>& list) {
  const Instant until = std::min(end, pace.now() + kListedWithin);
  for (;;) {
    TRY_ASSIGN(const auto machines, list());
    for (const auto& machine : machines)
      if (machine.mark.rank == mark.rank && machine.mark.token == mark.token && machine.mark.generation == mark.generation &&
          !machine.is_gone())
        return machine.id;
    if (pace.now() >= until) return std::string();
    pace.pause(kBetweenLooks, until);
  }
}

}  // namespace

Answer<std::string> make_once(const Pace& pace, const Mark& mark, Instant end, const std::function<Answer<std::string>()>& make,
                              const std::function<Answer<std::vector<CloudMachine>>()>& list) {
  for (int tries = 1;; ++tries) {
    auto made = make();
    if (made.ok() || !made.error().may_have_acted) return made;
    TRY_ASSIGN(const std::string found, find_made(pace, mark, end, list));
    if (!found.empty()) return found;
    if (tries == kTries || pace.now() >= end) return made;
  }
}

}  // namespace isobar::cloud
