#include "every_place.h"

#include <future>
#include <optional>
#include <vector>

namespace isobar::cloud {

Status in_every_place(const MachineCloud& cloud, const std::set<std::string>& places,
                      const std::function<Answer<Nothing>(const std::string& place)>& act) {
  std::vector<std::future<Answer<Nothing>>> outcomes;
  for (const auto& place : places) outcomes.push_back(std::async(std::launch::async, act, place));
  bool any_open = false;
  std::optional<Refused> closed, failed;
  for (auto& outcome : outcomes) {
    const auto done = outcome.get();
    if (done.ok()) any_open = true;
    else if (cloud.is_closed(done.error()) && !closed) closed = done.error();
    else if (!cloud.is_closed(done.error()) && !failed) failed = done.error();
  }
  if (failed) return *failed;
  if (closed && !any_open) return *closed;
  return {};
}

}  // namespace isobar::cloud
