#include "slurm_wishes.h"

#include <fmt/format.h>

#include "base/text.h"
#include "slurm_fields.h"

namespace isobar::cloud {

namespace {

constexpr std::string_view kPrefix = "slurm/";
const std::vector<std::string> kKeys{"slurm/account", "slurm/qos", "slurm/time", "slurm/options"};

Result<Duration> time_of(const std::string& text) {
  // Slurm's own form has a colon or is minutes alone; ours has a unit.
  const auto span = parse_slurm_span(text);
  const auto ours = parse_duration(text, std::chrono::minutes(1));
  if (span && *span > Duration::zero()) return *span;
  if (ours.ok() && *ours > Duration::zero()) return *ours;
  return invalid(fmt::format("slurm/time: \"{}\" is no time limit; write 4h, 90m or 1-12:00:00", text));
}

}  // namespace

Result<SlurmWishes> slurm_wishes(const std::map<std::string, std::string>& labels) {
  SlurmWishes wishes;
  for (const auto& [key, value] : labels) {
    if (!key.starts_with(kPrefix)) continue;
    if (key == "slurm/account") {
      wishes.account = value;
    } else if (key == "slurm/qos") {
      wishes.qos = value;
    } else if (key == "slurm/time") {
      TRY_ASSIGN(wishes.time_limit, time_of(value));
    } else if (key == "slurm/options") {
      for (const auto word : split(value, ' '))
        if (!word.empty()) wishes.options.emplace_back(word);
    } else {
      const auto meant = closest(key, kKeys);
      return invalid(fmt::format("unknown label {}; {}", key, meant ? "did you mean " + *meant + "?" : "there are " + join(kKeys, ", ")));
    }
  }
  return wishes;
}

}  // namespace isobar::cloud
