#pragma once

/// What expressions may ask of the session that evaluates them, and nothing else: so a statement gives the same wherever it is evaluated
/// with the same of these.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "sql/value.h"

namespace isobar::sql {

struct SessionValues {
  std::int64_t transaction_time = 0;    ///< now(): as of timestamptz
  std::int64_t statement_time = 0;      ///< statement_timestamp()
  std::function<std::int64_t()> clock;  ///< clock_timestamp()
  std::function<double()> random;       ///< random(): 0 ≤ x < 1
  std::function<Uuid()> new_uuid;       ///< gen_random_uuid()
  TextStyle style;
  std::string user, session_user, database;
  std::vector<std::string> search_path;
  std::function<SqlResult<std::string>(std::string_view name)> setting;  ///< current_setting(name)
  std::function<bool()> canceled;                                        ///< whether the statement is to end (57014)
};

}  // namespace isobar::sql
