// Rows go to a table of DuckDB's, a chunk at a time, and from there to the file when all are there; a table that is too large for memory is
// kept in a folder beside the file meanwhile.

#include <fmt/format.h>

#include <algorithm>

#include "base/random.h"
#include "duckdb_library.h"
#include "new_file.h"
#include "parquet_table.h"

namespace isobar::features {

namespace {

struct Written {
  DuckType type;
  std::string_view name;
};
Written written_of(Kind kind) {
  switch (kind) {
    case Kind::kBool: return {DuckType::kBoolean, "BOOLEAN"};
    case Kind::kInt32: return {DuckType::kInteger, "INTEGER"};
    case Kind::kInt64: return {DuckType::kBigint, "BIGINT"};
    case Kind::kFloat32: return {DuckType::kFloat, "FLOAT"};
    case Kind::kFloat64: return {DuckType::kDouble, "DOUBLE"};
    case Kind::kString: return {DuckType::kVarchar, "VARCHAR"};
    case Kind::kBytes: return {DuckType::kBlob, "BLOB"};
    case Kind::kTimestamp: return {DuckType::kTimestampNanos, "TIMESTAMP_NS"};
  }
  return {};
}

/// Puts values into a vector of a chunk.
class VectorFiller {
 public:
  VectorFiller(const DuckDbLibrary& library, DuckHandle vector) : library_(library), vector_(vector) {}

  void put(std::uint64_t row, const Value& value) {
    if (value.is_null()) return put_null(row);
    if (const auto* list = value.get_if<List>()) return std::visit([&](const auto& elements) { put_list(row, elements); }, *list);
    switch (value.type().kind) {
      case Kind::kBool: return set<std::uint8_t>(row, value.as<bool>() ? 1 : 0);
      case Kind::kInt32: return set(row, value.as<std::int32_t>());
      case Kind::kInt64: return set(row, value.as<std::int64_t>());
      case Kind::kFloat32: return set(row, value.as<float>());
      case Kind::kFloat64: return set(row, value.as<double>());
      case Kind::kString: return put_element(row, value.as<std::string>());
      case Kind::kBytes: return put_element(row, value.as<Bytes>());
      case Kind::kTimestamp: return put_element(row, value.as<Instant>());
    }
  }

 private:
  template <class T>
  void set(std::uint64_t row, T value) {
    static_cast<T*>(library_.vector_get_data(vector_))[row] = value;
  }
  void put_null(std::uint64_t row) {
    library_.vector_ensure_validity_writable(vector_);
    library_.vector_get_validity(vector_)[row / 64] &= ~(std::uint64_t{1} << (row % 64));
  }
  template <class T>
  void put_element(std::uint64_t row, const T& element) {
    set(row, element);
  }
  void put_element(std::uint64_t row, const std::string& text) {
    library_.vector_assign_string_element_len(vector_, row, text.data(), text.size());
  }
  void put_element(std::uint64_t row, const Bytes& bytes) { put_element(row, bytes.data); }
  void put_element(std::uint64_t row, const Instant& at) { set(row, at.unix_nanos()); }

  template <class T>
  void put_list(std::uint64_t row, const std::vector<T>& elements) {
    const std::uint64_t begin = library_.list_vector_get_size(vector_);
    library_.list_vector_reserve(vector_, begin + elements.size());
    library_.list_vector_set_size(vector_, begin + elements.size());
    VectorFiller child(library_, library_.list_vector_get_child(vector_));
    for (std::size_t i = 0; i < elements.size(); ++i) child.put_element(begin + i, elements[i]);
    set(row, DuckListEntry{begin, elements.size()});
  }

  const DuckDbLibrary& library_;
  DuckHandle vector_;
};

class ParquetFile final : public TableWriter {
 public:
  ParquetFile(NewFile file, fs::path temporary, std::vector<TableColumn> columns)
      : file_(std::move(file)), temporary_(std::move(temporary)), columns_(std::move(columns)) {}
  ~ParquetFile() override {
    if (database_) {
      const DuckDbLibrary& library = database_->library();
      if (chunk_ != nullptr) library.destroy_data_chunk(&chunk_);
      if (appender_ != nullptr) library.appender_destroy(&appender_);
      database_.reset();
    }
    std::error_code ignored;
    fs::remove_all(temporary_, ignored);
  }

  Status open() {
    TRY_ASSIGN(database_, DuckDb::open(temporary_.string()));
    std::string columns;
    for (std::size_t i = 0; i < columns_.size(); ++i)
      columns +=
          fmt::format("{}c{} {}{}", i == 0 ? "" : ", ", i, written_of(columns_[i].type.kind).name, columns_[i].type.list ? "[]" : "");
    TRY(database_->run(fmt::format("CREATE TABLE rows({})", columns)));
    const DuckDbLibrary& library = database_->library();
    if (library.appender_create(database_->connection(), nullptr, "rows", &appender_) != 0) return failed();
    capacity_ = library.vector_size();
    make_chunk();
    return {};
  }

  Status write(const Row& row) override {
    CHECK(row.size() == columns_.size(), row.size(), columns_.size());
    const DuckDbLibrary& library = database_->library();
    for (std::size_t i = 0; i < row.size(); ++i) VectorFiller(library, library.data_chunk_get_vector(chunk_, i)).put(size_, row[i]);
    return ++size_ < capacity_ ? Status() : flush();
  }
  Status extend(std::string_view record, std::span<const Value> values) override {
    CHECK(false, record.size(), values.size());
    return {};
  }

  Status finish() override {
    TRY(flush());
    const DuckDbLibrary& library = database_->library();
    if (library.appender_close(appender_) != 0) return failed();
    std::string columns;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      const bool of_duckdb = !columns_[i].stored_as.empty() && columns_[i].stored_as != "json";
      const std::string asked = of_duckdb ? fmt::format("CAST(c{} AS {})", i, columns_[i].stored_as) : fmt::format("c{}", i);
      columns += fmt::format("{}{} AS {}", i == 0 ? "" : ", ", asked, sql_name(columns_[i].name));
    }
    TRY(database_->run(fmt::format("COPY (SELECT {} FROM rows) TO {} (FORMAT parquet, COMPRESSION zstd, USE_TMP_FILE false)", columns,
                                   sql_text(file_.temporary().string()))));
    return file_.finish();
  }

 private:
  void make_chunk() {
    const DuckDbLibrary& library = database_->library();
    std::vector<DuckHandle> types;
    for (const TableColumn& column : columns_) {
      DuckHandle element = library.create_logical_type(static_cast<std::int32_t>(written_of(column.type.kind).type));
      types.push_back(column.type.list ? library.create_list_type(element) : element);
      if (column.type.list) library.destroy_logical_type(&element);
    }
    chunk_ = library.create_data_chunk(types.data(), types.size());
    for (DuckHandle& type : types) library.destroy_logical_type(&type);
  }

  Status flush() {
    if (size_ == 0) return {};
    const DuckDbLibrary& library = database_->library();
    library.data_chunk_set_size(chunk_, size_);
    if (library.append_data_chunk(appender_, chunk_) != 0) return failed();
    library.data_chunk_reset(chunk_);
    size_ = 0;
    return {};
  }
  Error failed() const {
    const char* message = appender_ == nullptr ? nullptr : database_->library().appender_error(appender_);
    return unavailable(fmt::format("DuckDB: {}", message == nullptr ? "rows cannot be kept" : message));
  }

  NewFile file_;
  fs::path temporary_;
  std::vector<TableColumn> columns_;
  std::unique_ptr<DuckDb> database_;
  DuckHandle appender_ = nullptr, chunk_ = nullptr;
  std::uint64_t size_ = 0, capacity_ = 0;
};

}  // namespace

Result<std::unique_ptr<TableWriter>> write_parquet(const fs::path& path, std::vector<TableColumn> columns) {
  TRY(DuckDbLibrary::load());
  TRY_ASSIGN(NewFile file, NewFile::create(path));
  const fs::path temporary = path.parent_path() / ("." + path.filename().string() + "." + secure_random_hex(4) + ".rows");
  auto writer = std::make_unique<ParquetFile>(std::move(file), temporary, std::move(columns));
  TRY(writer->open());
  return std::unique_ptr<TableWriter>(std::move(writer));
}

}  // namespace isobar::features
