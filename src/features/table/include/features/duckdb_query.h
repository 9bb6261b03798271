#pragma once

/// Rows of a query of DuckDB's: what our joins are held to where its library is at hand.

#include <memory>
#include <string>
#include <vector>

#include "features/table.h"

namespace isobar::features {

/// query   a SELECT, which may read files. Errors   kUnavailable: there is no library; kInvalidArgument: what DuckDB says
Result<std::unique_ptr<TableReader>> read_duckdb_query(const std::string& query, std::vector<TableColumn> wanted);

}  // namespace isobar::features
