// Plans as people and programs read them.

#include <fmt/format.h>

#include <array>
#include <boost/json.hpp>

#include "features/definition_plan.h"

namespace isobar::features {

namespace {

namespace json = boost::json;

std::string_view name_of(Change::What what) {
  constexpr std::array<std::string_view, 3> kNames{"added", "changed", "dropped"};
  return kNames.at(static_cast<std::size_t>(what));
}
char sign_of(Change::What what) {
  constexpr std::string_view kSigns = "+~-";
  return kSigns.at(static_cast<std::size_t>(what));
}

/// One line; a long text is cut.
std::string shown(const std::string& text) {
  constexpr std::size_t kMost = 60;
  if (text.empty()) return "none";
  std::string line = text.substr(0, text.find('\n'));
  std::size_t most = std::min(line.size(), kMost);
  while (most < line.size() && most > 0 && (static_cast<unsigned char>(line[most]) & 0xc0) == 0x80) --most;
  return most < text.size() ? line.substr(0, most) + "…" : line;
}

/// What becomes of data, where any does.
std::string with(Consequence consequence, const std::string& meaning) {
  return meaning.empty() ? "" : fmt::format("   [{}] {}", features::name_of(consequence), meaning);
}
std::string with_meaning(const Change& change) {
  // What is new has no data that could be kept.
  if (change.what == Change::What::kAdded) return change.meaning.empty() ? "" : "   " + change.meaning;
  return with(change.consequence, change.meaning);
}

json::object to_json(const FieldChange& field) {
  return {{"field", field.field},
          {"before", field.before.empty() ? json::value() : json::value(field.before)},
          {"after", field.after.empty() ? json::value() : json::value(field.after)},
          {"data", features::name_of(field.consequence)},
          {"meaning", field.meaning}};
}

}  // namespace

std::string render_plan(const DefinitionPlan& plan) {
  if (plan.changes.empty()) return fmt::format("{}: no changes; {} things are as they were\n", plan.project, plan.unchanged);
  std::string text = fmt::format("{}:\n", plan.project);
  std::array<std::size_t, 3> counts{};
  std::size_t rebuilt = 0, dropped = 0;
  for (const auto& change : plan.changes) {
    ++counts.at(static_cast<std::size_t>(change.what));
    rebuilt += change.consequence == Consequence::kRebuilt ? 1 : 0;
    dropped += change.consequence == Consequence::kDropped ? 1 : 0;
    text += fmt::format("  {} {} {}{}{}\n", sign_of(change.what), change.kind, change.name, change.type.empty() ? "" : " " + change.type,
                        with_meaning(change));
    for (const auto& field : change.fields)
      text += fmt::format("      {}: {} -> {}{}\n", field.field, shown(field.before), shown(field.after),
                          with(field.consequence, field.meaning));
  }
  text += fmt::format("{} added, {} changed, {} dropped, {} unchanged", counts[0], counts[1], counts[2], plan.unchanged);
  if (rebuilt + dropped > 0) text += fmt::format("; of these {} rebuild data and {} drop data", rebuilt, dropped);
  return text + "\n";
}

std::string plan_json(const DefinitionPlan& plan) {
  json::array changes;
  for (const auto& change : plan.changes) {
    json::array fields;
    for (const auto& field : change.fields) fields.push_back(to_json(field));
    json::object object{{"change", name_of(change.what)},
                        {"kind", change.kind},
                        {"name", change.name},
                        {"data", features::name_of(change.consequence)},
                        {"meaning", change.meaning},
                        {"fields", std::move(fields)}};
    if (!change.type.empty()) object["type"] = change.type;
    changes.push_back(std::move(object));
  }
  return json::serialize(json::object{{"project", plan.project}, {"changes", std::move(changes)}, {"unchanged", plan.unchanged}});
}

}  // namespace isobar::features
