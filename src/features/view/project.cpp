#include "features/project.h"

#include <fmt/format.h>

#include <algorithm>

namespace isobar::features {

namespace {

template <class Things, class Name>
std::optional<std::size_t> find_in(const Things& things, std::string_view name, Name name_of_thing) {
  const auto at = std::ranges::find(things, name, name_of_thing);
  if (at == things.end()) return std::nullopt;
  return static_cast<std::size_t>(at - things.begin());
}

/// Which columns of a source make an event in the columns of a view's first; none where they are the same.
std::vector<std::size_t> gathering(const Schema& source, const Schema& of_view) {
  if (source.columns() == of_view.columns()) return {};
  std::vector<std::size_t> places;
  for (const auto& column : of_view.columns()) places.push_back(*source.find(column.name));
  return places;
}

Result<Project::SourceUse> use_of(const Definition& definition, const Source& source) {
  Project::SourceUse use{.source = &source, .schema = {}, .timestamp = 0, .created = {}, .views = {}, .gathered = {}};
  TRY_ASSIGN(use.schema, Schema::create(source.columns));
  TRY_ASSIGN(use.timestamp, use.schema.require(source.timestamp));
  if (!source.created.empty()) {
    TRY_ASSIGN(use.created, use.schema.require(source.created));
  }
  for (std::size_t i = 0; i < definition.views.size(); ++i) {
    const View& view = definition.views[i];
    if (std::ranges::find(view.sources, source.name) == view.sources.end()) continue;
    use.views.push_back(i);
    use.gathered.push_back(gathering(use.schema, source_schema(definition, view)));
  }
  return use;
}

}  // namespace

Result<std::shared_ptr<const Project>> Project::create(Definition definition) {
  std::shared_ptr<Project> project(new Project());
  project->definition_ = std::move(definition);
  const Definition& held = project->definition_;
  for (const auto& view : held.views) {
    TRY_ASSIGN(CompiledView compiled, CompiledView::create(held, view));
    project->views_.push_back(std::move(compiled));
  }
  for (const auto& source : held.sources) {
    TRY_ASSIGN(SourceUse use, use_of(held, source));
    project->sources_.push_back(std::move(use));
  }
  return std::shared_ptr<const Project>(std::move(project));
}

std::optional<std::size_t> Project::find_view(std::string_view name) const { return find_in(views_, name, &CompiledView::name); }
std::optional<std::size_t> Project::find_source(std::string_view name) const { return find_in(definition_.sources, name, &Source::name); }

Result<EventOrder> Project::order_of(std::size_t source, const Row& row, std::uint64_t sequence) const {
  const SourceUse& use = sources_[source];
  const auto* time = row[use.timestamp].get_if<Instant>();
  if (time == nullptr) return invalid(fmt::format("'{}', the time of an event of '{}', is null", use.source->timestamp, use.source->name));
  const auto* created = use.created ? row[*use.created].get_if<Instant>() : nullptr;
  return EventOrder{*time, created != nullptr ? *created : *time, sequence};
}

const Row& Project::event_of(std::size_t source, std::size_t use, const Row& row, Row& space) const {
  const SourceUse& of = sources_[source];
  if (of.same_columns(use)) return row;
  space.clear();
  for (const std::size_t place : of.gathered[use]) space.push_back(row[place]);
  return space;
}

}  // namespace isobar::features
