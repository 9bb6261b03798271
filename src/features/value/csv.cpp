#include "features/csv.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>
#include <cmath>

#include "base/text.h"
#include "crypto/encoding.h"
#include "features/cast.h"
#include "features/json_text.h"
#include "features/json_value.h"
#include "features/timestamp.h"
#include "in_context.h"
#include "shorten.h"

namespace isobar::features {

namespace {

constexpr std::size_t kCellBytesMost = std::size_t{16} << 20;

template <class T>
std::optional<T> whole_number(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  T number{};
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  return failure == std::errc() && end == text.data() + text.size() ? std::optional(number) : std::nullopt;
}

Result<Value> number_from(std::string_view text, Type type) {
  if (const auto number = whole_number<std::int64_t>(text)) return integer_into(*number, type);
  if (type.is(Kind::kFloat32))
    if (const auto number = whole_number<float>(text)) return Value(*number);
  if (const auto number = whole_number<double>(text)) return float_into(*number, type, false);
  return invalid(fmt::format("'{}' is not {}, or beyond its range", shorten(text), name_of(type)));
}

Result<Value> bool_from(std::string_view text) {
  const std::string word = to_lower(text);
  if (word == "true" || word == "t") return Value(true);
  if (word == "false" || word == "f") return Value(false);
  return invalid(fmt::format("'{}' is not bool; write true or false", shorten(text)));
}

Result<Value> bytes_from(std::string_view text) {
  auto bytes = crypto::from_base64(text);
  if (!bytes) return invalid(fmt::format("'{}' is not base64", shorten(text)));
  return Value(Bytes{std::move(*bytes)});
}

Result<Value> list_from(std::string_view text, Type type) {
  const auto json = parse_json(text);
  if (!json) return invalid(fmt::format("'{}' is not {}; write it as a JSON array: [1, 2]", shorten(text), name_of(type)));
  // The caller names the column.
  return value_from_json(*json, Column{"list", type});
}

Result<Value> parse_cell(std::string_view text, Type type) {
  if (type.list) return list_from(text, type);
  switch (type.kind) {
    case Kind::kBool: return bool_from(trim(text));
    case Kind::kString: return Value(text);
    case Kind::kBytes: return bytes_from(trim(text));
    case Kind::kTimestamp: return parse_timestamp(trim(text)).and_then([](Instant at) -> Result<Value> { return Value(at); });
    default: return number_from(trim(text), type);
  }
}

}  // namespace

Result<Value> value_from_csv(const CsvCell& cell, const Column& column) {
  const bool may_be_empty = column.type.is(Kind::kString) || column.type.is(Kind::kBytes);
  const bool absent = cell.text.empty() && !(cell.quoted && may_be_empty);
  if (absent) return Value();
  return in_context(parse_cell(cell.text, column.type), [&] { return fmt::format("column '{}'", column.name); });
}

void append_csv_text(std::string& out, std::string_view text) {
  if (!text.empty() && text.find_first_of(",\"\r\n") == std::string_view::npos) {
    out += text;
    return;
  }
  out += '"';
  for (const char c : text) out.append(c == '"' ? 2 : 1, c);
  out += '"';
}

void append_csv(std::string& out, const Value& value) {
  if (value.is_null()) return;
  const Type type = value.type();
  if (type.is(Kind::kString)) return append_csv_text(out, value.as<std::string>());
  if (type.is(Kind::kTimestamp)) return append_rfc3339(out, value.as<Instant>());
  if (type.is(Kind::kBytes)) return append_csv_text(out, crypto::to_base64(value.as<Bytes>().data));
  if (type.is_float() && !std::isfinite(value.as_float())) {
    out += std::isnan(value.as_float()) ? "NaN" : value.as_float() > 0 ? "inf" : "-inf";
    return;
  }
  std::string json;
  append_json(json, value);
  if (type.list) append_csv_text(out, json);
  else out += json;
}

CsvReader::CsvReader(std::string_view name, std::string_view text, std::size_t line)
    : name_(name), rest_(text), line_(line), record_line_(line) {
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  if (line == 1 && rest_.starts_with(kByteOrderMark)) rest_.remove_prefix(kByteOrderMark.size());
}

std::string CsvReader::place() const { return fmt::format("{}:{}", name_, record_line_); }

bool CsvReader::at_line_end() const { return rest_.empty() || rest_.starts_with('\n') || rest_.starts_with("\r\n"); }

void CsvReader::skip_line_end() {
  if (rest_.empty()) return;
  rest_.remove_prefix(rest_.front() == '\n' ? 1 : 2);
  ++line_;
}

Result<std::optional<std::vector<CsvCell>>> CsvReader::next() {
  while (!rest_.empty() && at_line_end()) skip_line_end();
  record_line_ = line_;
  if (rest_.empty()) return std::optional<std::vector<CsvCell>>();
  std::vector<CsvCell> cells;
  const std::string_view from = rest_;
  while (true) {
    TRY_ASSIGN(CsvCell read, in_context(cell(), [&] { return fmt::format("{}, cell {}", place(), cells.size() + 1); }));
    cells.push_back(std::move(read));
    if (at_line_end()) break;
    rest_.remove_prefix(1);  // the comma
  }
  record_ = from.substr(0, from.size() - rest_.size());
  skip_line_end();
  return std::optional(std::move(cells));
}

Result<CsvCell> CsvReader::cell() {
  CsvCell cell;
  if (rest_.starts_with('"')) {
    TRY_ASSIGN(cell, quoted_cell());
  } else {
    const std::size_t end = std::min(rest_.find_first_of(",\n"), rest_.size());
    std::string_view text = rest_.substr(0, end);
    if (end < rest_.size() && rest_[end] == '\n' && text.ends_with('\r')) text.remove_suffix(1);
    cell.text = text;
    rest_.remove_prefix(text.size());
  }
  if (cell.text.size() > kCellBytesMost) return invalid(fmt::format("{} bytes in one cell; 16 MiB are allowed", cell.text.size()));
  if (!is_utf8(cell.text)) return invalid("not UTF-8; save the file as UTF-8, and bytes as base64");
  return cell;
}

Result<CsvCell> CsvReader::quoted_cell() {
  CsvCell cell{.text = "", .quoted = true};
  rest_.remove_prefix(1);
  while (true) {
    const std::size_t quote = rest_.find('"');
    if (quote == std::string_view::npos) return invalid("the quote does not end; close it, and write a quote inside of it twice");
    const std::string_view text = rest_.substr(0, quote);
    cell.text += text;
    line_ += static_cast<std::size_t>(std::ranges::count(text, '\n'));
    rest_.remove_prefix(quote + 1);
    if (!rest_.starts_with('"')) break;
    cell.text += '"';
    rest_.remove_prefix(1);
  }
  if (!at_line_end() && rest_.front() != ',') return invalid("text after the closing quote; write a quote inside of a cell twice");
  return cell;
}

Result<std::vector<Row>> rows_from_csv(std::string_view name, std::string_view text, const Schema& schema) {
  CsvReader reader(name, text);
  TRY_ASSIGN(const auto header, reader.next());
  if (!header) return invalid(fmt::format("{} is empty; its first line names the columns", name));
  std::vector<std::size_t> places;
  for (const CsvCell& cell : *header) {
    const auto at = schema.require(cell.text);
    if (!at) return invalid(fmt::format("{}: {}", reader.place(), at.error().message()));
    if (std::ranges::count(places, *at) > 0) return invalid(fmt::format("{}: column '{}' is there twice", reader.place(), cell.text));
    places.push_back(*at);
  }
  std::vector<Row> rows;
  while (true) {
    TRY_ASSIGN(const auto cells, reader.next());
    if (!cells) return rows;
    if (cells->size() != places.size())
      return invalid(fmt::format("{}: {} cells, and the first line names {} columns", reader.place(), cells->size(), places.size()));
    Row& row = rows.emplace_back(schema.columns().size());
    for (std::size_t i = 0; i < places.size(); ++i) {
      TRY_ASSIGN(row[places[i]], value_from_csv((*cells)[i], schema.columns()[places[i]]).context(reader.place()));
    }
  }
}

}  // namespace isobar::features
