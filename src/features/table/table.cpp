#include "features/table.h"

#include <fmt/format.h>

#include <array>
#include <set>

#include "base/text.h"
#include "text_tables.h"

namespace isobar::features {

namespace {

struct Ending {
  std::string_view name;
  TableFormat format;
};
constexpr std::array kEndings{Ending{"csv", TableFormat::kCsv}, Ending{"jsonl", TableFormat::kJsonLines},
                              Ending{"ndjson", TableFormat::kJsonLines}};
constexpr std::string_view kFormats = "csv or jsonl";

Status each_once(const std::vector<TableColumn>& columns) {
  std::set<std::string_view> seen;
  for (const TableColumn& column : columns)
    if (!seen.insert(column.name).second) return invalid(fmt::format("column '{}' is there twice", column.name));
  return {};
}

}  // namespace

std::string_view name_of(TableFormat format) { return format == TableFormat::kCsv ? "csv" : "jsonl"; }

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
  TRY(each_once(wanted).context(file.path.string()));
  return file.format == TableFormat::kCsv ? read_csv(file.path, std::move(wanted), options)
                                          : read_json_lines(file.path, std::move(wanted), options);
}

Result<std::unique_ptr<TableWriter>> write_table(const TableFile& file, std::vector<TableColumn> columns) {
  TRY(each_once(columns).context(file.path.string()));
  return file.format == TableFormat::kCsv ? write_csv(file.path, std::move(columns)) : write_json_lines(file.path, std::move(columns));
}

}  // namespace isobar::features
