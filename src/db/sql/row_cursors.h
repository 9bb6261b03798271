#pragma once

// The rows of a part of a table, in the order of one of its indexes.

#include "row_storage.h"

namespace isobar::db {

/// index  none: the order of the rows themselves. Everything outlives the cursor
sql::SqlResult<std::unique_ptr<sql::RowCursor>> open_cursor(SqlTransaction& tx, const TableForm& form, const sql::Index* index,
                                                            const sql::IndexRange& range, const sql::ScanOrder& order);
std::unique_ptr<sql::RowCursor> cursor_over(std::vector<sql::Row> rows);

}  // namespace isobar::db
