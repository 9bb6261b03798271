#pragma once

/// A sample of what was answered, written to files beside the answering: `skew_check.h` makes it again from the log of events.
///
/// Answers wait in memory for a thread that writes them. When more wait than may, or the disk cannot take them, they are dropped and
/// counted; who answers is never held up. docs/formats/feature-served.md has the form of the files.

#include <memory>
#include <string>

#include "base/file.h"
#include "base/knob.h"
#include "base/log.h"
#include "features/engine.h"

namespace isobar::features {

struct ServedLogConfig {
  /// The share of all rows that is kept.
  double rate = 0;
  /// How large a file grows before the next one is begun.
  Knob<ByteCount> file_bytes{.value = {64 * kMiB}, .least = {4 * kKiB}, .most = {kGiB}, .sim = {{4 * kKiB}, {64 * kKiB}}};
  /// How much all files together may be; the oldest go first.
  Knob<ByteCount> bytes_most{.value = {kGiB}, .least = {kMiB}, .most = {1024 * kGiB}, .sim = {{kMiB}, {kMiB}}};
  /// How many rows may wait to be written.
  Knob<std::int64_t> rows_waiting_most{.value = 20'000, .least = 1, .most = 10'000'000, .sim = {1, 100}};
};

struct ServedLogCounts {
  std::uint64_t written = 0, dropped = 0;  ///< rows
  std::uint64_t bytes = 0;                 ///< of the files that are there
  std::string problem;                     ///< why the last that was dropped could not be written; "": it could, or too many waited
};

/// Safe from any thread.
class ServedLog final : public AnswerSample {
 public:
  /// folder   is made if it is not there. log   outlives it
  /// Errors   kInvalidArgument: a rate that is none; kUnavailable, kPermissionDenied: the folder cannot be written
  static Result<std::unique_ptr<ServedLog>> open(const fs::path& folder, const ServedLogConfig& config, Log& log);
  /// Writes what waits.
  ~ServedLog() override;

  /// Cost   some ns
  bool wants() override;
  /// Cost   a short lock
  void take(ServedAnswer answer) override;
  ServedLogCounts counts() const;

 private:
  struct Inside;
  explicit ServedLog(std::unique_ptr<Inside> inside);
  std::unique_ptr<Inside> inside_;
};

}  // namespace isobar::features
