#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <fstream>

#include "base/text.h"
#include "fuzz/page.h"

namespace isobar::fuzz {

namespace json = boost::json;

Result<History> History::open(const fs::path& folder) {
  const fs::path path = folder / "history.jsonl";
  std::vector<std::string> points;
  Duration last = -kForever;
  const auto text = read_file(path, std::uint64_t{1} << 30);
  if (!text.ok() && text.error().code() != Code::kNotFound) return text.error();
  if (text.ok())
    for (const std::string_view line : split(*text, '\n')) {
      boost::system::error_code wrong;
      const json::value point = json::parse(line, wrong);
      const json::object* object = wrong ? nullptr : point.if_object();
      const json::value* seconds = object == nullptr ? nullptr : object->if_contains("seconds");
      if (seconds == nullptr || !seconds->is_number()) continue;
      points.emplace_back(line);
      last = from_seconds(seconds->to_number<double>());
    }
  return History(path, std::move(points), last);
}

Status History::add(const Progress& progress) {
  const Duration apart = std::max<Duration>(1s, progress.ran / 500);
  if (last_ != -kForever && progress.ran - last_ < apart) return {};
  last_ = progress.ran;
  json::object reached, most;
  for (const GoalProgress& goal : progress.goals) {
    reached[goal.name] = goal.reached;
    if (!goal.is_plane && goal.reached > 0) most[goal.name] = goal.extreme;
  }
  const json::object point{{"seconds", std::round(to_seconds(progress.ran) * 10) / 10},
                           {"runs", progress.runs},
                           {"inputs", progress.entries},
                           {"crashes", progress.crashes},
                           {"hangs", progress.hangs},
                           {"reached", std::move(reached)},
                           {"most", std::move(most)}};
  points_.push_back(json::serialize(point));
  // One write of one line: a kill between two leaves whole lines.
  std::ofstream out(path_, std::ios::app);
  out << points_.back() + "\n" << std::flush;
  if (!out) return Error(Code::kExhausted, fmt::format("{} cannot be written to", path_.string()));
  return {};
}

}  // namespace isobar::fuzz
