#include "consequence.h"

#include <algorithm>
#include <array>

#include "base/time.h"

namespace isobar::features {

namespace {

using enum Consequence;

bool is_label(std::string_view path) { return path == "description" || path == "owner" || path.starts_with("tags."); }

bool is_wider_name(std::string_view before, std::string_view after) {
  const auto narrow = parse_type(before), wide = parse_type(after);
  return narrow.ok() && wide.ok() && is_wider(*narrow, *wide);
}

Meaning of_entity(std::string_view path) {
  if (path.starts_with("keys.")) return {kDropped, "the keys are others: rows of its views are dropped and made again"};
  return {};
}

Meaning of_source(std::string_view path, std::string_view before, std::string_view after) {
  if (path.starts_with("schema.")) {
    if (before.empty()) return {kKept, "a new column; older events have null"};
    if (after.empty()) return {kKept, "the column is no longer read"};
    if (is_wider_name(before, after)) return {kKept, "the column is wider; what is stored is read as that"};
    return {kRebuilt, "views that read the column are made again"};
  }
  if (path == "timestamp") return {kRebuilt, "events have other times: its views are made again"};
  if (path == "created") return {kRebuilt, "corrections are told by another column: its views are made again"};
  if (path == "key") return {kRebuilt, "records are told apart otherwise: its views are made again"};
  if (path == "lateness") return {kKept, "holds for events from now on"};
  return {kKept, "it is read from its new place, from the beginning; positions in the old place are forgotten"};
}

Meaning of_ttl(std::string_view before, std::string_view after) {
  if (after.empty()) return {kKept, "events of any age count; those that have expired do not come back"};
  const Duration now = parse_duration(after).value_or(kForever);
  const Duration old = before.empty() ? kForever : parse_duration(before).value_or(kForever);
  if (now > old) return {kKept, "older events count; those that have expired do not come back"};
  return {kDropped, "rows and history beyond it expire"};
}

Meaning of_view(std::string_view path, std::string_view before, std::string_view after) {
  if (path == "ttl") return of_ttl(before, after);
  if (path == "online" && after == "false") return {kDropped, "its online rows are dropped; history stays"};
  if (path == "online") return {kRebuilt, "its online rows are made from history"};
  if (path == "entities") return {kDropped, "the keys are others: its rows are dropped and made again"};
  if (path == "sources") return {kRebuilt, "its features are made again from the sources"};
  if (path == "where") return {kRebuilt, "other events count: its features are made again"};
  return {};
}

Meaning of_on_demand(std::string_view path) {
  if (path == "on_demand") return {kDropped, "it is computed when it is asked for; its stored values are dropped"};
  return {kKept, "holds for requests from now on"};
}

Meaning of_feature(std::string_view path, std::string_view before, std::string_view after) {
  if (path.starts_with("schedule.") || path == "batch" || path == "timeout") return {kKept, "holds for refreshes from now on"};
  if (path == "type" && is_wider_name(before, after)) return {kKept, "stored values are read as the wider type"};
  constexpr std::array<std::string_view, 12> kRow{"featurizer", "command", "library", "arguments",    "step",    "window",
                                                  "period",     "horizon", "item",    "item_factors", "factors", "ridge"};
  if (std::ranges::find(kRow, path) != kRow.end())
    return {kRebuilt, "rows are made again as the budget allows; until then the old ones are served"};
  return {kRebuilt, "it is made again from the sources"};
}

}  // namespace

std::string_view name_of(Consequence consequence) {
  constexpr std::array<std::string_view, 3> kNames{"kept", "rebuilt", "dropped"};
  return kNames.at(static_cast<std::size_t>(consequence));
}

Meaning meaning_of_added(std::string_view kind) {
  if (kind == "feature" || kind == "aggregate") return {kKept, "made from what its sources still have"};
  if (kind == "on demand") return {kKept, "computed when it is asked for"};
  if (kind == "source") return {kKept, "it is read from its beginning"};
  return {};
}

Meaning meaning_of_dropped(std::string_view kind) {
  if (kind == "feature" || kind == "aggregate") return {kDropped, "its values are dropped"};
  if (kind == "view") return {kDropped, "its rows, states and history are dropped"};
  if (kind == "source") return {kDropped, "positions in it are forgotten"};
  if (kind == "service" || kind == "on demand") return {kKept, "requests that name it are refused"};
  return {};
}

Meaning meaning_of_field(std::string_view kind, std::string_view path, std::string_view before, std::string_view after) {
  if (is_label(path)) return {kKept, "for people alone"};
  if (kind == "entity") return of_entity(path);
  if (kind == "source") return of_source(path, before, after);
  if (kind == "view") return of_view(path, before, after);
  if (kind == "feature") return of_feature(path, before, after);
  if (kind == "on demand") return of_on_demand(path);
  if (kind == "aggregate") return {kRebuilt, "it is made again from the sources"};
  return {kKept, "answers have it from now on"};
}

bool is_wider(Type narrow, Type wide) {
  if (narrow.list != wide.list) return false;
  const auto from = narrow.kind, to = wide.kind;
  if (from == Kind::kInt32) return to == Kind::kInt64 || to == Kind::kFloat64;
  return from == Kind::kFloat32 && to == Kind::kFloat64;
}

}  // namespace isobar::features
