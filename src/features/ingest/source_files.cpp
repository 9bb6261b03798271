#include "features/source_files.h"

#include <fmt/format.h>

#include <algorithm>

namespace isobar::features {

namespace {

std::string field(const Source& source, const std::string& name) {
  const auto known = source.place.find(name);
  return known == source.place.end() ? std::string() : known->second;
}

Result<std::vector<TableFile>> files_in(const fs::path& folder, TableFormat format) {
  std::vector<TableFile> files;
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator(folder, failed)) {
    const auto file = table_file(entry.path());
    if (entry.is_regular_file() && file.ok() && file->format == format && !entry.path().filename().string().starts_with("."))
      files.push_back(*file);
  }
  if (failed) return not_found(fmt::format("{}: {}", folder.string(), failed.message()));
  if (files.empty()) return not_found(fmt::format("{}: there is no .{} file in this folder", folder.string(), name_of(format)));
  std::ranges::sort(files, {}, &TableFile::path);
  return files;
}

}  // namespace

Result<std::vector<TableFile>> source_files(const Source& source, const fs::path& given) {
  const fs::path path = given.empty() ? fs::path(field(source, "path")) : given;
  const std::string format = given.empty() ? field(source, "format") : std::string();
  std::error_code ignored;
  if (!fs::exists(path, ignored))
    return not_found(fmt::format("source '{}': there is no {} (from {}, as paths of a definition are taken from the working folder)",
                                 source.name, path.string(), fs::current_path(ignored).string()));
  if (!fs::is_directory(path, ignored)) {
    TRY_ASSIGN(TableFile file, table_file(path, format).context(fmt::format("source '{}'", source.name)));
    return std::vector{std::move(file)};
  }
  TRY_ASSIGN(const TableFile like, table_file("x", format.empty() ? "csv" : format).context(fmt::format("source '{}'", source.name)));
  return files_in(path, like.format);
}

Result<SourceRows> SourceRows::open(const Source& source, const TableFile& file) {
  auto wanted = to_table_columns(source.columns);
  // Of a folder alone, as in training sets.
  std::error_code ignored;
  const std::string named = fs::is_directory(field(source, "path"), ignored) ? field(source, "file_column") : "";
  std::optional<std::size_t> file_column;
  if (!named.empty()) {
    const auto at = std::ranges::find(wanted, named, &TableColumn::name);
    file_column = static_cast<std::size_t>(at - wanted.begin());
    wanted.erase(at);
  }
  TRY_ASSIGN(auto table, read_table(file, std::move(wanted)).context(fmt::format("source '{}'", source.name)));
  return SourceRows(std::move(table), file_column, file.path.stem().string());
}

Result<bool> SourceRows::next(Row& row) {
  if (!file_column_) return table_->next(row);
  TRY_ASSIGN(const bool more, table_->next(in_file_));
  if (!more) return false;
  row = in_file_;
  row.insert(row.begin() + static_cast<std::ptrdiff_t>(*file_column_), Value(file_name_));
  return true;
}

}  // namespace isobar::features
