#include "features/table.h"

#include <fmt/format.h>

#include <array>
#include <set>

#include "base/text.h"
#include "parquet_table.h"
#include "text_tables.h"

namespace isobar::features {

namespace {

struct Ending {
  std::string_view name;
  TableFormat format;
};
constexpr std::array kEndings{Ending{"csv", TableFormat::kCsv}, Ending{"jsonl", TableFormat::kJsonLines},
                              Ending{"ndjson", TableFormat::kJsonLines}, Ending{"parquet", TableFormat::kParquet}};
constexpr std::string_view kFormats = "csv, jsonl or parquet";

Status each_once(const std::vector<TableColumn>& columns) {
  std::set<std::string_view> seen;
  for (const TableColumn& column : columns)
    if (!seen.insert(column.name).second) return invalid(fmt::format("column '{}' is there twice", column.name));
  return {};
}

}  // namespace

std::string_view name_of(TableFormat format) {
  switch (format) {
    case TableFormat::kCsv: return "csv";
    case TableFormat::kJsonLines: return "jsonl";
    case TableFormat::kParquet: return "parquet";
  }
  return "";
}

Result<TableFile> table_file(const fs::path& path, std::string_view format) {
  std::string ending = path.extension().string();
  if (!ending.empty()) ending = to_lower(ending.substr(1));
  for (const Ending& known : kEndings)
    if (known.name == (format.empty() ? ending : format)) return TableFile{path, known.format};
  if (!format.empty()) return invalid(fmt::format("'{}' is no format of tables; they are {}", format, kFormats));
  return invalid(fmt::format("{}: what format it has is not said by its name; name it by its format, {}", path.string(), kFormats));
}

std::vector<TableColumn> to_table_columns(std::span<const Column> columns) {
  std::vector<TableColumn> copied;
  for (const Column& column : columns) copied.push_back({column.name, column.type, ""});
  return copied;
}

Error no_column(std::string_view file, std::string_view name, std::vector<std::string> there) {
  const auto nearest = closest(name, there);
  if (nearest) return invalid(fmt::format("{}: there is no column '{}'; did you mean '{}'?", file, name, *nearest));
  return invalid(fmt::format("{}: there is no column '{}'; there are: {}", file, name, join(there, ", ")));
}

Result<std::unique_ptr<TableReader>> read_table(const TableFile& file, std::vector<TableColumn> wanted, const ReadOptions& options) {
  switch (file.format) {
    case TableFormat::kCsv: return read_csv(file.path, std::move(wanted), options);
    case TableFormat::kJsonLines: return read_json_lines(file.path, std::move(wanted), options);
    case TableFormat::kParquet: return read_parquet(file.path, std::move(wanted));
  }
  return invalid("no format");
}

Result<std::unique_ptr<TableWriter>> write_table(const TableFile& file, std::vector<TableColumn> columns) {
  TRY(each_once(columns).context(file.path.string()));
  switch (file.format) {
    case TableFormat::kCsv: return write_csv(file.path, std::move(columns));
    case TableFormat::kJsonLines: return write_json_lines(file.path, std::move(columns));
    case TableFormat::kParquet: return write_parquet(file.path, std::move(columns));
  }
  return invalid("no format");
}

}  // namespace isobar::features
