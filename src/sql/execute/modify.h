#pragma once

/// INSERT, UPDATE, DELETE: all that is going to be written is known before any of it is.

#include <unordered_map>
#include <unordered_set>

#include "compiler.h"

namespace isobar::sql::execute {

class ModifyRunner {
 public:
  ModifyRunner(Compiler& compiler, const lg::Modify& modify, const ph::Node& source);

  /// Reads the rows and makes what is to be written of them; rows of RETURNING go into `returned`, if there is one.
  bool gather(RowStore* returned);
  /// Writes it.
  bool write();
  std::uint64_t count() const { return count_; }
  std::string tag() const;
  std::size_t width() const { return returning_.size(); }
  void clear();

 private:
  struct Change {
    enum class What : std::uint8_t { kInsert, kUpdate, kErase } what;
    StoredRow old;
    Row values;
  };
  bool insert_row(RowStore* returned);
  bool on_conflict(Row& values, bool& done, RowStore* returned);
  bool update_conflicting(const StoredRow& there, RowStore* returned);
  bool change_row(RowStore* returned);
  bool compute(const std::vector<EvalPtr>& evals, Row& into);
  /// Computes what is generated, and checks what must hold, of the row that the cells of `row` show.
  bool complete(Row& values);
  bool check(const Row& values);
  bool give_back(RowStore* returned);
  void show(const Row& values, const std::vector<Cell*>& cells);
  StoredRow old_row() const;
  bool keep(const Row& values);
  std::string key_of(const Index& index, const Row& values) const;

  Context& context_;
  const lg::Modify& modify_;
  OperatorPtr source_;
  std::vector<EvalPtr> values_, returning_, conflict_values_;
  std::vector<std::pair<std::uint32_t, EvalPtr>> generated_;
  std::vector<EvalPtr> checks_;
  EvalPtr conflict_where_;
  std::vector<Cell*> old_cells_, row_cells_;
  Cell* key_cell_ = nullptr;
  std::vector<Change> changes_;
  std::unordered_set<std::string> touched_;               ///< keys of rows that this statement changes
  std::vector<std::unordered_set<std::string>> pending_;  ///< of each arbiter: keys of rows that are going to be inserted
  std::uint64_t count_ = 0;
  std::size_t kept_bytes_ = 0;
};

}  // namespace isobar::sql::execute
