#pragma once

/// A recorded trace: what happened to which key when.

#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "base/time.h"

namespace isobar::features {

struct TraceRow {
  std::uint32_t key = 0;   ///< index into the trace's keys
  std::uint32_t item = 0;  ///< index into its items, if it has any
  Instant time;
  double value = 0;
};

struct Trace {
  std::vector<std::string> keys, items;
  std::vector<TraceRow> rows;    ///< by time, those of the same time as they were read
  bool in_files_by_key = false;  ///< read from a folder: each key was recorded by itself
};

/// What the columns are called, where they are not called as here.
struct TraceColumns {
  std::optional<std::string> key;    ///< key
  std::optional<std::string> time;   ///< time or timestamp
  std::optional<std::string> value;  ///< value
  std::optional<std::string> item;   ///< item; a trace may have none
};

/// path   a .csv file whose first record names the columns, a .jsonl file of one object a line, or a folder: each .csv file in it, or in
///        folders below, is one key, called as its path without the ending
/// Times are RFC 3339, the same with a space for the T or without an offset (UTC), or seconds since 1970.
/// Errors   kInvalidArgument: "file:line: what is wrong; what mends it"; kNotFound: no such file, or none in the folder
Result<Trace> read_trace(const fs::path& path, const TraceColumns& columns = {});

enum class TraceFormat : std::uint8_t { kCsv, kJsonLines };

/// The same of a text.
/// name   of the file, for messages
Result<Trace> parse_trace(std::string_view text, TraceFormat format, const std::string& name, const TraceColumns& columns = {});

}  // namespace isobar::features
