#include "features/trace.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>
#include <cmath>
#include <unordered_map>

#include "base/text.h"
#include "features/csv.h"
#include "features/json_text.h"
#include "features/timestamp.h"

namespace isobar::features {

namespace {

namespace json = boost::json;

constexpr std::uint64_t kFileBytesMost = std::uint64_t{4} << 30;

/// Names to indices, in the order in which they are first seen.
class Names {
 public:
  explicit Names(std::vector<std::string>& names) : names_(names) {}
  std::uint32_t index_of(const std::string& name) {
    const auto [at, is_new] = index_.try_emplace(name, static_cast<std::uint32_t>(names_.size()));
    if (is_new) names_.push_back(name);
    return at->second;
  }

 private:
  std::vector<std::string>& names_;
  std::unordered_map<std::string, std::uint32_t> index_;
};

std::optional<double> number(std::string_view text) {
  double value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  return failure == std::errc() && end == text.data() + text.size() && std::isfinite(value) ? std::optional(value) : std::nullopt;
}

Result<Instant> time_of(std::string_view text) {
  if (const auto seconds = number(text)) {
    if (std::abs(*seconds) > 9.2e9)
      return invalid(fmt::format("{} seconds since 1970 are beyond the year 2261; divide milliseconds by 1000", text));
    return Instant::from_unix_nanos(static_cast<std::int64_t>(std::llround(*seconds * 1e9)));
  }
  return parse_timestamp(text);
}

Result<double> value_of(std::string_view text) {
  if (const auto value = number(text)) return *value;
  return invalid(fmt::format("'{}' is no finite number; leave the row out where there is no value", text));
}

/// Puts rows into a trace, each from texts under the names of the columns.
class TraceBuilder {
 public:
  TraceBuilder(Trace& trace, const TraceColumns& columns) : trace_(trace), columns_(columns), keys_(trace.keys), items_(trace.items) {}

  const TraceColumns& columns() const { return columns_; }
  /// item   none: the trace has no items
  Status add(const std::string& key, std::string_view time, std::string_view value, const std::optional<std::string>& item) {
    if (key.empty()) return invalid("the key is empty; give each row one");
    TRY_ASSIGN(const Instant at, time_of(time));
    TRY_ASSIGN(const double number, value_of(value));
    trace_.rows.push_back({keys_.index_of(key), item ? items_.index_of(*item) : 0, at, number});
    return {};
  }

 private:
  Trace& trace_;
  const TraceColumns& columns_;
  Names keys_, items_;
};

/// Where the column stands. None: it may be missing, and is.
Result<std::optional<std::size_t>> find_column(const std::vector<std::string>& header, const std::optional<std::string>& named,
                                               const std::vector<std::string>& usual, const char* option, bool required) {
  for (const std::string& name : named ? std::vector<std::string>{*named} : usual) {
    const auto at = std::find(header.begin(), header.end(), name);
    if (at != header.end()) return std::optional(static_cast<std::size_t>(at - header.begin()));
  }
  if (!required && !named) return std::optional<std::size_t>();
  return invalid(fmt::format("there is no column '{}' among {}; name yours by {}", named ? *named : join(usual, "' or '"),
                             join(header, ", "), option));
}

struct Places {
  std::optional<std::size_t> key, time, value, item;
};

Result<Places> find_columns(const std::vector<std::string>& header, const TraceColumns& columns, bool with_key) {
  Places places;
  if (with_key) {
    TRY_ASSIGN(places.key, find_column(header, columns.key, {"key"}, "--key-column", true));
  }
  TRY_ASSIGN(places.time, find_column(header, columns.time, {"time", "timestamp"}, "--time-column", true));
  TRY_ASSIGN(places.value, find_column(header, columns.value, {"value"}, "--value-column", true));
  TRY_ASSIGN(places.item, find_column(header, columns.item, {"item"}, "--item-column", false));
  return places;
}

/// key   of all rows of the file; none: it is a column
Status parse_csv(std::string_view text, const std::string& shown, const std::optional<std::string>& key, TraceBuilder& builder) {
  CsvReader reader(shown, text);
  TRY_ASSIGN(const auto first, reader.next());
  if (!first) return invalid(shown + ": the file is empty; its first line names the columns, such as key,time,value");
  std::vector<std::string> header;
  for (const CsvCell& cell : *first) header.emplace_back(trim(cell.text));
  TRY_ASSIGN(const Places places, find_columns(header, builder.columns(), !key).context(reader.place()));
  for (;;) {
    TRY_ASSIGN(const auto record, reader.next());
    if (!record) return {};
    if (record->size() != header.size())
      return invalid(fmt::format("{}: {} cells under {} columns; a cell with a comma in it needs quotes", reader.place(), record->size(),
                                 header.size()));
    const auto cell = [&](std::size_t at) -> const std::string& { return (*record)[at].text; };
    const auto item = places.item ? std::optional(cell(*places.item)) : std::nullopt;
    TRY(builder.add(key ? *key : cell(*places.key), cell(*places.time), cell(*places.value), item).context(reader.place()));
  }
}

std::string text_of(const json::value& value) { return value.is_string() ? std::string(value.as_string()) : json::serialize(value); }

Status add_json(std::string_view line, TraceBuilder& builder) {
  TRY_ASSIGN(const json::value value, parse_json(line));
  if (!value.is_object()) return invalid("this is no object; write {\"key\": …, \"time\": …, \"value\": …}");
  const json::object& object = value.as_object();
  std::vector<std::string> header;
  for (const auto& member : object) header.emplace_back(member.key());
  TRY_ASSIGN(const Places places, find_columns(header, builder.columns(), true));
  const auto cell = [&](std::size_t at) { return text_of(object.at(header[at])); };
  return builder.add(cell(*places.key), cell(*places.time), cell(*places.value),
                     places.item ? std::optional(cell(*places.item)) : std::nullopt);
}

Status parse_jsonl(std::string_view text, const std::string& shown, TraceBuilder& builder) {
  std::size_t number = 0;
  for (const std::string_view line : split(text, '\n')) {
    ++number;
    if (!trim(line).empty()) TRY(add_json(line, builder).context(fmt::format("{}:{}", shown, number)));
  }
  return {};
}

Status read_folder(const fs::path& folder, TraceBuilder& builder) {
  std::vector<fs::path> files;
  std::error_code failure;
  for (fs::recursive_directory_iterator at(folder, failure), end; !failure && at != end; at.increment(failure))
    if (at->path().extension() == ".csv" && at->is_regular_file()) files.push_back(at->path());
  if (failure) return unavailable(fmt::format("{}: {}", folder.string(), failure.message()));
  if (files.empty()) return not_found(folder.string() + " has no .csv file in it, nor in folders below");
  std::sort(files.begin(), files.end());
  for (const fs::path& file : files) {
    TRY_ASSIGN(const std::string text, read_file(file, kFileBytesMost));
    TRY(parse_csv(text, file.string(), file.lexically_relative(folder).replace_extension().string(), builder));
  }
  return {};
}

Status sort_rows(Trace& trace, const std::string& name) {
  if (trace.rows.empty()) return invalid(name + " has no rows");
  std::stable_sort(trace.rows.begin(), trace.rows.end(), [](const TraceRow& a, const TraceRow& b) { return a.time < b.time; });
  return {};
}

}  // namespace

Result<Trace> parse_trace(std::string_view text, TraceFormat format, const std::string& name, const TraceColumns& columns) {
  Trace trace;
  TraceBuilder builder(trace, columns);
  TRY(format == TraceFormat::kCsv ? parse_csv(text, name, std::nullopt, builder) : parse_jsonl(text, name, builder));
  TRY(sort_rows(trace, name));
  return trace;
}

Result<Trace> read_trace(const fs::path& path, const TraceColumns& columns) {
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) {
    Trace trace;
    trace.in_files_by_key = true;
    TraceBuilder builder(trace, columns);
    TRY(read_folder(path, builder));
    TRY(sort_rows(trace, path.string()));
    return trace;
  }
  const std::string ending = path.extension().string();
  if (ending != ".csv" && ending != ".jsonl" && ending != ".ndjson")
    return invalid(fmt::format("{} is no trace that can be read; give a .csv or .jsonl file, or a folder of .csv files, one for each key",
                               path.string()));
  TRY_ASSIGN(const std::string text, read_file(path, kFileBytesMost));
  return parse_trace(text, ending == ".csv" ? TraceFormat::kCsv : TraceFormat::kJsonLines, path.string(), columns);
}

}  // namespace isobar::features
