#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <unordered_map>

#include "base/text.h"
#include "features/json_text.h"
#include "features/json_value.h"
#include "inference.h"
#include "new_file.h"
#include "record_blocks.h"
#include "text_tables.h"

namespace isobar::features {

namespace {

namespace json = boost::json;

/// A value of several sorts is its JSON text.
Result<Value> value_of(const json::value& value, const TableColumn& column) {
  if (column.stored_as == "json" && !value.is_null()) return Value(json::serialize(value));
  return value_from_json(value, Column{column.name, column.type});
}

class JsonLines final : public TableReader {
 public:
  JsonLines(std::string name, RecordBlocks blocks, std::vector<TableColumn> wanted, const ReadOptions& options)
      : name_(std::move(name)), blocks_(std::move(blocks)), wanted_(std::move(wanted)), options_(options) {}

  Result<bool> next(Row& row) override {
    TRY_ASSIGN(const bool more, read_line());
    if (!more) return false;
    auto parsed = parse_json(record_);
    if (!parsed.ok()) return parsed.error().context(place());
    if (!parsed->is_object()) return invalid(place() + ": not a JSON object; write a row as {\"column\": value, …}");
    const json::object& members = parsed->get_object();
    note_members(members);
    row.assign(wanted_.size(), Value());
    for (std::size_t i = 0; i < wanted_.size(); ++i) {
      const json::value* member = members.if_contains(wanted_[i].name);
      if (member == nullptr && !options_.missing_is_null) return lacks(members, wanted_[i].name);
      if (member == nullptr) continue;
      auto value = value_of(*member, wanted_[i]);
      if (!value.ok()) return value.error().context(place());
      row[i] = std::move(*value);
    }
    return true;
  }

  std::string place() const override { return fmt::format("{}:{}", name_, line_); }
  std::string_view record() const override { return record_; }

  std::vector<TableColumn> columns() const override {
    std::vector<TableColumn> columns;
    for (const std::string& name : names_) {
      const auto known = std::ranges::find(wanted_, name, &TableColumn::name);
      if (known != wanted_.end()) columns.push_back(*known);
      else columns.push_back(options_.infer ? inferred_.at(name).column(name) : TableColumn{name, {Kind::kString}, ""});
    }
    return columns;
  }

 private:
  /// The next line that is not blank into `record_`.
  Result<bool> read_line() {
    while (true) {
      while (!block_.empty()) {
        const std::size_t end = block_.find('\n');
        record_ = trim(block_.substr(0, end));
        block_.remove_prefix(end == std::string_view::npos ? block_.size() : end + 1);
        ++line_;
        if (!record_.empty()) return true;
      }
      auto block = blocks_.next();
      if (!block.ok()) return block.error().context(fmt::format("{}:{}", name_, line_ + 1));
      block_ = *block;
      if (block_.empty()) return false;
    }
  }

  void note_members(const json::object& members) {
    for (const auto& [name, value] : members) {
      const auto [at, is_new] = inferred_.try_emplace(std::string(name));
      if (is_new) names_.emplace_back(name);
      if (options_.infer) at->second.add(value);
    }
  }

  Error lacks(const json::object& members, const std::string& name) const {
    std::vector<std::string> there;
    for (const auto& member : members) there.emplace_back(member.key());
    return no_column(place(), name, std::move(there));
  }

  std::string name_;
  RecordBlocks blocks_;
  std::vector<TableColumn> wanted_;
  ReadOptions options_;
  std::vector<std::string> names_;  ///< of all members so far
  std::unordered_map<std::string, Inference> inferred_;
  std::string_view block_, record_;
  std::size_t line_ = 0;
};

class JsonLinesFile final : public TableWriter {
 public:
  JsonLinesFile(NewFile file, std::vector<TableColumn> columns) : file_(std::move(file)), columns_(std::move(columns)) {
    for (const TableColumn& column : columns_) {
      std::string& name = names_.emplace_back();
      append_json_string(name, column.name);
      name += ": ";
    }
  }

  Status write(const Row& row) override { return extend("{}", row); }
  Status extend(std::string_view record, std::span<const Value> values) override {
    CHECK(record.ends_with('}') && values.size() <= names_.size(), record, values.size());
    line_ = trim(record.substr(0, record.size() - 1));
    const std::size_t first = names_.size() - values.size();
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (line_.size() > 1) line_ += ", ";
      line_ += names_[first + i];
      const bool is_json = columns_[first + i].stored_as == "json" && !values[i].is_null();
      if (is_json) line_ += values[i].as<std::string>();
      else append_json(line_, values[i]);
    }
    line_ += "}\n";
    return file_.write(line_);
  }
  Status finish() override { return file_.finish(); }

 private:
  NewFile file_;
  std::vector<TableColumn> columns_;
  std::vector<std::string> names_;  ///< "name": in JSON
  std::string line_;
};

}  // namespace

Result<std::unique_ptr<TableReader>> read_json_lines(const fs::path& path, std::vector<TableColumn> wanted, const ReadOptions& options) {
  TRY_ASSIGN(RecordBlocks blocks, RecordBlocks::open(path, Quoting::kNone));
  return std::unique_ptr<TableReader>(std::make_unique<JsonLines>(path.string(), std::move(blocks), std::move(wanted), options));
}

Result<std::unique_ptr<TableWriter>> write_json_lines(const fs::path& path, std::vector<TableColumn> columns) {
  TRY_ASSIGN(NewFile file, NewFile::create(path));
  return std::unique_ptr<TableWriter>(std::make_unique<JsonLinesFile>(std::move(file), std::move(columns)));
}

}  // namespace isobar::features
