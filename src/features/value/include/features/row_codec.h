#pragma once

/// The compact form of values, in which rows are stored and states keep what they hold. docs/formats/feature-row.md is its description.
///
/// A value says its own type, so that a row that was stored before a column changed is read as what it was, and cast. A parser takes any
/// bytes: it never reads past them, and allocates no more than they are long, times a constant.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "features/value.h"

namespace isobar::features {

/// What readers of stored bytes say: those who wrote them did not write this.
inline Error damaged(std::string what) { return {Code::kDataLoss, std::move(what)}; }

/// Takes encodings apart from the left. After an error nothing more is to be read.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : rest_(bytes) {}

  /// Errors, of all of them   kDataLoss: the bytes end before, or are none of that form
  Result<std::uint8_t> byte();
  Result<std::uint64_t> varint();
  Result<std::int64_t> zigzag();
  Result<std::string_view> take(std::uint64_t bytes);
  template <class T>
  Result<T> fixed();  ///< little-endian; std::uint32_t, std::uint64_t, float or double
  /// How many elements follow, each of so many bytes at least: more than there are bytes for are not believed.
  Result<std::size_t> count(std::size_t element_bytes_least);
  Result<Value> value();

  bool done() const { return rest_.empty(); }
  /// Errors   kDataLoss: something is left
  Status finish() const;

 private:
  std::string_view rest_;
};

void append_byte(std::string& out, std::uint8_t byte);
void append_varint(std::string& out, std::uint64_t number);
void append_zigzag(std::string& out, std::int64_t number);
template <class T>
void append_fixed(std::string& out, T number);
void append_value(std::string& out, const Value& value);

/// A version, the number of values, the values.
std::string encode_row(std::span<const Value> row);
/// Errors   kDataLoss: not a row, or one of a later version
Result<Row> decode_row(std::string_view bytes);

}  // namespace isobar::features
