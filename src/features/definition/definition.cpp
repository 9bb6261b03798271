#include "features/definition.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "reading.h"

namespace isobar::features {

namespace {

template <class Thing>
const Thing* find_named(const std::vector<Thing>& things, std::string_view name) {
  const auto at = std::ranges::lower_bound(things, name, {}, &Thing::name);
  return at != things.end() && at->name == name ? &*at : nullptr;
}

/// One name is one thing, whatever kind it is of.
class Names {
 public:
  explicit Names(Problems& problems) : problems_(problems) {}
  template <class Thing>
  void add(const std::vector<Thing>& things, std::string_view kind, std::string_view section) {
    for (const auto& thing : things) {
      const auto [other, fresh] = taken_.emplace(thing.name, Taken{std::string(kind), thing.mark});
      if (fresh) continue;
      problems_.add(thing.mark, fmt::format("{}.{}", section, thing.name),
                    fmt::format("'{}' is already the name of the {} of line {}; rename one of them", thing.name, other->second.kind,
                                other->second.mark.line));
    }
  }

 private:
  struct Taken {
    std::string kind;
    YamlMark mark;
  };
  Problems& problems_;
  std::map<std::string, Taken> taken_;
};

void read_head(FieldReader& reader, Definition& definition) {
  int version = kDefinitionVersion;
  reader.integer("version", version, kDefinitionVersion, kDefinitionVersion);
  if (reader.text("project", definition.project)) check_name(definition.project, reader.get("project")->mark, "project", reader.problems());
  else if (!reader.has("project")) reader.problems().add({1, 1}, "project", "it is not there; name the project, as project: shop");
}

void read_sections(FieldReader& reader, Reading& reading) {
  static const YamlNode kNone{.kind = YamlNode::Kind::kMap};
  const auto section = [&](std::string_view key) -> const YamlNode& {
    const YamlNode* node = reader.get(key);
    return node ? *node : kNone;
  };
  read_entities(reading, section("entities"));
  read_sources(reading, section("sources"));
  read_views(reading, section("views"));
  read_services(reading, section("services"));
}

}  // namespace

const Entity* Definition::find_entity(std::string_view name) const { return find_named(entities, name); }
const Source* Definition::find_source(std::string_view name) const { return find_named(sources, name); }
const View* Definition::find_view(std::string_view name) const { return find_named(views, name); }

Result<Definition> parse_definition(std::string_view text, const std::string& file_name) {
  TRY_ASSIGN(const auto documents, read_yaml(text, file_name));
  if (documents.size() != 1) return invalid(fmt::format("{}: it has {} documents; a definition is one", file_name, documents.size()));
  Definition definition;
  Problems problems(file_name);
  FieldReader reader(documents.front(), "", problems);
  Reading reading{.definition = definition, .problems = problems, .broken = {}};
  read_head(reader, definition);
  read_sections(reader, reading);
  reader.finish();
  Names names(problems);
  names.add(definition.entities, "entity", "entities");
  names.add(definition.sources, "source", "sources");
  names.add(definition.views, "view", "views");
  names.add(definition.services, "service", "services");
  if (!problems.empty()) return invalid(problems.text());
  return definition;
}

Schema source_schema(const Definition& definition, const View& view) {
  if (view.sources.empty()) return {};
  const Source* source = definition.find_source(view.sources.front());
  CHECK(source != nullptr, view.sources.front());
  return *Schema::create(source->columns);
}

Schema row_schema(const Definition& definition, const View& view) {
  std::vector<Column> columns;
  std::vector<std::string> keys;
  for (const auto& name : view.entities)
    for (const auto& key : definition.find_entity(name)->keys) {
      columns.push_back(key);
      keys.push_back(key.name);
    }
  for (const auto& feature : view.features)
    if (!std::holds_alternative<OnDemandFeature>(feature.made_by)) columns.push_back({feature.name, feature.type});
  return *Schema::create(std::move(columns), keys);
}

}  // namespace isobar::features
