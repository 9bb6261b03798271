#pragma once

// Tables as keys: what statements read and write of them within one transaction. Unique constraints are looked at when a statement ends, so
// that a statement may pass through states that break them; foreign keys after that.

#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "sequences.h"
#include "sql/storage.h"
#include "sql_transaction.h"

namespace isobar::db {

/// How the rows of one table are kept. table  outlives it
struct TableForm {
  explicit TableForm(const TableObject& object);
  std::shared_ptr<const sql::Table> table;
  std::vector<sql::Type> types;
  std::string rows;  ///< in front of all rows
  std::uint32_t storage = 0;
  const sql::Index* primary = nullptr;  ///< the order of the rows; none: that of their coming

  std::string entries(const sql::Index& index) const;
  /// The encoded values of the index's columns; `nulls`: whether there is a null among them
  std::string values_key(const sql::Index& index, const sql::Row& row, bool& nulls) const;
};

class RowStorage : public sql::Storage {
 public:
  /// All outlive it. session  who asks for currval and lastval
  RowStorage(SqlTransaction& tx, Sequences& sequences, SessionSequences& session) : tx_(tx), sequences_(sequences), session_(session) {}

  sql::SqlResult<std::unique_ptr<sql::RowCursor>> scan(const sql::Table& table, const sql::Index* index, const sql::IndexRange& range,
                                                       const sql::ScanOrder& order) override;
  sql::SqlResult<std::optional<sql::StoredRow>> find(const sql::Table& table, const sql::RowKey& key) override;
  sql::SqlResult<std::optional<sql::StoredRow>> conflicting(const sql::Table& table, const sql::Index& index,
                                                            const sql::Row& values) override;
  sql::SqlStatus insert(const sql::Table& table, sql::Row values) override;
  sql::SqlStatus update(const sql::Table& table, const sql::StoredRow& old, sql::Row values) override;
  sql::SqlStatus erase(const sql::Table& table, const sql::StoredRow& old) override;
  sql::SqlStatus end_statement() override;
  /// Of many statements that insert one row each, as COPY is: what must hold at their ends is looked at for many together.
  void begin_batch() { batch_ = true; }
  sql::SqlStatus end_batch() {
    batch_ = false;
    return end_statement();
  }
  /// Before the commit: what was put off until then.
  sql::SqlStatus check_deferred();

  sql::SqlResult<std::int64_t> next_value(const sql::Sequence& sequence) override;
  sql::SqlResult<std::int64_t> current_value(const sql::Sequence& sequence) override;
  sql::SqlStatus set_value(const sql::Sequence& sequence, std::int64_t value, bool is_called) override;
  sql::SqlResult<std::int64_t> last_value() override;

  /// Rows of virtual tables, made up by whoever knows them.
  using VirtualRows = std::function<sql::SqlResult<std::vector<sql::Row>>(const sql::Table& table)>;
  void set_virtual_rows(VirtualRows rows) { virtual_rows_ = std::move(rows); }
  /// After the schema has changed.
  void forget_forms();
  /// A statement failed half-way, and what it wrote is taken back.
  void forget_statement() {
    claims_.clear();
    children_.clear();
    parents_.clear();
    batch_ = false;
  }
  /// Nobody else has ever written there: the storage was made by this transaction.
  void note_fresh(std::uint32_t storage) { fresh_.insert(storage); }
  /// Entries of an index that the table has from now on, for all its rows. Errors   23505
  sql::SqlStatus fill_index(const sql::Table& table, const sql::Index& index);
  /// Errors   23503: the row points to nobody
  sql::SqlStatus check_child(const sql::Table& table, const sql::ForeignKey& key, const sql::Row& values);
  const TableForm& form(const sql::Table& table);

 private:
  /// A key that at most one row may have, and what this statement has done with it so far.
  struct Claim {
    const TableForm* form = nullptr;
    const sql::Index* index = nullptr;  // none: it was only given up
    sql::Row values;
    enum class Before : std::uint8_t { kUnknown, kFree, kTaken } before = Before::kUnknown;
    int claimed = 0, released = 0;
    int rows() const { return (before == Before::kTaken ? 1 : 0) + claimed - released; }
  };
  /// A row whose foreign key must point to somebody when the statement, or the transaction, ends.
  struct Child {
    std::shared_ptr<const sql::Table> table;
    const sql::ForeignKey* key = nullptr;
    sql::Row values;
    std::string row;  ///< where it is kept
  };
  /// A row that others may have pointed to. now: what it is since; empty: it is gone
  struct Parent {
    std::shared_ptr<const sql::Table> table;
    sql::Row values, now;
  };

  Claim& claim_of(const std::string& key, bool fresh);
  void claim(const TableForm& form, const sql::Index& index, const std::string& key, const sql::Row& values);
  void release(const std::string& key);
  void put_entries(const TableForm& form, const sql::RowKey& row_key, const sql::Row& values);
  void drop_entries(const TableForm& form, const sql::RowKey& row_key, const sql::Row& values, const sql::Row* kept);
  std::string entry_key(const TableForm& form, const sql::Index& index, const sql::RowKey& row_key, const sql::Row& values,
                        bool& unique) const;
  sql::SqlStatus check_claims();
  sql::SqlError duplicate(const Claim& claim) const;
  void note_children(const TableForm& form, const std::string& row, const sql::Row& values, const sql::Row* old);
  sql::SqlResult<bool> still_points(const Child& child);
  void note_parent(const TableForm& form, const sql::Row& old, const sql::Row* now);

  // Foreign keys (foreign_keys.cpp).
  sql::SqlStatus check_children(std::vector<Child> children);
  sql::SqlStatus follow_parents();
  sql::SqlStatus follow(const Parent& parent, const SchemaSnapshot::Reference& reference);
  sql::SqlStatus act(const Parent& parent, const SchemaSnapshot::Reference& reference, sql::ForeignKey::Action action);
  sql::SqlResult<std::vector<sql::StoredRow>> children_of(const Parent& parent, const SchemaSnapshot::Reference& reference);

  SqlTransaction& tx_;
  Sequences& sequences_;
  SessionSequences& session_;
  VirtualRows virtual_rows_;
  std::unordered_map<sql::Oid, std::unique_ptr<TableForm>> forms_;
  std::vector<std::unique_ptr<TableForm>> old_forms_;  // cursors may still go through them
  std::set<std::uint32_t> fresh_;
  static constexpr std::size_t kBatch = 1000;
  bool batch_ = false;
  std::map<std::string, Claim> claims_;
  std::vector<Child> children_, deferred_;
  std::vector<Parent> parents_;
};

}  // namespace isobar::db
