#pragma once

/// What all readers of a definition's parts share: what was read so far, the problems, and fields that occur in many parts.

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "features/definition.h"
#include "yaml/field_reader.h"

namespace isobar::features {

/// Of the file's form, and of the canonical one, which is such a file.
inline constexpr int kDefinitionVersion = 1;

struct Reading {
  Definition& definition;
  Problems& problems;
  /// Names of entities, sources and views that have problems of their own: what refers to them is not judged by them.
  std::set<std::string> broken;
};

/// "'x'; did you mean 'y'?", or all that there are: the end of a message about a name that nothing has.
std::string mend_by_name(std::string_view wrong, const std::vector<std::string>& names, std::string_view kind);

/// 1 to 128 letters, digits, _ and -, of which the first is no digit and no -. Reports what is not.
bool check_name(std::string_view name, YamlMark mark, std::string_view path, Problems& problems);

void read_labels(FieldReader& reader, Labels& labels);

/// 1 ns to 100 years, or from 0 where zero is a length, too; such that `duration_text` says it exactly.
std::optional<Duration> read_duration(const YamlNode& node, const std::string& path, Problems& problems, bool zero = false);
bool read_duration(FieldReader& reader, std::string_view key, Duration& into, bool zero = false);
/// A whole number and the largest unit that is exact: 90s, 1d.
std::string duration_text(Duration span);
/// The fewest digits that read back, from YAML too, to the same number.
std::string number_text(double number);

/// A map of columns' names to their types, in the order written.
std::vector<Column> read_columns(FieldReader& reader, std::string_view key);
bool read_numbers(FieldReader& reader, std::string_view key, std::vector<double>& into);

void read_entities(Reading& reading, const YamlNode& entities);
void read_sources(Reading& reading, const YamlNode& sources);
void read_views(Reading& reading, const YamlNode& views);
void read_services(Reading& reading, const YamlNode& services);

/// What the features of one view are read against.
struct ViewReading {
  Reading& reading;
  View& view;
  Schema schema;  ///< what expressions may read
  bool judged;    ///< false: a source or an entity has problems of its own, so that no type can be told
};

/// What any feature may say beside what it is made of.
struct Remarks {
  Labels labels;
  std::optional<Type> type;  ///< as it is said, which is then held to what follows
  YamlMark type_mark;
};
/// Reads them from the rest of a feature's map, and reports the fields that nothing asked for.
Remarks read_remarks(FieldReader& reader);
/// Puts a feature into the view, if its type could be told.
void add_feature(ViewReading& in, Feature feature, std::optional<Type> type, const Remarks& remarks, const std::string& path);
/// The type of an expression over the view's schema, or none where it is wrong, which is reported, or cannot be told.
std::optional<Type> type_in(ViewReading& in, const YamlNode& node, const std::string& path, std::string_view sql);
/// The same of a field of a feature's map, whose text goes to `into`. needed   what to say when it is not there; "": nothing
std::optional<Type> read_sql(ViewReading& in, FieldReader& reader, std::string_view key, std::string& into, std::string_view needed);

/// "sum(amount) over 1h, 24h", or a map with `function`. One feature for each window.
bool is_aggregate(const YamlNode& node);
void read_aggregate(ViewReading& in, const YamlField& field, const std::string& path);
/// A map with `featurizer`.
void read_expensive(ViewReading& in, const YamlField& field, const std::string& path);
/// A map with `request`, or with `on_demand: true`. in.schema   as `row_schema`
bool is_on_demand(const YamlNode& node);
void read_on_demand(ViewReading& in, const YamlField& field, const std::string& path);
/// All others.
void read_feature(ViewReading& in, const YamlField& field, const std::string& path);

}  // namespace isobar::features
