#include "fuzz/screen.h"

#include <fmt/format.h>

#include <algorithm>

namespace isobar::fuzz {
namespace {

std::string cut(std::string text, std::size_t width) {
  if (text.size() <= width) return text;
  text.resize(width > 1 ? width - 1 : width);
  text += "…";
  return text;
}

std::string ago(const Progress& progress, Duration when) {
  return when == Duration(0)
             ? "never"
             : format_duration(std::max<Duration>(Duration(0), std::chrono::floor<std::chrono::seconds>(progress.ran - when))) + " ago";
}

std::string row(const Progress& progress, const GoalProgress& goal, const TargetShape& shape, const SiteTable& sites) {
  const std::string reached = goal.keys == 1 ? "" : fmt::format("{} of {}", grouped(goal.reached), grouped(goal.keys));
  std::string best;
  if (!goal.is_plane && goal.reached > 0) {
    const auto place = std::ranges::find(shape.domains, goal.name, &DomainShape::name) - shape.domains.begin();
    const std::string where = sites.name(shape, kFirstDomain + static_cast<Goal>(place), goal.extreme_key);
    best = grouped(goal.extreme) + (where.empty() ? "" : "  " + where);
  }
  return fmt::format("  {:<14} {:>19} {:>7} {:>6.0f}% {:>12}  {}", goal.name, reached, grouped(goal.finds), goal.share * 100,
                     ago(progress, goal.last_find), best);
}

}  // namespace

std::string grouped(std::uint64_t number) {
  const std::string digits = fmt::format("{}", number);
  std::string text;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i != 0 && (digits.size() - i) % 3 == 0) text += ',';
    text += digits[i];
  }
  return text;
}

std::string status_line(const Progress& progress) {
  std::string line = fmt::format("{}: {} runs, {:.0f}/s, {} inputs, {} crashes, {} hangs",
                                 format_duration(std::chrono::floor<std::chrono::seconds>(progress.ran)), grouped(progress.runs),
                                 progress.runs_per_second, grouped(progress.entries), progress.crashes, progress.hangs);
  for (const GoalProgress& goal : progress.goals) {
    if (goal.is_plane) line += fmt::format(", {} {}", goal.name, goal.reached);
    else if (goal.reached > 0) line += fmt::format(", {} {}", goal.name, goal.extreme);
  }
  return line;
}

std::string status_screen(const Progress& progress, const TargetShape& shape, const SiteTable& sites, std::string_view target, int width) {
  const double stable = progress.entries == 0
                            ? 100
                            : 100.0 * static_cast<double>(progress.entries - progress.unstable) / static_cast<double>(progress.entries);
  std::string text = fmt::format("isobar fuzz  {}\n\n", target);
  text += fmt::format("  running for  {:<16} runs     {:<16} inputs     {}\n",
                      format_duration(std::chrono::floor<std::chrono::seconds>(progress.ran)), grouped(progress.runs),
                      grouped(progress.entries));
  text += fmt::format("  last find    {:<16} runs/s   {:<16} waiting    {}\n", ago(progress, progress.last_find),
                      grouped(static_cast<std::uint64_t>(progress.runs_per_second)), grouped(progress.queue));
  text += fmt::format("  crashes      {:<16} hangs    {:<16} stable     {:.1f} %\n", grouped(progress.crashes), grouped(progress.hangs),
                      stable);
  text += fmt::format("  stage        {:<16} tokens   {:<16} starts     {}\n\n", progress.stage, grouped(progress.tokens), progress.starts);
  text += fmt::format("  {:<14} {:>19} {:>7} {:>7} {:>12}  {}\n", "goal", "reached", "finds", "turns", "last", "most, and where");
  for (const GoalProgress& goal : progress.goals) {
    if (goal.name == "operands") continue;
    text += cut(row(progress, goal, shape, sites), static_cast<std::size_t>(std::max(width, 60))) + "\n";
  }
  return text;
}

}  // namespace isobar::fuzz
