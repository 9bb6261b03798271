#pragma once

// A session's settings: SET, SHOW, RESET, and those that a transaction alone changes.

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sql/error.h"
#include "sql/time_zone.h"

namespace isobar::db {

class Settings {
 public:
  Settings();
  /// As SHOW gives it. Errors   42704
  sql::SqlResult<std::string> get(std::string_view name) const;
  /// local  until the transaction ends. Returns the name as it is written, for ParameterStatus. Errors   42704, 22023, 55P02
  sql::SqlResult<std::string> set(std::string_view name, std::string value, bool local);
  sql::SqlStatus reset(std::string_view name);
  void reset_all();
  /// What SET LOCAL said is over; `undo`: what SET said in a transaction that failed is, too.
  void end_transaction(bool undo);
  /// name, value and what it is for: SHOW ALL.
  std::vector<std::array<std::string, 3>> all() const;

  /// Of names that clients are told of.
  static bool announced(std::string_view name);
  static const std::vector<std::string>& announced_names();

  std::vector<std::string> search_path(const std::string& user) const;
  const std::shared_ptr<const sql::TimeZone>& zone() const { return zone_; }
  /// Milliseconds; 0: none.
  std::int64_t milliseconds(std::string_view name) const;
  std::size_t work_mem() const;

 private:
  struct Setting {
    std::string value, at_start;
    std::optional<std::string> before_transaction, before_local;
  };
  sql::SqlResult<std::string> checked(const std::string& name, std::string value);
  std::map<std::string, Setting, std::less<>> values_;  // by lower-case name
  std::shared_ptr<const sql::TimeZone> zone_;
};

}  // namespace isobar::db
