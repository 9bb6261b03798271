#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "features/csv.h"
#include "inference.h"
#include "new_file.h"
#include "record_blocks.h"
#include "text_tables.h"

namespace isobar::features {

namespace {

class CsvTable final : public TableReader {
 public:
  CsvTable(std::string name, RecordBlocks blocks, std::vector<TableColumn> wanted, bool infer)
      : name_(std::move(name)), blocks_(std::move(blocks)), infer_(infer) {
    for (TableColumn& column : wanted) wanted_.push_back({std::move(column.name), column.type});
  }

  Status read_header() {
    TRY_ASSIGN(const bool more, read_record());
    if (!more) return invalid(fmt::format("{} is empty; its first line names the columns", name_));
    for (const CsvCell& cell : cells_) {
      if (std::ranges::count(header_, cell.text) > 0) return invalid(fmt::format("{}: column '{}' is there twice", place(), cell.text));
      header_.push_back(cell.text);
    }
    for (const Column& column : wanted_) {
      const auto at = std::ranges::find(header_, column.name);
      if (at == header_.end()) return no_column(name_, column.name, header_);
      places_.push_back(static_cast<std::size_t>(at - header_.begin()));
    }
    inferred_.resize(infer_ ? header_.size() : 0);
    return {};
  }

  Result<bool> next(Row& row) override {
    TRY_ASSIGN(const bool more, read_record());
    if (!more) return false;
    if (cells_.size() != header_.size())
      return invalid(fmt::format("{}: {} cells, and the first line names {} columns", place(), cells_.size(), header_.size()));
    row.resize(wanted_.size());
    for (std::size_t i = 0; i < wanted_.size(); ++i) {
      auto value = value_from_csv(cells_[places_[i]], wanted_[i]);
      if (!value.ok()) return value.error().context(place());
      row[i] = std::move(*value);
    }
    for (std::size_t i = 0; i < inferred_.size(); ++i) inferred_[i].add(cells_[i]);
    return true;
  }

  std::string place() const override { return reader_->place(); }
  std::string_view record() const override { return reader_->record(); }

  std::vector<TableColumn> columns() const override {
    std::vector<TableColumn> columns;
    for (std::size_t i = 0; i < header_.size(); ++i) {
      const auto known = std::ranges::find(wanted_, header_[i], &Column::name);
      if (known != wanted_.end()) columns.push_back({known->name, known->type, ""});
      else columns.push_back(infer_ ? inferred_[i].column(header_[i]) : TableColumn{header_[i], {Kind::kString}, ""});
    }
    return columns;
  }

 private:
  /// The next record into `cells_`.
  Result<bool> read_record() {
    while (true) {
      if (reader_) {
        TRY_ASSIGN(auto cells, reader_->next());
        if (cells) {
          cells_ = std::move(*cells);
          return true;
        }
      }
      auto block = blocks_.next();
      if (!block.ok()) return block.error().context(fmt::format("{}:{}", name_, reader_ ? reader_->line() : 1));
      const std::size_t line = reader_ ? reader_->line() : 1;
      if (block->empty()) return false;
      reader_.emplace(name_, *block, line);
    }
  }

  std::string name_;
  RecordBlocks blocks_;
  std::vector<Column> wanted_;
  bool infer_;
  std::vector<std::size_t> places_;  ///< of the wanted columns among the cells
  std::vector<std::string> header_;
  std::vector<Inference> inferred_;
  std::optional<CsvReader> reader_;  ///< of the block that is being read
  std::vector<CsvCell> cells_;
};

class CsvFile final : public TableWriter {
 public:
  CsvFile(NewFile file, std::size_t columns) : file_(std::move(file)), columns_(columns) {}

  Status write(const Row& row) override {
    CHECK(row.size() == columns_, row.size(), columns_);
    return extend("", row);
  }
  Status extend(std::string_view record, std::span<const Value> values) override {
    line_ = record;
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (i > 0 || values.size() < columns_) line_ += ',';
      append_csv(line_, values[i]);
    }
    // Alone on its line nothing would be a line that is skipped.
    if (line_.empty()) line_ = "\"\"";
    line_ += '\n';
    return file_.write(line_);
  }
  Status finish() override { return file_.finish(); }

 private:
  NewFile file_;
  std::size_t columns_;
  std::string line_;
};

}  // namespace

Result<std::unique_ptr<TableReader>> read_csv(const fs::path& path, std::vector<TableColumn> wanted, const ReadOptions& options) {
  TRY_ASSIGN(RecordBlocks blocks, RecordBlocks::open(path, Quoting::kCsv));
  auto table = std::make_unique<CsvTable>(path.string(), std::move(blocks), std::move(wanted), options.infer);
  TRY(table->read_header());
  return std::unique_ptr<TableReader>(std::move(table));
}

Result<std::unique_ptr<TableWriter>> write_csv(const fs::path& path, std::vector<TableColumn> columns) {
  TRY_ASSIGN(NewFile file, NewFile::create(path));
  std::string header;
  for (const TableColumn& column : columns) {
    if (&column != &columns.front()) header += ',';
    append_csv_text(header, column.name);
  }
  TRY(file.write(header + "\n"));
  return std::unique_ptr<TableWriter>(std::make_unique<CsvFile>(std::move(file), columns.size()));
}

}  // namespace isobar::features
