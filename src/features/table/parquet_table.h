#pragma once

/// Parquet, by DuckDB; features/table.h says what it does.

#include "features/table.h"

namespace isobar::features {

Result<std::unique_ptr<TableReader>> read_parquet(const fs::path& path, std::vector<TableColumn> wanted);
Result<std::unique_ptr<TableWriter>> write_parquet(const fs::path& path, std::vector<TableColumn> columns);

}  // namespace isobar::features
