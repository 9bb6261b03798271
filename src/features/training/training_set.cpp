#include "features/training_set.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

namespace isobar::features {

namespace {

/// The rows of a file of entities. Read a second time they are given with all of their columns, or with their text.
class EntityFile final : public EntityRows {
 public:
  /// keep_text   the file that is written has the same format, so that a row's text is enough
  EntityFile(const RequestPlan& plan, const TrainingSetSpec& spec, bool keep_text)
      : plan_(plan), spec_(spec), keep_text_(keep_text), wanted_(to_table_columns(plan.inputs())) {
    const auto known = std::ranges::find(wanted_, spec.time_column, &TableColumn::name);
    time_ = static_cast<std::size_t>(known - wanted_.begin());
    if (known == wanted_.end()) wanted_.push_back({spec.time_column, {Kind::kTimestamp}, ""});
  }

  Status check() const {
    if (wanted_[time_].type == Type{Kind::kTimestamp}) return {};
    return invalid(fmt::format("--time {}: the features ask for a column of this name, as {}; name the column that says as of when",
                               spec_.time_column, name_of(wanted_[time_].type)));
  }

  Status restart() override {
    if (table_) columns_ = table_->columns();
    if (!table_ || keep_text_) {
      TRY_ASSIGN(table_, read_table(spec_.entities, wanted_, {.missing_is_null = false, .infer = !keep_text_}));
      return check_names();
    }
    TRY(check_names());
    // The wanted ones again in their types, then the others, and those that the file has in another type.
    std::vector<TableColumn> all = wanted_;
    for (const TableColumn& column : columns_) {
      const auto same = std::ranges::find(wanted_, column);
      places_.push_back(same == wanted_.end() ? all.size() : static_cast<std::size_t>(same - wanted_.begin()));
      if (same == wanted_.end()) all.push_back(column);
    }
    TRY_ASSIGN(table_, read_table(spec_.entities, std::move(all), {.missing_is_null = true, .infer = false}));
    return {};
  }

  Result<bool> next(Row& inputs, Instant& at) override {
    TRY_ASSIGN(const bool more, table_->next(row_));
    if (!more) return false;
    const Value& time = row_[time_];
    if (time.is_null())
      return invalid(
          fmt::format("{}: column '{}' is empty; a row needs the time as of which it is joined", table_->place(), spec_.time_column));
    at = time.as<Instant>();
    inputs.resize(plan_.inputs().size());
    for (std::size_t i = 0; i < inputs.size(); ++i) inputs[i] = row_[i];
    return true;
  }

  /// All that the file has, once it was read.
  std::vector<TableColumn> columns() const { return columns_.empty() ? table_->columns() : columns_; }
  /// Appends what the row has in them; not where its text is enough.
  void append_row(Row& to) const {
    for (const std::size_t place : places_) to.push_back(row_[place]);
  }
  std::string_view record() const { return table_->record(); }

 private:
  /// Before the work where the columns are known by then, that is not in JSON Lines.
  Status check_names() const {
    std::vector<TableColumn> all = columns();
    for (const RequestPlan::Output& output : plan_.outputs()) {
      all.push_back({output.name, output.type, ""});
      if (spec_.statuses) all.push_back({output.name + "__status", {Kind::kString}, ""});
    }
    for (const TableColumn& column : all)
      if (std::ranges::count(all, column.name, &TableColumn::name) > 1)
        return invalid(
            fmt::format("{}: '{}' is a column, and would be one of the features, too; rename the column, or ask with --full-names",
                        spec_.entities.path.string(), column.name));
    return {};
  }

  const RequestPlan& plan_;
  const TrainingSetSpec& spec_;
  bool keep_text_;
  std::vector<TableColumn> wanted_;
  std::size_t time_ = 0;
  std::unique_ptr<TableReader> table_;
  std::vector<TableColumn> columns_;
  std::vector<std::size_t> places_;  ///< of each column among the values of a row, the second time
  Row row_;
};

/// Before the work, not after it.
Status check_folder(const fs::path& file) {
  const fs::path folder = file.has_parent_path() ? file.parent_path() : fs::path(".");
  if (::access(folder.c_str(), W_OK | X_OK) == 0) return {};
  return errno_error(fmt::format("{} cannot be written in {}", file.string(), folder.string()));
}

/// Writes each row with its answers; the file is begun with the first, when the columns of the entities are known.
class TrainingFile {
 public:
  TrainingFile(const RequestPlan& plan, const TrainingSetSpec& spec, const EntityFile& entities, bool keep_text)
      : plan_(plan), spec_(spec), entities_(entities), keep_text_(keep_text) {}

  Status add(std::span<const Answered> answers) {
    if (!writer_) TRY(begin());
    values_.clear();
    if (!keep_text_) entities_.append_row(values_);
    for (const Answered& answer : answers) {
      values_.push_back(answer.value);
      if (spec_.statuses) values_.emplace_back(name_of(answer.status));
    }
    return keep_text_ ? writer_->extend(entities_.record(), values_) : writer_->write(values_);
  }

  Status finish() {
    if (!writer_) TRY(begin());
    return writer_->finish();
  }

 private:
  Status begin() {
    std::vector<TableColumn> columns = entities_.columns();
    for (const RequestPlan::Output& output : plan_.outputs()) {
      columns.push_back({output.name, output.type, ""});
      if (spec_.statuses) columns.push_back({output.name + "__status", {Kind::kString}, ""});
    }
    TRY_ASSIGN(writer_, write_table(spec_.out, std::move(columns)));
    return {};
  }

  const RequestPlan& plan_;
  const TrainingSetSpec& spec_;
  const EntityFile& entities_;
  bool keep_text_;
  std::unique_ptr<TableWriter> writer_;
  Row values_;
};

}  // namespace

Result<JoinReport> write_training_set(const RequestPlan& plan, const TrainingSetSpec& spec, const EventStream& events,
                                      const JoinOptions& options) {
  const bool keep_text = spec.entities.format == spec.out.format && spec.out.format != TableFormat::kParquet;
  EntityFile entities(plan, spec, keep_text);
  TRY(entities.check());
  TRY(check_folder(spec.out.path));
  TrainingFile file(plan, spec, entities, keep_text);
  TRY_ASSIGN(const JoinReport report,
             join_as_of(plan, entities, events, options, [&](const Row&, std::span<const Answered> answers) { return file.add(answers); }));
  TRY(file.finish());
  return report;
}

}  // namespace isobar::features
