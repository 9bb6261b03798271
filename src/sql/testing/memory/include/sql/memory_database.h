#pragma once

/// A database in memory, for tests.

#include <functional>
#include <map>

#include "sql/ast.h"
#include "sql/catalog.h"
#include "sql/storage.h"

namespace isobar::sql {

class MemoryDatabase final : public Catalog, public Storage {
 public:
  /// CREATE TABLE, INDEX, VIEW, SEQUENCE, and DROP of these. Errors   as PostgreSQL's, for the common ones; 0A000: it cannot do that
  SqlStatus define(const ast::Statement& statement);
  /// What has been written since the last call of either is kept, or is undone.
  void keep() { undo_.clear(); }
  void undo();
  /// Makes Table::rows_estimated what it is.
  void count_rows();

  SqlResult<std::shared_ptr<const Table>> find_table(std::string_view schema, std::string_view name) override;
  SqlResult<std::shared_ptr<const Table>> table_of(Oid id) override;
  SqlResult<std::optional<Sequence>> find_sequence(std::string_view schema, std::string_view name) override;
  SqlResult<bool> has_schema(std::string_view name) override { return name == "public"; }
  std::vector<std::string> search_path() const override { return {"public"}; }

  SqlResult<std::unique_ptr<RowCursor>> scan(const Table& table, const Index* index, const IndexRange& range,
                                             const ScanOrder& order) override;
  SqlResult<std::optional<StoredRow>> find(const Table& table, const RowKey& key) override;
  SqlResult<std::optional<StoredRow>> conflicting(const Table& table, const Index& index, const Row& values) override;
  SqlStatus insert(const Table& table, Row values) override;
  SqlStatus update(const Table& table, const StoredRow& old, Row values) override;
  SqlStatus erase(const Table& table, const StoredRow& old) override;
  SqlStatus end_statement() override { return {}; }
  SqlResult<std::int64_t> next_value(const Sequence& sequence) override;
  SqlResult<std::int64_t> current_value(const Sequence& sequence) override;
  SqlStatus set_value(const Sequence& sequence, std::int64_t value, bool is_called) override;
  SqlResult<std::int64_t> last_value() override;

 private:
  using Rows = std::map<RowKey, StoredRow>;
  struct Data {
    std::shared_ptr<Table> table;
    Rows rows;
    std::map<Oid, std::map<std::string, RowKey>> entries;  ///< of each index but the primary one
    std::uint64_t next_key = 0;
  };
  struct Counter {
    Sequence sequence;
    std::int64_t value = 0;
    bool called = false;
  };

  SqlStatus create(const ast::CreateTable& s);
  SqlStatus create(const ast::CreateIndex& s);
  SqlStatus create(const ast::CreateView& s);
  SqlStatus create(const ast::CreateSequence& s);
  SqlStatus drop(const ast::Drop& s);
  SqlStatus add_column(const ast::ColumnDefinition& definition, Table& table);
  SqlStatus add_constraint(const ast::Constraint& constraint, Table& table, std::optional<std::uint32_t> column);
  void add_sequence(const std::string& name, Type type);
  std::string free_name(const std::string& wanted, const Table& table) const;
  RowKey key_of(Data& data, const Row& values);
  SqlStatus add_entries(Data& data, const StoredRow& row);
  void remove_entries(Data& data, const StoredRow& row);
  SqlStatus put(Data& data, StoredRow row);

  Oid next_oid_ = 16384;
  std::map<std::string, Oid, std::less<>> names_;
  std::map<Oid, Data> tables_;
  std::map<std::string, Counter, std::less<>> sequences_;
  std::optional<std::int64_t> last_;
  std::vector<std::function<void()>> undo_;
};

}  // namespace isobar::sql
