#pragma once

/// Structured events. `log.warn("chunk_retried", {{"transfer", id}, {"attempt", 3}})` writes one JSON line with the
/// time, the level, the event's name (past tense) and its fields.
///
/// error: a person must act.  warn: degraded, recovering by itself.  info: a change of state worth a timeline.
/// debug: for us. Secrets registered with `redact` never reach the sink, whatever field they turn up in.

#include <fmt/format.h>

#include <filesystem>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace isobar {

struct LogField {
  template <class T>
  LogField(std::string_view field_name, const T& field_value) : name(field_name), value(fmt::format("{}", field_value)) {}
  std::string_view name;
  std::string value;
};

enum class LogLevel { kDebug, kInfo, kWarn, kError };

/// Safe from any thread.
class Log {
 public:
  using Fields = std::initializer_list<LogField>;

  /// A log that goes nowhere.
  Log();
  /// Appends to a file, which is rotated at 8 MiB; two old files are kept.
  static Result<Log> to_file(const std::filesystem::path& path, LogLevel least = LogLevel::kInfo);
  ~Log();
  Log(Log&&) noexcept;
  Log& operator=(Log&&) noexcept;

  /// From now on `secret` is written as "<redacted>" wherever it occurs. Values under 4 bytes are not registered:
  /// they would blot out ordinary text.
  void redact(std::string secret);

  void debug(std::string_view event, Fields fields = {}) { write(LogLevel::kDebug, event, fields); }
  void info(std::string_view event, Fields fields = {}) { write(LogLevel::kInfo, event, fields); }
  void warn(std::string_view event, Fields fields = {}) { write(LogLevel::kWarn, event, fields); }
  void error(std::string_view event, Fields fields = {}) { write(LogLevel::kError, event, fields); }

 private:
  struct Sink;
  void write(LogLevel level, std::string_view event, Fields fields);
  std::unique_ptr<Sink> sink_;
};

}  // namespace isobar
