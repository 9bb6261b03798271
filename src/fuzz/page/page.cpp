#include "fuzz/page.h"

#include <algorithm>
#include <boost/json.hpp>

#include "page_files.h"

namespace isobar::fuzz {
namespace {

namespace json = boost::json;

constexpr std::size_t kEndingsMax = 200;

json::array endings_in(const fs::path& folder) {
  std::vector<std::pair<std::string, std::uintmax_t>> all;
  std::error_code ignored;
  for (const auto& file : fs::directory_iterator(folder / "crashes", ignored))
    if (file.is_regular_file(ignored)) all.emplace_back(file.path().filename().string(), file.file_size(ignored));
  std::ranges::sort(all);
  json::array out;
  for (std::size_t i = 0; i < all.size() && i < kEndingsMax; ++i)
    out.push_back(json::object{{"name", all[i].first}, {"bytes", all[i].second}});
  return out;
}

json::object goal_json(const GoalProgress& goal, const TargetShape& shape, const SiteTable& sites) {
  json::object out{{"name", goal.name},    {"plane", goal.is_plane}, {"keys", goal.keys},   {"reached", goal.reached},
                   {"most", goal.extreme}, {"finds", goal.finds},    {"share", goal.share}, {"last_find", to_seconds(goal.last_find)},
                   {"reducer", ""},        {"top", json::array()}};
  const auto domain = std::ranges::find(shape.domains, goal.name, &DomainShape::name);
  if (goal.is_plane || domain == shape.domains.end()) return out;
  out["reducer"] = name_of(domain->reducer);
  const Goal place = kFirstDomain + static_cast<Goal>(domain - shape.domains.begin());
  for (const auto& [key, value] : goal.top)
    out["top"].as_array().push_back(json::object{{"place", sites.name(shape, place, key)}, {"value", value}});
  return out;
}

/// Data within a page of its own: no text of the target's can end the element that it stands in.
std::string harmless(std::string_view json) {
  std::string out;
  for (const char letter : json) {
    if (letter == '<') out += "\\u003c";
    else out += letter;
  }
  return out;
}

void put(std::string& page, std::string_view mark, std::string_view text) {
  const auto at = page.find(mark);
  CHECK(at != std::string::npos, mark);
  page.replace(at, mark.size(), text);
}

}  // namespace

std::string page_json(const PageFacts& facts, const Progress& progress, const TargetShape& shape, const SiteTable& sites,
                      const History& history) {
  json::array goals;
  for (const GoalProgress& goal : progress.goals)
    if (goal.name != "operands") goals.push_back(goal_json(goal, shape, sites));
  const json::object head{{"target", facts.target},
                          {"command", facts.command},
                          {"folder", facts.folder},
                          {"live", facts.live},
                          {"seconds", to_seconds(progress.ran)},
                          {"last_find", to_seconds(progress.last_find)},
                          {"runs", progress.runs},
                          {"runs_per_second", progress.runs_per_second},
                          {"inputs", progress.entries},
                          {"unstable", progress.unstable},
                          {"crashes", progress.crashes},
                          {"hangs", progress.hangs},
                          {"goals", std::move(goals)},
                          {"endings", endings_in(facts.folder)}};
  // The past is text already, and may be long.
  std::string text = json::serialize(head);
  text.pop_back();
  text += ",\"history\":[";
  for (std::size_t i = 0; i < history.points().size(); ++i) {
    if (i != 0) text += ',';
    text += history.points()[i];
  }
  return text + "]}";
}

std::string page_html(std::string_view data) {
  std::string page(kPage);
  // What is put in first is not looked through again: texts of the target's come last.
  put(page, "/*STYLE*/", std::string(kChartStyle) + std::string(kPageStyle));
  put(page, "/*CHART*/", kChartScript);
  put(page, "/*SCRIPT*/", kPageScript);
  put(page, "/*DATA*/", harmless(data));
  return page;
}

}  // namespace isobar::fuzz
