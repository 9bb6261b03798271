// Entities and sources: whose features there are, and from where their events come.

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "reading.h"

namespace isobar::features {

namespace {

struct KindFields {
  SourceKind kind;
  std::string_view name;
  std::vector<std::string> fields;  ///< all needed but `format`
};

const std::vector<KindFields>& kinds() {
  static const std::vector<KindFields> kKinds{
      {SourceKind::kPush, "push", {}},
      {SourceKind::kFile, "file", {"path", "format"}},
      {SourceKind::kRedisStream, "redis_stream", {"url", "stream"}},
      {SourceKind::kKafka, "kafka", {"brokers", "topic"}},
      {SourceKind::kNats, "nats", {"url", "subject"}},
      {SourceKind::kPostgres, "postgres", {"url", "table"}},
  };
  return kKinds;
}

/// A url as user:password@host would be stored, compared and shown.
bool has_password(std::string_view url) {
  const auto scheme = url.find("://");
  const std::string_view rest = scheme == std::string_view::npos ? url : url.substr(scheme + 3);
  const auto at = rest.substr(0, rest.find('/')).rfind('@');
  const bool in_user = at != std::string_view::npos && rest.substr(0, at).find(':') != std::string_view::npos;
  return in_user || to_lower(url).find("password=") != std::string::npos;
}

void read_format(FieldReader& reader, Source& source) {
  static const std::vector<std::string> kFormats{"csv", "jsonl", "parquet"};
  if (const auto format = reader.choice("format", kFormats)) {
    source.place["format"] = kFormats[*format];
    return;
  }
  if (reader.has("format") || source.place["path"].empty()) return;
  const std::string& path = source.place["path"];
  const std::string ending = to_lower(path.substr(std::min(path.rfind('.'), path.size() - 1) + 1));
  if (std::ranges::find(kFormats, ending) != kFormats.end()) source.place["format"] = ending;
  else reader.report("path", "its name does not say what it is; add format: csv, jsonl or parquet");
}

void read_place(FieldReader& reader, Source& source, const KindFields& kind) {
  for (const auto& field : kind.fields) {
    if (field == "format") {
      read_format(reader, source);
      continue;
    }
    std::string& text = source.place[field];
    if (!reader.text(field, text) && !reader.has(field))
      reader.report("kind", fmt::format("a {} source needs {}; add it", kind.name, field));
    else if (text.empty()) reader.report(field, "it is empty; write it");
    if (has_password(text)) reader.report(field, "it has a password, which would be stored and shown; leave it out of the file");
  }
}

/// A column that is named by a field of the source.
void read_column_name(FieldReader& reader, std::string_view field, const Schema& schema, bool needed, std::string& into) {
  if (!reader.text(field, into)) {
    if (needed && !reader.has(field))
      reader.problems().add(reader.mark(), reader.path(),
                            fmt::format("it needs {}; name the column of the schema that holds the time of events", field));
    return;
  }
  const auto at = schema.require(into);
  if (!at.ok()) reader.report(field, at.error().message());
  else if (const Type type = schema.columns()[*at].type; !type.is(Kind::kTimestamp))
    reader.report(field, fmt::format("column '{}' is {}; make it timestamp in the schema", into, name_of(type)));
}

/// Of files alone: the column that each file's name, without its ending, goes into.
void read_file_column(FieldReader& reader, const Schema& schema, Source& source) {
  std::string column;
  if (source.kind != SourceKind::kFile || !reader.text("file_column", column)) return;
  source.place["file_column"] = column;
  const auto at = schema.require(column);
  if (!at.ok()) reader.report("file_column", at.error().message());
  else if (const Type type = schema.columns()[*at].type; !type.is(Kind::kString))
    reader.report("file_column", fmt::format("column '{}' is {}; make it string in the schema", column, name_of(type)));
}

void read_schema(FieldReader& reader, Source& source) {
  source.columns = read_columns(reader, "schema");
  std::ranges::sort(source.columns, {}, &Column::name);
  if (!reader.has("schema"))
    reader.problems().add(reader.mark(), reader.path(), "it needs schema: the columns with their types, as {user_id: int64}");
  reader.text_list("key", source.key);
  const auto bare = Schema::create(source.columns);
  if (!bare.ok()) return reader.report("schema", bare.error().message());
  if (const auto keyed = Schema::create(source.columns, source.key); !keyed.ok()) reader.report("key", keyed.error().message());
  read_column_name(reader, "timestamp", *bare, true, source.timestamp);
  read_column_name(reader, "created", *bare, false, source.created);
  read_file_column(reader, *bare, source);
}

Source read_source(const YamlField& field, const std::string& path, Problems& problems) {
  FieldReader reader(field.value, path, problems);
  Source source{.name = field.key.text, .mark = field.key.mark};
  const auto kind = reader.choice("kind", source_kind_names());
  if (kind) {
    source.kind = kinds()[*kind].kind;
    read_place(reader, source, kinds()[*kind]);
  } else if (!reader.has("kind")) {
    problems.add(field.key.mark, path, "it needs kind: one of " + join(source_kind_names(), ", "));
  }
  read_schema(reader, source);
  read_duration(reader, "lateness", source.lateness, true);
  read_labels(reader, source.labels);
  if (kind) reader.finish();
  return source;
}

Entity read_entity(const YamlField& field, const std::string& path, Problems& problems) {
  FieldReader reader(field.value, path, problems);
  Entity entity{.name = field.key.text, .mark = field.key.mark};
  entity.keys = read_columns(reader, "keys");
  std::vector<std::string> names;
  for (const auto& key : entity.keys) names.push_back(key.name);
  if (!reader.has("keys")) problems.add(field.key.mark, path, "it needs keys: the columns that make its key, as {user_id: int64}");
  else if (const auto schema = Schema::create(entity.keys, names); !schema.ok()) reader.report("keys", schema.error().message());
  else if (names.empty()) reader.report("keys", "there are none; name at least one, or use views without entities");
  read_labels(reader, entity.labels);
  reader.finish();
  return entity;
}

template <class Thing, class Read>
void read_all(Reading& reading, const YamlNode& node, std::string_view section, std::vector<Thing>& into, Read read) {
  FieldReader reader(node, std::string(section), reading.problems);
  for (const auto& field : reader.free_fields()) {
    const std::string path = reader.path_of(field.key.text);
    const std::size_t before = reading.problems.count();
    check_name(field.key.text, field.key.mark, path, reading.problems);
    into.push_back(read(field, path, reading.problems));
    if (reading.problems.count() != before) reading.broken.insert(field.key.text);
  }
  std::ranges::sort(into, {}, &Thing::name);
}

}  // namespace

std::string_view name_of(SourceKind kind) {
  for (const auto& known : kinds())
    if (known.kind == kind) return known.name;
  return "unknown";
}

std::vector<std::string> source_kind_names() {
  std::vector<std::string> names;
  for (const auto& kind : kinds()) names.emplace_back(kind.name);
  return names;
}

void read_entities(Reading& reading, const YamlNode& entities) {
  read_all(reading, entities, "entities", reading.definition.entities, read_entity);
}
void read_sources(Reading& reading, const YamlNode& sources) {
  read_all(reading, sources, "sources", reading.definition.sources, read_source);
}

}  // namespace isobar::features
