#pragma once

/// What a user says of their features, in one file: from where events come (sources), whose they are (entities), what is made of them
/// (views of features) and what is asked for together (services). docs/features.md is the reference of the file's fields.
///
/// A definition is checked as a whole before anything of it is used: names, columns, expressions and their types, windows, parameters of
/// featurizers, schedules. Whoever holds one need not check again. Pure: neither files nor servers that it names are looked at.

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/time.h"
#include "features/aggregate.h"
#include "features/allowance.h"
#include "features/loss.h"
#include "features/schema.h"
#include "features/window.h"
#include "yaml/yaml_tree.h"

namespace isobar::features {

/// What is said for people alone.
struct Labels {
  std::string description, owner;
  std::map<std::string, std::string> tags;
};

struct Entity {
  std::string name;
  std::vector<Column> keys;  ///< in the order in which they make the key; at least one
  Labels labels;
  YamlMark mark;
};

enum class SourceKind : std::uint8_t { kPush, kFile, kRedisStream, kKafka, kNats, kPostgres };
std::string_view name_of(SourceKind kind);
std::vector<std::string> source_kind_names();

struct Source {
  std::string name;
  SourceKind kind = SourceKind::kPush;
  std::map<std::string, std::string> place;  ///< by field: path and format, url and stream … as docs/features.md lists for each kind
  std::vector<Column> columns;               ///< by name
  std::string timestamp;                     ///< the column of events' times
  std::string created;                       ///< the column that says when a record was made; "": none
  std::vector<std::string> key;              ///< columns that name a record, so that a later one corrects it; none: records only come
  Duration lateness{0};                      ///< how long after a newer event an older one may still come
  Labels labels;
  YamlMark mark;
};

/// A column of the source, as the key's newest event has it.
struct ColumnFeature {
  std::string column;
};
/// An expression over the source's columns, of the key's newest event.
struct ExpressionFeature {
  std::string sql;
};
/// One aggregate over one window.
struct AggregateFeature {
  AggregateSpec spec;  ///< its argument is 0, that is `of`, or none
  std::string of;      ///< an expression over the source's columns; "": the count is of rows
  Window window;
};
/// An expression over the request, the entity's keys and the view's other features, when it is asked for.
struct OnDemandFeature {
  std::vector<Column> request;  ///< by name
  std::string sql;
};

/// How an expensive feature is kept fresh (features/scheduler.h).
struct Schedule {
  std::string policy;
  double floor_per_hour = 0;
  bool cold_first = false;
  Budget budget;
  Loss loss = Loss::kAbsolute;
  std::optional<Duration> max_staleness;
};
/// A forecast of the next `horizon` steps, from the last `window` of them (features/forecast.h).
struct ForecastParameters {
  Duration step = std::chrono::hours(1);
  int window = 48, period = 24, horizon = 1;
};
/// The vector of a user who rates items, on fixed factors of the items (features/ridge.h).
struct RidgeParameters {
  std::string item;          ///< an expression: which item was rated
  std::string item_factors;  ///< the file of the items' factors
  int factors = 50;
  double ridge = 5;
};
/// What code of the user's makes, of the key's newest events (features/outside.h).
struct OutsideParameters {
  std::vector<std::string> of;       ///< expressions over the source's columns: what it is given of an event
  std::vector<std::string> command;  ///< a program and its arguments; none: it is a library
  std::string library, arguments;    ///< the library's file, and what it is given when it is loaded
  int window = 1;                    ///< how many events
  int batch = 32;                    ///< how many keys at once, at most
  Duration timeout = std::chrono::seconds(10);
  friend bool operator==(const OutsideParameters&, const OutsideParameters&) = default;
};
struct ExpensiveFeature {
  std::string featurizer;
  std::string of;  ///< an expression over the source's columns: the value, or the rating; of what is made outside ""
  std::variant<ForecastParameters, RidgeParameters, OutsideParameters> parameters;
  Schedule schedule;
};

struct Feature {
  std::string name;
  Type type;  ///< as it follows from what it is made of
  std::variant<ColumnFeature, ExpressionFeature, AggregateFeature, OnDemandFeature, ExpensiveFeature> made_by;
  Labels labels;
  YamlMark mark;
};

struct View {
  std::string name;
  std::vector<std::string> sources;   ///< by name; none only where every feature is on demand
  std::vector<std::string> entities;  ///< in the order in which they make the key; none: there is one row for all
  std::string where;                  ///< a condition over the sources' columns; "": every event counts
  std::vector<Feature> features;      ///< by name
  std::optional<Duration> ttl;        ///< how old an event may be and still count; none: any age
  bool online = true;
  Labels labels;
  YamlMark mark;
};

struct ServedFeature {
  std::string view, feature;
  std::string as;  ///< the name under which it is answered
};
struct Service {
  std::string name;
  std::vector<ServedFeature> features;  ///< in the order of the answer
  Labels labels;
  YamlMark mark;
};

/// Everything by name: in which order a file says it means nothing, but where a member says so.
struct Definition {
  std::string project;
  std::vector<Entity> entities;
  std::vector<Source> sources;
  std::vector<View> views;
  std::vector<Service> services;

  const Entity* find_entity(std::string_view name) const;
  const Source* find_source(std::string_view name) const;
  const View* find_view(std::string_view name) const;
};

/// Errors   kInvalidArgument: all that is wrong, a line for each problem in the order of the file, as FILE:LINE:COLUMN: FIELD: what, and
/// the
///          mend; of a file that is no YAML the first problem alone
Result<Definition> parse_definition(std::string_view text, const std::string& file_name);

/// The columns that expressions of a view may read: those of its first source, which all others have. Of no source: none.
Schema source_schema(const Definition& definition, const View& view);
/// The columns that a view's rows hold: the keys of its entities, then its features that are not on demand, by name.
Schema row_schema(const Definition& definition, const View& view);

/// The definition as text that is the same for the same definition, whatever its file looked like: docs/formats/feature-definition.md.
/// It is itself a definition file, and `parse_definition` of it gives an equal one.
std::string canonical_text(const Definition& definition);

}  // namespace isobar::features
