#pragma once

/// JSON as values of json and jsonb are made of it. Numbers are exact; a document is read in one pass, its depth bounded.

#include <compare>
#include <string>
#include <string_view>
#include <vector>

#include "sql/error.h"
#include "sql/numeric.h"

namespace isobar::sql {

struct JsonMember;
struct Json {
  enum class What : std::uint8_t { kNull, kString, kNumber, kBool, kArray, kObject } what = What::kNull;  // in the order of comparisons
  bool boolean = false;
  Numeric number;
  std::string text;                 ///< of a string
  std::vector<Json> items;          ///< of an array
  std::vector<JsonMember> members;  ///< of an object, as they came; of jsonb in its order
  std::string_view source;          ///< where it stood in the text that was read, which must still be there

  const Json* member(std::string_view name) const;  ///< the last of that name; null: there is none
  bool is_scalar() const { return what < What::kArray; }
  static Json of(std::string text);
  static Json of(bool value);
  static Json of(Numeric number);

  Json();
  Json(const Json& other);
  Json(Json&& other) noexcept;
  Json& operator=(const Json& other);
  Json& operator=(Json&& other) noexcept;
  ~Json();
};
struct JsonMember {
  std::string name;
  Json value;
};

/// All of a document, members as they came. Errors   22P02 with PostgreSQL's detail; 22P05: \u0000; 54001: nested too deep
SqlResult<Json> parse_json(std::string_view text);
/// As jsonb keeps it: keys sorted by length and then bytes, the last of equal ones kept.
void normalise(Json& json);
/// Whether it is JSON at all; strings may have \u0000 here. Errors   as parse_json's
SqlStatus check_json(std::string_view text);

/// PostgreSQL's text of jsonb: `{"a": 1, "b": [2, 3]}`.
void append_jsonb(std::string& out, const Json& json);
/// Over several lines, as jsonb_pretty prints it.
void append_jsonb_pretty(std::string& out, const Json& json);
/// A string as JSON writes it, quotes and all.
void append_json_string(std::string& out, std::string_view text);

/// The order of jsonb; both normalised.
std::strong_ordering compare(const Json& a, const Json& b);

}  // namespace isobar::sql
