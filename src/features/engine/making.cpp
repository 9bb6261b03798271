#include "making.h"

#include <fmt/format.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>

namespace isobar::features {

namespace {

std::string named(const std::string& name, const Definition& reduced) {
  const std::string text = canonical_text(reduced);
  return fmt::format("{}@{:016x}", name, XXH64(text.data(), text.size(), 0));
}

/// Without what changes no state.
Source reduced(Source source) {
  source.kind = SourceKind::kPush;
  source.place.clear();
  source.lateness = Duration::zero();
  source.labels = {};
  return source;
}

void reduce(Feature& feature) {
  feature.labels = {};
  if (auto* expensive = std::get_if<ExpensiveFeature>(&feature.made_by)) {
    expensive->schedule = {};
    if (auto* outside = std::get_if<OutsideParameters>(&expensive->parameters))
      outside->batch = 0, outside->timeout = std::chrono::seconds(1);
  }
}

}  // namespace

std::string stored_name(const Definition& definition, const View& view) {
  Definition only{.project = definition.project, .entities = {}, .sources = {}, .views = {}, .services = {}};
  for (const auto& name : view.entities) {
    only.entities.push_back(*definition.find_entity(name));
    only.entities.back().labels = {};
  }
  for (const auto& name : view.sources) only.sources.push_back(reduced(*definition.find_source(name)));
  View& bare = only.views.emplace_back(view);
  bare.labels = {};
  bare.ttl.reset();
  bare.online = true;
  std::erase_if(bare.features, [](const Feature& feature) { return std::holds_alternative<OnDemandFeature>(feature.made_by); });
  for (auto& feature : bare.features) reduce(feature);
  return named(view.name, only);
}

std::string records_name(const Source& source) {
  return named("source " + source.name, {.project = "records", .entities = {}, .sources = {reduced(source)}, .views = {}, .services = {}});
}

}  // namespace isobar::features
