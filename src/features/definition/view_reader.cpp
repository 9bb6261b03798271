// Views: which events, of whom, and the features that are made of them. Names and windows are held against one another here.

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/text.h"
#include "features/expression.h"
#include "reading.h"

namespace isobar::features {

namespace {

template <class Thing>
std::vector<std::string> names_of(const std::vector<Thing>& things) {
  std::vector<std::string> names;
  for (const auto& thing : things) names.push_back(thing.name);
  return names;
}

std::string name_in(const std::vector<std::string>& names, std::size_t i, FieldReader& reader, std::string_view key) {
  return names.size() == 1 ? reader.path_of(key) : fmt::format("{}[{}]", reader.path_of(key), i);
}

/// Reports names that nothing has, and those given twice. Returns whether all are known and without problems of their own.
bool check_names(Reading& reading, FieldReader& reader, std::string_view key, const std::vector<std::string>& names,
                 const std::vector<std::string>& known, std::string_view kind) {
  bool sound = true;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const YamlNode& node = *reader.get(key);
    const YamlMark mark = node.kind == YamlNode::Kind::kSequence && i < node.items.size() ? node.items[i].mark : node.mark;
    const std::string path = name_in(names, i, reader, key);
    if (!std::ranges::binary_search(known, names[i])) {
      reading.problems.add(mark, path, mend_by_name(names[i], known, kind));
      sound = false;
    } else if (std::find(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(i), names[i]) !=
               names.begin() + static_cast<std::ptrdiff_t>(i)) {
      reading.problems.add(mark, path, fmt::format("{} '{}' is named twice; name it once", kind, names[i]));
      sound = false;
    }
    sound = sound && !reading.broken.contains(names[i]);
  }
  return sound;
}

bool read_view_sources(ViewReading& in, FieldReader& reader) {
  const bool one = reader.has("source"), many = reader.has("sources");
  if (one && many) reader.report("sources", "there is source already; put all of them here");
  const std::string_view key = one ? "source" : "sources";
  const std::size_t before = in.reading.problems.count();
  reader.text_list(key, in.view.sources);
  const bool read = in.reading.problems.count() == before;
  return check_names(in.reading, reader, key, in.view.sources, names_of(in.reading.definition.sources), "source") && read;
}

bool read_view_entities(ViewReading& in, FieldReader& reader) {
  const std::size_t before = in.reading.problems.count();
  const std::string_view key = reader.has("entity") ? "entity" : "entities";
  if (reader.has("entity") && reader.has("entities")) reader.report("entities", "there is entity already; put all of them here");
  reader.text_list(key, in.view.entities);
  const bool read = in.reading.problems.count() == before;
  return check_names(in.reading, reader, key, in.view.entities, names_of(in.reading.definition.entities), "entity") && read;
}

/// Every source has what the first has; otherwise a feature would mean something else with each.
bool check_alike(ViewReading& in, FieldReader& reader) {
  const Definition& definition = in.reading.definition;
  const Source& first = *definition.find_source(in.view.sources.front());
  for (const auto& name : in.view.sources) {
    const auto other = Schema::create(definition.find_source(name)->columns);
    for (const auto& column : first.columns) {
      const auto at = other->find(column.name);
      if (at && other->columns()[*at].type == column.type) continue;
      reader.report("sources", fmt::format("column '{}' is {} in '{}' and {} in '{}'; make them the same", column.name,
                                           name_of(column.type), first.name, at ? name_of(other->columns()[*at].type) : "not there", name));
      return false;
    }
  }
  return true;
}

/// A key is cast, without loss, to the type that its entity declares; so that is enough for integers, and others have to be the same.
bool check_keys(ViewReading& in, FieldReader& reader) {
  bool sound = true;
  const std::string_view at = reader.has("entity") ? "entity" : "entities";
  for (const auto& entity : in.view.entities)
    for (const auto& key : in.reading.definition.find_entity(entity)->keys) {
      const auto column = in.schema.find(key.name);
      const Type type = column ? in.schema.columns()[*column].type : Type{};
      if (column && (type == key.type || (type.is_integer() && key.type.is_integer()))) continue;
      sound = false;
      if (column)
        reader.report(at, fmt::format("key '{}' of {} is {}, and {} in the source; make them the same", key.name, entity, name_of(key.type),
                                      name_of(type)));
      else reader.report(at, fmt::format("key '{}' of {} is no column of the source; add it to the schema", key.name, entity));
    }
  return sound;
}

void read_where(ViewReading& in, FieldReader& reader) {
  if (!reader.text("where", in.view.where)) return;
  in.view.where = std::string(trim(in.view.where));
  if (in.view.sources.empty()) return reader.report("where", "the view has no source whose events it could choose from; leave it out");
  if (!in.judged) return;
  if (const auto condition = Expression::compile_condition(in.view.where, in.schema); !condition.ok())
    reader.report("where", condition.error().message());
}

void read_ttl(ViewReading& in, FieldReader& reader) {
  const YamlNode* node = reader.get("ttl");
  if (node == nullptr || (node->kind == YamlNode::Kind::kScalar && node->text == "none")) return;
  Duration ttl{0};
  // As with Feast, 0 is no bound at all.
  if (read_duration(reader, "ttl", ttl, true) && ttl > Duration::zero()) in.view.ttl = ttl;
}

/// A name is one feature, and none of the keys, which stand in the same row.
void check_feature_names(ViewReading& in, const std::string& path) {
  std::map<std::string, YamlMark> taken;
  for (const auto& name : in.view.entities)
    if (const Entity* entity = in.reading.definition.find_entity(name))
      for (const auto& key : entity->keys)
        if (!taken.emplace(key.name, entity->mark).second)
          in.reading.problems.add(in.view.mark, path, fmt::format("two of its entities have a key '{}'; rename one of them", key.name));
  for (const auto& feature : in.view.features) {
    const std::string at = fmt::format("{}.features.{}", path, feature.name);
    check_name(feature.name, feature.mark, at, in.reading.problems);
    if (const auto [other, fresh] = taken.emplace(feature.name, feature.mark); !fresh)
      in.reading.problems.add(feature.mark, at,
                              fmt::format("'{}' is there already, from line {}; rename one of them", feature.name, other->second.line));
  }
}

/// All windows of a view share its tiles (features/window.h).
void check_windows_together(ViewReading& in, const std::string& path) {
  std::vector<Window> windows;
  Duration lateness{0};
  for (const auto& feature : in.view.features)
    if (const auto* aggregate = std::get_if<AggregateFeature>(&feature.made_by)) windows.push_back(aggregate->window);
  for (const auto& name : in.view.sources) lateness = std::max(lateness, in.reading.definition.find_source(name)->lateness);
  if (windows.empty()) return;
  if (const auto plan = WindowPlan::create(windows, lateness); !plan.ok())
    in.reading.problems.add(in.view.mark, path + ".features", plan.error().message());
}

void read_features(ViewReading& in, FieldReader& reader) {
  const YamlNode* node = reader.get("features");
  if (node == nullptr)
    return in.reading.problems.add(in.view.mark, reader.path(),
                                   "it needs features: a name and what it is made of, as spent: sum(amount) over 1h");
  FieldReader features(*node, reader.path_of("features"), in.reading.problems);
  const std::size_t before = in.reading.problems.count();
  if (features.free_fields().empty()) reader.report("features", "there are none; name at least one");
  for (const auto& field : features.free_fields())
    if (!is_on_demand(field.value)) read_feature(in, field, features.path_of(field.key.text));
  std::ranges::stable_sort(in.view.features, {}, &Feature::name);
  check_feature_names(in, reader.path());
  in.judged = in.judged && in.reading.problems.count() == before;
  if (in.judged) {
    check_windows_together(in, reader.path());
    in.schema = row_schema(in.reading.definition, in.view);
  }
  for (const auto& field : features.free_fields())
    if (is_on_demand(field.value)) read_on_demand(in, field, features.path_of(field.key.text));
  std::ranges::stable_sort(in.view.features, {}, &Feature::name);
  if (in.reading.problems.count() == before) check_feature_names(in, reader.path());
}

View read_view(Reading& reading, const YamlField& field, const std::string& path) {
  View view{.name = field.key.text, .mark = field.key.mark};
  FieldReader reader(field.value, path, reading.problems);
  ViewReading in{.reading = reading, .view = view, .schema = {}, .judged = true};
  const bool sources = read_view_sources(in, reader), entities = read_view_entities(in, reader);
  in.judged = sources && entities && (view.sources.empty() || check_alike(in, reader));
  if (in.judged) in.schema = source_schema(reading.definition, view);
  if (in.judged && !view.sources.empty()) in.judged = check_keys(in, reader);
  read_where(in, reader);
  read_ttl(in, reader);
  reader.boolean("online", view.online);
  read_features(in, reader);
  read_labels(reader, view.labels);
  reader.finish();
  return view;
}

}  // namespace

void read_views(Reading& reading, const YamlNode& views) {
  FieldReader reader(views, "views", reading.problems);
  for (const auto& field : reader.free_fields()) {
    const std::string path = reader.path_of(field.key.text);
    const std::size_t before = reading.problems.count();
    check_name(field.key.text, field.key.mark, path, reading.problems);
    reading.definition.views.push_back(read_view(reading, field, path));
    if (reading.problems.count() != before) reading.broken.insert(field.key.text);
  }
  std::ranges::sort(reading.definition.views, {}, &View::name);
}

}  // namespace isobar::features
