#pragma once

/// The two formats that are text; features/table.h says what they do.

#include "features/table.h"

namespace isobar::features {

Result<std::unique_ptr<TableReader>> read_csv(const fs::path& path, std::vector<TableColumn> wanted, const ReadOptions& options);
Result<std::unique_ptr<TableWriter>> write_csv(const fs::path& path, std::vector<TableColumn> columns);
Result<std::unique_ptr<TableReader>> read_json_lines(const fs::path& path, std::vector<TableColumn> wanted, const ReadOptions& options);
Result<std::unique_ptr<TableWriter>> write_json_lines(const fs::path& path, std::vector<TableColumn> columns);

/// What a file lacks, with the nearest that it has.
Error no_column(std::string_view file, std::string_view name, std::vector<std::string> there);

}  // namespace isobar::features
