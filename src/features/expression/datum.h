#pragma once

/// What nodes of a compiled expression hand to one another: a value whose type both know already, with nothing on the heap.

#include <array>
#include <cstdint>
#include <memory_resource>
#include <string>
#include <string_view>

#include "features/value.h"

namespace isobar::features {

struct Datum {
  bool null = true;
  union {
    std::int64_t integer;  ///< bool (0, 1), int32, int64, and timestamp in nanoseconds
    double real = 0;       ///< float64, and float32 as the same number
    const char* text;      ///< string and bytes, with `size`
    const List* list;
  };
  std::size_t size = 0;

  static Datum of(std::int64_t value) {
    Datum made;
    made.null = false, made.integer = value;
    return made;
  }
  static Datum of(bool value) { return of(std::int64_t{value}); }
  static Datum of(double value) {
    Datum made;
    made.null = false, made.real = value;
    return made;
  }
  static Datum of(std::string_view value) {
    Datum made;
    made.null = false, made.text = value.data(), made.size = value.size();
    return made;
  }
  static Datum of(const List& value) {
    Datum made;
    made.null = false, made.list = &value;
    return made;
  }
  std::string_view view() const { return {text, size}; }
  bool is_true() const { return !null && integer != 0; }
};

/// One row under way: where its values are, where texts are put that it makes, and what went wrong first. After an error nodes go on with
/// nulls, which costs less than asking at each of them; nobody sees the result.
class Evaluation {
 public:
  Evaluation() : texts_(buffer_.data(), buffer_.size()) {}

  void start(const Row& row) {
    row_ = &row;
    texts_.release();
    failed_ = false;
  }
  const Row& row() const { return *row_; }

  /// Room for a text until the next row starts.
  char* allocate(std::size_t bytes) { return static_cast<char*>(texts_.allocate(bytes, 1)); }
  Datum keep(std::string_view text);

  /// Told by a node before it calls a function that may fail.
  void stand_at(std::size_t at) { at_ = at; }
  Datum fail(std::string what);
  bool failed() const { return failed_; }
  const std::string& what() const { return what_; }
  std::size_t failed_at() const { return failed_at_; }

 private:
  const Row* row_ = nullptr;
  std::array<std::byte, 512> buffer_;
  std::pmr::monotonic_buffer_resource texts_;
  std::size_t at_ = 0, failed_at_ = 0;
  bool failed_ = false;
  std::string what_;
};

/// A value as a datum that borrows from it, and a datum as a value of the type it has.
Datum borrow(const Value& value);
Value to_value(const Datum& datum, Type type);

/// Below 0, 0 or above, of two data of one type, neither null; PostgreSQL's order, as `compare` of values.
using Comparison = int (*)(const Datum&, const Datum&);
Comparison comparison_of(Type type);

}  // namespace isobar::features
