#pragma once

/// The few functions of DuckDB's C interface that we call, from its official shared library, which is looked for when they are first
/// needed. The declarations say what that interface has promised since DuckDB 1.2.

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace isobar::features {

using DuckHandle = void*;
struct DuckResult {
  std::uint64_t unused[3];
  void* columns;
  char* message;
  void* inside;
};
/// Up to 12 bytes in itself; of more their first four, and a pointer.
struct DuckString {
  std::uint32_t length;
  char inlined[12];
  std::string_view view() const {
    const char* data = inlined;
    if (length > sizeof inlined) std::memcpy(&data, inlined + 4, sizeof data);
    return {data, length};
  }
};
static_assert(sizeof(DuckString) == 16);
struct DuckListEntry {
  std::uint64_t offset, length;
};

/// Its numbers of types.
enum class DuckType : std::int32_t {
  kBoolean = 1,
  kInteger = 4,
  kBigint = 5,
  kFloat = 10,
  kDouble = 11,
  kTimestamp = 12,  // µs
  kDate = 13,
  kVarchar = 17,
  kBlob = 18,
  kTimestampSeconds = 20,
  kTimestampMillis = 21,
  kTimestampNanos = 22,
  kList = 24,
  kTimestampTz = 31,
};

struct DuckDbLibrary {
  /// Once for the process: from $ISOBAR_DUCKDB, else from lib/isobar of an installation, else from where `./dev parquet` puts it, else from
  /// where the system's libraries are. Errors   kUnavailable: it is nowhere, or is another; the message says how it is had
  static Result<const DuckDbLibrary*> load();

#define ISOBAR_DUCKDB_FUNCTIONS(X)                                                                   \
  X(int, open, (const char*, DuckHandle*))                                                           \
  X(void, close, (DuckHandle*))                                                                      \
  X(int, connect, (DuckHandle, DuckHandle*))                                                         \
  X(void, disconnect, (DuckHandle*))                                                                 \
  X(int, query, (DuckHandle, const char*, DuckResult*))                                              \
  X(const char*, result_error, (DuckResult*))                                                        \
  X(void, destroy_result, (DuckResult*))                                                             \
  X(int, prepare, (DuckHandle, const char*, DuckHandle*))                                            \
  X(const char*, prepare_error, (DuckHandle))                                                        \
  X(void, destroy_prepare, (DuckHandle*))                                                            \
  X(int, execute_prepared_streaming, (DuckHandle, DuckResult*))                                      \
  X(DuckHandle, fetch_chunk, (DuckResult))                                                           \
  X(void, destroy_data_chunk, (DuckHandle*))                                                         \
  X(std::uint64_t, column_count, (DuckResult*))                                                      \
  X(DuckHandle, column_logical_type, (DuckResult*, std::uint64_t))                                   \
  X(std::int32_t, get_type_id, (DuckHandle))                                                         \
  X(DuckHandle, list_type_child_type, (DuckHandle))                                                  \
  X(DuckHandle, create_logical_type, (std::int32_t))                                                 \
  X(DuckHandle, create_list_type, (DuckHandle))                                                      \
  X(void, destroy_logical_type, (DuckHandle*))                                                       \
  X(std::uint64_t, vector_size, ())                                                                  \
  X(DuckHandle, create_data_chunk, (DuckHandle*, std::uint64_t))                                     \
  X(void, data_chunk_reset, (DuckHandle))                                                            \
  X(std::uint64_t, data_chunk_get_size, (DuckHandle))                                                \
  X(void, data_chunk_set_size, (DuckHandle, std::uint64_t))                                          \
  X(DuckHandle, data_chunk_get_vector, (DuckHandle, std::uint64_t))                                  \
  X(void*, vector_get_data, (DuckHandle))                                                            \
  X(std::uint64_t*, vector_get_validity, (DuckHandle))                                               \
  X(void, vector_ensure_validity_writable, (DuckHandle))                                             \
  X(void, vector_assign_string_element_len, (DuckHandle, std::uint64_t, const char*, std::uint64_t)) \
  X(DuckHandle, list_vector_get_child, (DuckHandle))                                                 \
  X(std::uint64_t, list_vector_get_size, (DuckHandle))                                               \
  X(int, list_vector_set_size, (DuckHandle, std::uint64_t))                                          \
  X(int, list_vector_reserve, (DuckHandle, std::uint64_t))                                           \
  X(int, appender_create, (DuckHandle, const char*, const char*, DuckHandle*))                       \
  X(int, append_data_chunk, (DuckHandle, DuckHandle))                                                \
  X(int, appender_close, (DuckHandle))                                                               \
  X(const char*, appender_error, (DuckHandle))                                                       \
  X(int, appender_destroy, (DuckHandle*))

// NOLINTNEXTLINE(bugprone-macro-parentheses): a declaration takes none
#define ISOBAR_DUCKDB_MEMBER(result, name, arguments) result(*name) arguments = nullptr;
  ISOBAR_DUCKDB_FUNCTIONS(ISOBAR_DUCKDB_MEMBER)
#undef ISOBAR_DUCKDB_MEMBER
};

/// A database in memory, whose data goes to a folder's temporary files when it is much.
class DuckDb {
 public:
  static Result<std::unique_ptr<DuckDb>> open(const std::string& temporary);
  DuckDb(const DuckDb&) = delete;
  DuckDb& operator=(const DuckDb&) = delete;
  ~DuckDb();

  const DuckDbLibrary& library() const { return library_; }
  DuckHandle connection() const { return connection_; }
  /// Errors   kInvalidArgument: with what DuckDB says
  Status run(const std::string& sql) const;

 private:
  explicit DuckDb(const DuckDbLibrary& library) : library_(library) {}
  const DuckDbLibrary& library_;
  DuckHandle database_ = nullptr, connection_ = nullptr;
};

/// A query's rows, chunk by chunk.
class DuckRows {
 public:
  static Result<std::unique_ptr<DuckRows>> start(const DuckDb& database, const std::string& sql);
  DuckRows(const DuckRows&) = delete;
  DuckRows& operator=(const DuckRows&) = delete;
  ~DuckRows();
  /// Until the next call; nullptr: there are no more.
  Result<DuckHandle> next();
  DuckResult& result() { return result_; }

 private:
  explicit DuckRows(const DuckDbLibrary& library) : library_(library) {}
  const DuckDbLibrary& library_;
  DuckHandle statement_ = nullptr, chunk_ = nullptr;
  DuckResult result_{};
};

/// 'text', "name": as SQL has them.
std::string sql_text(std::string_view text);
std::string sql_name(std::string_view name);

}  // namespace isobar::features
