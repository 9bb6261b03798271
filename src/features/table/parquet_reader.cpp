// Each column is asked of DuckDB in one of the types below, which hold all that the file's own type does: narrow integers as int32, uint32
// as int64, and what is none of ours (decimals, structs, wider integers) as text, that reads back into the type.

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "duckdb_library.h"
#include "features/cast.h"
#include "features/csv.h"
#include "features/duckdb_query.h"
#include "parquet_table.h"
#include "text_tables.h"

namespace isobar::features {

namespace {

struct Known {
  std::string_view stored;  ///< a type's name in DuckDB
  std::string_view asked;   ///< in which it is asked for; "": as it is
  Kind kind;
  bool exact;  ///< it is the one that is written for the kind
};
constexpr std::array kKnown{Known{"BOOLEAN", "", Kind::kBool, true},
                            Known{"INTEGER", "", Kind::kInt32, true},
                            Known{"BIGINT", "", Kind::kInt64, true},
                            Known{"FLOAT", "", Kind::kFloat32, true},
                            Known{"DOUBLE", "", Kind::kFloat64, true},
                            Known{"VARCHAR", "", Kind::kString, true},
                            Known{"BLOB", "", Kind::kBytes, true},
                            Known{"TIMESTAMP_NS", "", Kind::kTimestamp, true},
                            Known{"TIMESTAMP", "", Kind::kTimestamp, false},
                            Known{"TIMESTAMP_S", "", Kind::kTimestamp, false},
                            Known{"TIMESTAMP_MS", "", Kind::kTimestamp, false},
                            Known{"TIMESTAMP WITH TIME ZONE", "", Kind::kTimestamp, false},
                            Known{"DATE", "", Kind::kTimestamp, false},
                            Known{"TINYINT", "INTEGER", Kind::kInt32, false},
                            Known{"SMALLINT", "INTEGER", Kind::kInt32, false},
                            Known{"UTINYINT", "INTEGER", Kind::kInt32, false},
                            Known{"USMALLINT", "INTEGER", Kind::kInt32, false},
                            Known{"UINTEGER", "BIGINT", Kind::kInt64, false}};

/// A column of the file.
struct Stored {
  TableColumn column;
  std::string asked;  ///< its expression
};

Stored stored_of(std::string name, const std::string& type) {
  const bool list = type.ends_with("[]");
  const std::string_view element = std::string_view(type).substr(0, type.size() - (list ? 2 : 0));
  const auto known = std::ranges::find(kKnown, element, &Known::stored);
  const std::string quoted = sql_name(name);
  if (known == kKnown.end()) return {{std::move(name), {Kind::kString}, type}, fmt::format("CAST({} AS VARCHAR)", quoted)};
  const std::string asked = known->asked.empty() ? quoted : fmt::format("CAST({} AS {}{})", quoted, known->asked, list ? "[]" : "");
  return {{std::move(name), {known->kind, list}, known->exact ? "" : type}, asked};
}

Result<Instant> instant_of(std::int64_t number, std::int64_t unit) {
  std::int64_t nanos = 0;
  if (__builtin_mul_overflow(number, unit, &nanos)) return invalid("a time beyond 1677..2262");
  return Instant::from_unix_nanos(nanos);
}

/// One column of a chunk.
class Vector {
 public:
  Vector(const DuckDbLibrary& library, DuckHandle vector, DuckType type, DuckType element)
      : library_(library),
        vector_(vector),
        type_(type),
        element_(element),
        data_(library.vector_get_data(vector)),
        validity_(library.vector_get_validity(vector)) {}

  Result<Value> value(std::uint64_t row) const {
    if (is_null(row)) return Value();
    switch (type_) {
      case DuckType::kBoolean: return Value(at<std::uint8_t>(row) != 0);
      case DuckType::kInteger: return Value(at<std::int32_t>(row));
      case DuckType::kBigint: return Value(at<std::int64_t>(row));
      case DuckType::kFloat: return Value(at<float>(row));
      case DuckType::kDouble: return Value(at<double>(row));
      case DuckType::kVarchar: return Value(at<DuckString>(row).view());
      case DuckType::kBlob: return Value(Bytes{std::string(at<DuckString>(row).view())});
      case DuckType::kList: return list(at<DuckListEntry>(row));
      default: return time(row).and_then([](Instant at) -> Result<Value> { return Value(at); });
    }
  }

 private:
  template <class T>
  const T& at(std::uint64_t row) const {
    return static_cast<const T*>(data_)[row];
  }
  bool is_null(std::uint64_t row) const { return validity_ != nullptr && (validity_[row / 64] >> (row % 64) & 1) == 0; }

  Result<Instant> time(std::uint64_t row) const {
    switch (type_) {
      case DuckType::kDate: return instant_of(at<std::int32_t>(row), 86'400'000'000'000);
      case DuckType::kTimestampSeconds: return instant_of(at<std::int64_t>(row), 1'000'000'000);
      case DuckType::kTimestampMillis: return instant_of(at<std::int64_t>(row), 1'000'000);
      case DuckType::kTimestampNanos: return Instant::from_unix_nanos(at<std::int64_t>(row));
      case DuckType::kTimestamp:
      case DuckType::kTimestampTz: return instant_of(at<std::int64_t>(row), 1'000);
      default: return invalid("a type that DuckDB was not asked for");
    }
  }

  Result<Value> list(const DuckListEntry& entry) const {
    const Vector elements(library_, library_.list_vector_get_child(vector_), element_, element_);
    switch (element_) {
      case DuckType::kBoolean: return list_of<std::uint8_t>(elements, entry, [](const Value& v) { return v.as<bool>() ? 1 : 0; });
      case DuckType::kInteger: return list_of<std::int32_t>(elements, entry, [](const Value& v) { return v.as<std::int32_t>(); });
      case DuckType::kBigint: return list_of<std::int64_t>(elements, entry, [](const Value& v) { return v.as<std::int64_t>(); });
      case DuckType::kFloat: return list_of<float>(elements, entry, [](const Value& v) { return v.as<float>(); });
      case DuckType::kDouble: return list_of<double>(elements, entry, [](const Value& v) { return v.as<double>(); });
      case DuckType::kVarchar: return list_of<std::string>(elements, entry, [](const Value& v) { return v.as<std::string>(); });
      case DuckType::kBlob: return list_of<Bytes>(elements, entry, [](const Value& v) { return v.as<Bytes>(); });
      default: return list_of<Instant>(elements, entry, [](const Value& v) { return v.as<Instant>(); });
    }
  }
  template <class T, class Get>
  static Result<Value> list_of(const Vector& elements, const DuckListEntry& entry, const Get& get) {
    std::vector<T> list;
    for (std::uint64_t i = 0; i < entry.length; ++i) {
      TRY_ASSIGN(const Value element, elements.value(entry.offset + i));
      if (element.is_null()) return invalid(fmt::format("element {} of the list is null; lists have values alone", i + 1));
      list.push_back(static_cast<T>(get(element)));
    }
    return Value(List(std::move(list)));
  }

  const DuckDbLibrary& library_;
  DuckHandle vector_;
  DuckType type_, element_;
  const void* data_;
  const std::uint64_t* validity_;
};

class DuckTable final : public TableReader {
 public:
  /// from   what is read, as a query's FROM has it
  DuckTable(std::string name, std::string from, std::vector<TableColumn> wanted)
      : name_(std::move(name)), from_(" FROM " + std::move(from)), wanted_(std::move(wanted)) {}

  Status open() {
    TRY_ASSIGN(database_, DuckDb::open(""));
    TRY(describe().context(name_));
    std::string asked;
    for (const TableColumn& column : wanted_) {
      const auto stored = std::ranges::find_if(stored_, [&](const Stored& of) { return of.column.name == column.name; });
      if (stored == stored_.end()) return lacks(column.name);
      asked += (asked.empty() ? "" : ", ") + stored->asked;
    }
    if (asked.empty()) asked = "1";
    TRY_ASSIGN(rows_, DuckRows::start(*database_, fmt::format("SELECT {} {}", asked, from_)).context(name_));
    for (std::uint64_t i = 0; i < wanted_.size(); ++i) note_type(i);
    return {};
  }

  Result<bool> next(Row& row) override {
    if (at_ == size_) {
      TRY_ASSIGN(const DuckHandle chunk, rows_->next().context(name_));
      if (chunk == nullptr) return false;
      take(chunk);
    }
    ++number_;
    row.resize(wanted_.size());
    for (std::size_t i = 0; i < wanted_.size(); ++i) {
      auto value = value_of(vectors_[i], wanted_[i]);
      if (!value.ok()) return value.error().context(place());
      row[i] = std::move(*value);
    }
    ++at_;
    return true;
  }

  std::string place() const override { return fmt::format("{}, row {}", name_, number_); }
  std::string_view record() const override { return {}; }
  std::vector<TableColumn> columns() const override {
    std::vector<TableColumn> columns;
    for (const Stored& stored : stored_) columns.push_back(stored.column);
    return columns;
  }

 private:
  Status describe() {
    TRY_ASSIGN(const auto rows, DuckRows::start(*database_, "SELECT column_name, column_type FROM (DESCRIBE SELECT * " + from_ + ")"));
    while (true) {
      TRY_ASSIGN(const DuckHandle chunk, rows->next());
      if (chunk == nullptr) return {};
      const DuckDbLibrary& library = database_->library();
      const Vector names(library, library.data_chunk_get_vector(chunk, 0), DuckType::kVarchar, DuckType::kVarchar);
      const Vector types(library, library.data_chunk_get_vector(chunk, 1), DuckType::kVarchar, DuckType::kVarchar);
      for (std::uint64_t i = 0; i < library.data_chunk_get_size(chunk); ++i) {
        TRY_ASSIGN(const Value name, names.value(i));
        TRY_ASSIGN(const Value type, types.value(i));
        stored_.push_back(stored_of(name.as<std::string>(), type.as<std::string>()));
      }
    }
  }

  Error lacks(const std::string& name) const {
    std::vector<std::string> there;
    for (const Stored& stored : stored_) there.push_back(stored.column.name);
    return no_column(name_, name, std::move(there));
  }

  void note_type(std::uint64_t column) {
    const DuckDbLibrary& library = database_->library();
    DuckHandle type = library.column_logical_type(&rows_->result(), column);
    types_.push_back(static_cast<DuckType>(library.get_type_id(type)));
    elements_.push_back(types_.back());
    if (types_.back() == DuckType::kList) {
      DuckHandle element = library.list_type_child_type(type);
      elements_.back() = static_cast<DuckType>(library.get_type_id(element));
      library.destroy_logical_type(&element);
    }
    library.destroy_logical_type(&type);
  }

  void take(DuckHandle chunk) {
    const DuckDbLibrary& library = database_->library();
    at_ = 0;
    size_ = library.data_chunk_get_size(chunk);
    vectors_.clear();
    for (std::uint64_t i = 0; i < wanted_.size(); ++i)
      vectors_.emplace_back(library, library.data_chunk_get_vector(chunk, i), types_[i], elements_[i]);
  }

  /// Text becomes what a cell of it in CSV would.
  Result<Value> value_of(const Vector& vector, const TableColumn& column) const {
    auto value = vector.value(at_);
    if (!value.ok()) return value.error().context(fmt::format("column '{}'", column.name));
    if (value->is_null() || value->type() == column.type) return value;
    const Column wanted{column.name, column.type};
    if (const auto* text = value->get_if<std::string>()) return value_from_csv({*text, true}, wanted);
    return cast_into(wanted, std::move(*value));
  }

  std::string name_, from_;
  std::vector<TableColumn> wanted_;
  std::vector<Stored> stored_;
  std::unique_ptr<DuckDb> database_;
  std::unique_ptr<DuckRows> rows_;
  std::vector<DuckType> types_, elements_;  ///< of the wanted columns
  std::vector<Vector> vectors_;             ///< of the chunk that is being read
  std::uint64_t at_ = 0, size_ = 0, number_ = 0;
};

}  // namespace

Result<std::unique_ptr<TableReader>> read_parquet(const fs::path& path, std::vector<TableColumn> wanted) {
  const std::string name = path.string();
  if (::access(name.c_str(), R_OK) != 0) return errno_error(name);
  if (name.find_first_of("*?[") != std::string::npos) return invalid(name + ": a name with *, ? or [ stands for many; rename the file");
  auto table =
      std::make_unique<DuckTable>(name, fmt::format("read_parquet({}, hive_partitioning = false)", sql_text(name)), std::move(wanted));
  TRY(table->open());
  return std::unique_ptr<TableReader>(std::move(table));
}

Result<std::unique_ptr<TableReader>> read_duckdb_query(const std::string& query, std::vector<TableColumn> wanted) {
  auto table = std::make_unique<DuckTable>("query", "(" + query + ")", std::move(wanted));
  TRY(table->open());
  return std::unique_ptr<TableReader>(std::move(table));
}

}  // namespace isobar::features
