#include "modify.h"

#include <fmt/format.h>

#include <algorithm>

namespace isobar::sql::execute {

ModifyRunner::ModifyRunner(Compiler& compiler, const lg::Modify& modify, const ph::Node& source)
    : context_(compiler.context()), modify_(modify), source_(compiler.node(source)) {
  values_ = compiler.exprs(modify.values);
  returning_ = compiler.exprs(modify.returning);
  for (const auto& [place, value] : modify.generated) generated_.emplace_back(place, compiler.expr(value));
  for (const auto& one : modify.checks) checks_.push_back(compiler.expr(one.condition));
  const std::size_t columns = modify.table->columns.size();
  old_cells_ = compiler.output_cells(modify.old, columns);
  row_cells_ = compiler.output_cells(modify.row, columns);
  key_cell_ = context_.cell({modify.old, lg::kRowKeyColumn});
  if (modify.conflict) {
    conflict_values_ = compiler.exprs(modify.conflict->values);
    conflict_where_ = compiler.expr(modify.conflict->where);
    pending_.resize(modify.conflict->arbiters.size());
  }
}

void ModifyRunner::clear() {
  changes_.clear(), touched_.clear();
  for (auto& keys : pending_) keys.clear();
  count_ = 0;
  context_.budget.give(kept_bytes_);
  kept_bytes_ = 0;
}

std::string ModifyRunner::tag() const {
  using What = lg::Modify::What;
  if (modify_.what == What::kInsert) return fmt::format("INSERT 0 {}", count_);
  return fmt::format("{} {}", modify_.what == What::kUpdate ? "UPDATE" : "DELETE", count_);
}

bool ModifyRunner::gather(RowStore* returned) {
  clear();
  if (!source_->open()) return false;
  while (source_->next())
    if (!(modify_.what == lg::Modify::What::kInsert ? insert_row(returned) : change_row(returned))) return false;
  source_->close();
  return !context_.failed();
}

bool ModifyRunner::compute(const std::vector<EvalPtr>& evals, Row& into) {
  into.resize(evals.size());
  for (std::size_t i = 0; i < evals.size(); ++i) {
    const Value* value = evals[i]->run();
    if (value == nullptr) return false;
    into[i] = *value;
  }
  return true;
}

void ModifyRunner::show(const Row& values, const std::vector<Cell*>& cells) {
  for (std::size_t i = 0; i < cells.size(); ++i) *cells[i] = &values[i];
}

bool ModifyRunner::complete(Row& values) {
  show(values, row_cells_);
  for (const auto& [place, eval] : generated_) {
    const Value* value = eval->run();
    if (value == nullptr) return false;
    values[place] = *value;
  }
  return check(values);
}

namespace {

/// "(1, null, abc)", as PostgreSQL shows a row that it refuses; long values are cut.
std::string described(const Table& table, const Row& values) {
  constexpr std::size_t kMost = 64;
  std::string text = "(";
  bool first = true;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (table.columns[i].dropped) continue;
    if (!std::exchange(first, false)) text += ", ";
    std::string one = values[i].is_null() ? "null" : to_text(table.columns[i].type, values[i], {});
    if (one.size() > kMost) one = one.substr(0, kMost) + "...";
    text += one;
  }
  return text + ")";
}

}  // namespace

bool ModifyRunner::check(const Row& values) {
  const auto& table = *modify_.table;
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    const auto& column = table.columns[i];
    if (!column.not_null || column.dropped || !values[i].is_null()) continue;
    return context_.fail(
        SqlError(state::kNotNullViolation,
                 fmt::format("null value in column \"{}\" of relation \"{}\" violates not-null constraint", column.name, table.name))
            .with_detail("Failing row contains " + described(table, values) + ".")
            .about(table.schema, table.name, column.name, ""));
  }
  for (std::size_t i = 0; i < checks_.size(); ++i) {
    const Truth holds = checks_[i]->test();
    if (holds == Truth::kError) return false;
    if (holds != Truth::kFalse) continue;
    const auto& name = modify_.checks[i].name;
    return context_.fail(
        SqlError(state::kCheckViolation, fmt::format("new row for relation \"{}\" violates check constraint \"{}\"", table.name, name))
            .with_detail("Failing row contains " + described(table, values) + ".")
            .about(table.schema, table.name, "", name));
  }
  return true;
}

bool ModifyRunner::give_back(RowStore* returned) {
  if (returned == nullptr || returning_.empty()) return true;
  Value* into = returned->add();
  for (std::size_t i = 0; i < returning_.size(); ++i) {
    const Value* value = returning_[i]->run();
    if (value == nullptr) return false;
    into[i] = *value;
  }
  return returned->kept();
}

bool ModifyRunner::keep(const Row& values) {
  std::size_t bytes = sizeof(Change);
  for (const auto& value : values) bytes += bytes_of(value);
  kept_bytes_ += bytes;
  return context_.keep(bytes);
}

bool ModifyRunner::insert_row(RowStore* returned) {
  Row values;
  if (!compute(values_, values) || !complete(values)) return false;
  bool done = false;
  if (modify_.conflict && !on_conflict(values, done, returned)) return false;
  if (done) return true;
  show(values, row_cells_);
  if (!give_back(returned) || !keep(values)) return false;
  ++count_;
  changes_.push_back({Change::What::kInsert, {}, std::move(values)});
  return true;
}

/// A text that is the same for equal keys; empty: one of them is null, and conflicts with nothing.
std::string ModifyRunner::key_of(const Index& index, const Row& values) const {
  std::string key;
  for (const auto column : index.columns) {
    if (values[column].is_null()) return {};
    const auto& type = modify_.table->columns[column].type;
    // Equal decimals may be written in several ways; their hash is one.
    const auto text =
        type.kind == Kind::kNumeric ? std::to_string(hash(type, values[column])) : to_text({type.kind, type.element}, values[column], {});
    key += std::to_string(text.size()) + ':' + text;
  }
  return key;
}

bool ModifyRunner::on_conflict(Row& values, bool& done, RowStore* returned) {
  const auto& rule = *modify_.conflict;
  const auto& table = *modify_.table;
  std::vector<std::string> keys;
  for (std::size_t i = 0; i < rule.arbiters.size(); ++i) {
    const auto& index = table.indexes[rule.arbiters[i]];
    keys.push_back(key_of(index, values));
    if (!keys.back().empty() && pending_[i].contains(keys.back())) {
      done = true;
      if (!rule.update) return true;
      return context_.fail(
          SqlError(state::kCardinalityViolation, "ON CONFLICT DO UPDATE command cannot affect row a second time")
              .with_hint("Ensure that no rows proposed for insertion within the same command have duplicate constrained values."));
    }
    auto found = context_.storage->conflicting(table, index, values);
    if (!found.ok()) return context_.fail(found.error());
    if (!*found) continue;
    done = true;
    return rule.update ? update_conflicting(**found, returned) : true;
  }
  for (std::size_t i = 0; i < keys.size(); ++i)
    if (!keys[i].empty()) pending_[i].insert(std::move(keys[i]));
  return true;
}

bool ModifyRunner::update_conflicting(const StoredRow& there, RowStore* returned) {
  if (touched_.contains(there.key))
    return context_.fail(
        SqlError(state::kCardinalityViolation, "ON CONFLICT DO UPDATE command cannot affect row a second time")
            .with_hint("Ensure that no rows proposed for insertion within the same command have duplicate constrained values."));
  show(there.values, old_cells_);
  if (conflict_where_ != nullptr) {
    const Truth wanted = conflict_where_->test();
    if (wanted != Truth::kTrue) return wanted != Truth::kError;
  }
  Row values;
  if (!compute(conflict_values_, values) || !complete(values)) return false;
  show(values, row_cells_);
  if (!give_back(returned) || !keep(values)) return false;
  touched_.insert(there.key);
  ++count_;
  changes_.push_back({Change::What::kUpdate, there, std::move(values)});
  return true;
}

StoredRow ModifyRunner::old_row() const {
  StoredRow row{(*key_cell_)->text(), {}};
  row.values.reserve(old_cells_.size());
  for (const auto* cell : old_cells_) row.values.push_back(**cell);
  return row;
}

/// A row that several rows of FROM go with is changed once, by the first of them.
bool ModifyRunner::change_row(RowStore* returned) {
  if (!touched_.insert((*key_cell_)->text()).second) return true;
  Change change{Change::What::kErase, old_row(), {}};
  if (modify_.what == lg::Modify::What::kUpdate) {
    change.what = Change::What::kUpdate;
    if (!compute(values_, change.values) || !complete(change.values)) return false;
    show(change.values, row_cells_);
  }
  if (!give_back(returned) || !keep(change.values) || !keep(change.old.values)) return false;
  ++count_;
  changes_.push_back(std::move(change));
  return true;
}

bool ModifyRunner::write() {
  for (auto& change : changes_) {
    auto& storage = *context_.storage;
    const auto& table = *modify_.table;
    auto status = change.what == Change::What::kInsert   ? storage.insert(table, std::move(change.values))
                  : change.what == Change::What::kUpdate ? storage.update(table, change.old, std::move(change.values))
                                                         : storage.erase(table, change.old);
    if (!status.ok()) return context_.fail(status.error());
    if (!context_.goes_on()) return false;
  }
  changes_.clear();
  return true;
}

}  // namespace isobar::sql::execute
