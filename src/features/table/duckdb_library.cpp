#include "duckdb_library.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <vector>

#include "base/file.h"
#include "base/text.h"

namespace isobar::features {

namespace {

constexpr const char* kFile = "libduckdb.so";

std::vector<std::string> places() {
  if (const char* named = std::getenv("ISOBAR_DUCKDB"); named != nullptr && *named != '\0') return {named};
  std::vector<std::string> places{(program_folder().parent_path() / "lib/isobar" / kFile).string()};
  const char* home = std::getenv("ISOBAR_HOME");
  const char* user = std::getenv("HOME");
  if (home != nullptr) places.push_back((fs::path(home) / "lib" / kFile).string());
  else if (user != nullptr) places.push_back((fs::path(user) / ".isobar/lib" / kFile).string());
  places.emplace_back(kFile);
  return places;
}

Result<DuckDbLibrary> open_library() {
  void* handle = nullptr;
  for (const std::string& place : places()) {
    handle = ::dlopen(place.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle != nullptr) break;
  }
  if (handle == nullptr)
    return unavailable(
        fmt::format("Parquet is read and written by DuckDB's library, which is not in {}. `./dev parquet` fetches it; or name a "
                    "libduckdb.so in ISOBAR_DUCKDB; or use .csv or .jsonl",
                    join(places(), ", ")));
  DuckDbLibrary library;
#define ISOBAR_DUCKDB_FIND(result, name, arguments)                                          \
  library.name = reinterpret_cast<decltype(library.name)>(::dlsym(handle, "duckdb_" #name)); \
  if (library.name == nullptr) return unavailable("libduckdb.so has no duckdb_" #name "; DuckDB 1.2 or a later one is needed");
  ISOBAR_DUCKDB_FUNCTIONS(ISOBAR_DUCKDB_FIND)
#undef ISOBAR_DUCKDB_FIND
  return library;
}

/// What DuckDB says, without its prefix and the lines that show the query.
Error said(const char* message) {
  std::string_view text = message == nullptr ? "no reason was given" : message;
  text = text.substr(0, text.find('\n'));
  return invalid("DuckDB: " + std::string(text));
}

}  // namespace

Result<const DuckDbLibrary*> DuckDbLibrary::load() {
  static const Result<DuckDbLibrary> library = open_library();
  if (!library.ok()) return library.error();
  return &*library;
}

Result<std::unique_ptr<DuckDb>> DuckDb::open(const std::string& temporary) {
  TRY_ASSIGN(const DuckDbLibrary* library, DuckDbLibrary::load());
  std::unique_ptr<DuckDb> database(new DuckDb(*library));
  if (library->open(nullptr, &database->database_) != 0 || library->connect(database->database_, &database->connection_) != 0)
    return unavailable("DuckDB cannot be started");
  // Nothing is fetched, and one thread makes of the same rows the same file.
  for (const std::string& setting : {std::string("SET autoinstall_known_extensions = false"), std::string("SET threads = 1"),
                                     std::string("SET memory_limit = '256MB'"), "SET temp_directory = " + sql_text(temporary)})
    TRY(database->run(setting));
  return database;
}

DuckDb::~DuckDb() {
  if (connection_ != nullptr) library_.disconnect(&connection_);
  if (database_ != nullptr) library_.close(&database_);
}

Status DuckDb::run(const std::string& sql) const {
  DuckResult result{};
  const bool failed = library_.query(connection_, sql.c_str(), &result) != 0;
  Status status = failed ? Status(said(library_.result_error(&result))) : Status();
  library_.destroy_result(&result);
  return status;
}

Result<std::unique_ptr<DuckRows>> DuckRows::start(const DuckDb& database, const std::string& sql) {
  const DuckDbLibrary& library = database.library();
  std::unique_ptr<DuckRows> rows(new DuckRows(library));
  if (library.prepare(database.connection(), sql.c_str(), &rows->statement_) != 0) return said(library.prepare_error(rows->statement_));
  if (library.execute_prepared_streaming(rows->statement_, &rows->result_) != 0) return said(library.result_error(&rows->result_));
  return rows;
}

DuckRows::~DuckRows() {
  if (chunk_ != nullptr) library_.destroy_data_chunk(&chunk_);
  library_.destroy_result(&result_);
  library_.destroy_prepare(&statement_);
}

Result<DuckHandle> DuckRows::next() {
  if (chunk_ != nullptr) library_.destroy_data_chunk(&chunk_);
  chunk_ = library_.fetch_chunk(result_);
  if (chunk_ == nullptr && library_.result_error(&result_) != nullptr) return said(library_.result_error(&result_));
  return chunk_;
}

std::string sql_text(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text) quoted.append(c == '\'' ? 2 : 1, c);
  return quoted + "'";
}

std::string sql_name(std::string_view name) {
  std::string quoted = "\"";
  for (const char c : name) quoted.append(c == '"' ? 2 : 1, c);
  return quoted + "\"";
}

}  // namespace isobar::features
