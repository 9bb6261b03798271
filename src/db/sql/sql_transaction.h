#pragma once

// One SQL transaction: the keys below it, what it has written so far, and the schema as it sees it. Writes gather here until the commit, so
// that savepoints can take them back and reads see them.

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "db/key_database.h"
#include "db/schema.h"
#include "sql/error.h"

namespace isobar::db {

/// As SQL's clients know it.
sql::SqlError sql_error_of(const Error& error);

class SqlTransaction {
 public:
  SqlTransaction(std::unique_ptr<KeyTransaction> keys, SchemaPtr schema) : keys_(std::move(keys)), schema_(std::move(schema)) {}

  const SchemaSnapshot& schema() const { return *schema_; }
  const SchemaPtr& schema_ptr() const { return schema_; }
  /// The schema is another one from here on; its keys are written by whoever changes it.
  void set_schema(SchemaPtr schema) { schema_ = std::move(schema), schema_changed_ = true; }
  bool schema_changed() const { return schema_changed_; }

  /// What the transaction wrote, or else what is there; in the order of `keys`, which may repeat.
  sql::SqlResult<std::vector<std::optional<std::string>>> read(const std::vector<std::string>& keys, ReadFor what_for = ReadFor::kReading);
  sql::SqlResult<std::optional<std::string>> read(const std::string& key, ReadFor what_for = ReadFor::kReading);
  /// What is there below what the transaction wrote; in the order of `keys`, which ascend.
  sql::SqlResult<std::vector<std::optional<std::string>>> read_below(const std::vector<std::string>& keys);
  /// A page of a range, with what the transaction wrote there.
  sql::SqlResult<KeyPage> scan(const ScanOrder& order);
  void write(std::string key, std::optional<std::string> value);
  /// What it wrote to the key itself: none: nothing
  const std::optional<std::string>* written(const std::string& key) const;
  bool has_written() const { return !writes_.empty(); }

  struct Savepoint {
    std::size_t undo = 0;
    SchemaPtr schema;
  };
  Savepoint savepoint() const { return {undo_.size(), schema_}; }
  void roll_back_to(const Savepoint& savepoint);

  sql::SqlStatus commit();

 private:
  struct Undo {
    std::string key;
    std::optional<std::optional<std::string>> before;  // none: it had not been written
  };
  std::unique_ptr<KeyTransaction> keys_;
  SchemaPtr schema_;
  bool schema_changed_ = false;
  std::map<std::string, std::optional<std::string>> writes_;
  std::vector<Undo> undo_;
};

}  // namespace isobar::db
