// Functions of arrays.

#include <fmt/format.h>

#include <algorithm>

#include "built_ins.h"
#include "texts.h"
#include "wrap.h"

namespace isobar::sql {
namespace {

using MaybeInteger = std::optional<std::int64_t>;

bool has_dimension(const Array& array, std::int64_t which) { return which >= 1 && which <= static_cast<std::int64_t>(array.sizes.size()); }
MaybeInteger length_of(const Array& array, std::int64_t which) {
  return has_dimension(array, which) ? MaybeInteger(array.sizes[static_cast<std::size_t>(which - 1)]) : std::nullopt;
}
MaybeInteger lower_of(const Array& array, std::int64_t which) {
  return has_dimension(array, which) ? MaybeInteger(array.lows[static_cast<std::size_t>(which - 1)]) : std::nullopt;
}
MaybeInteger upper_of(const Array& array, std::int64_t which) {
  return has_dimension(array, which) ? MaybeInteger(std::int64_t{array.lows[static_cast<std::size_t>(which - 1)]} +
                                                    array.sizes[static_cast<std::size_t>(which - 1)] - 1)
                                     : std::nullopt;
}
MaybeInteger dimensions_of(const Array& array) { return array.sizes.empty() ? std::nullopt : MaybeInteger(array.sizes.size()); }
std::optional<std::string> bounds_of(const Array& array) {
  if (array.sizes.empty()) return std::nullopt;
  std::string out;
  for (std::size_t depth = 0; depth < array.sizes.size(); ++depth)
    out += fmt::format("[{}:{}]", array.lows[depth], array.lows[depth] + array.sizes[depth] - 1);
  return out;
}

bool equal(Kind element, const Value& a, const Value& b) {
  if (a.is_null() || b.is_null()) return a.is_null() && b.is_null();
  return compare(type_of(element), a, b) == 0;
}
bool contains(const Array& array, const Value& value) {
  return std::any_of(array.elements.begin(), array.elements.end(),
                     [&](const Value& element) { return !element.is_null() && compare(type_of(array.element), element, value) == 0; });
}
bool holds_all(const Array& array, const Array& wanted) {
  return std::all_of(wanted.elements.begin(), wanted.elements.end(),
                     [&](const Value& value) { return !value.is_null() && contains(array, value); });
}
bool overlap(const Array& a, const Array& b) {
  return std::any_of(b.elements.begin(), b.elements.end(), [&](const Value& value) { return !value.is_null() && contains(a, value); });
}

SqlError not_one_dimension() { return {state::kDataException, "argument must be empty or one-dimensional array"}; }
SqlError incompatible(std::string detail) {
  return SqlError(state::kArraySubscriptError, "cannot concatenate incompatible arrays").with_detail(std::move(detail));
}

Value shared(Array array) { return Value(ArrayPtr(std::make_shared<const Array>(std::move(array)))); }
Array copy_or_empty(const Call& call, std::size_t place) {
  if (call.has(place)) return call[place].array();
  Array array;
  array.element = call.bound.result.element;
  return array;
}

template <bool kFront>
SqlResult<Value> with_element(const Call& call) {
  Array array = copy_or_empty(call, kFront ? 1 : 0);
  if (array.sizes.size() > 1) return not_one_dimension();
  if (array.sizes.empty()) array.sizes = {0}, array.lows = {1};
  array.elements.insert(kFront ? array.elements.begin() : array.elements.end(), call[kFront ? 0 : 1]);
  ++array.sizes[0];
  return shared(std::move(array));
}

SqlResult<std::optional<Value>> joined(const Call& call) {
  if (!call.has(0) && !call.has(1)) return std::optional<Value>();
  if (!call.has(0) || !call.has(1)) return std::optional(call[call.has(0) ? 0 : 1]);
  const Array &a = call[0].array(), &b = call[1].array();
  if (a.sizes.empty() || b.sizes.empty()) return std::optional(call[a.sizes.empty() ? 1 : 0]);
  const std::size_t first = a.sizes.size(), second = b.sizes.size();
  if (first != second && first + 1 != second && first != second + 1)
    return incompatible(fmt::format("Arrays of {} and {} dimensions are not compatible for concatenation.", first, second));
  // The one of fewer dimensions is one more element of the other.
  Array made = first >= second ? a : b;
  const Array& other = first >= second ? b : a;
  const std::size_t inner = first == second ? 1 : 0;
  for (std::size_t depth = inner; depth < other.sizes.size(); ++depth)
    if (made.sizes[depth + 1 - inner] != other.sizes[depth] || made.lows[depth + 1 - inner] != other.lows[depth])
      return incompatible("Arrays with differing element dimensions are not compatible for concatenation.");
  made.sizes[0] += first == second ? other.sizes[0] : 1;
  if (first < second) made.elements.insert(made.elements.begin(), other.elements.begin(), other.elements.end());
  else made.elements.insert(made.elements.end(), other.elements.begin(), other.elements.end());
  return std::optional(shared(std::move(made)));
}

SqlResult<MaybeInteger> position(const Call& call) {
  if (!call.has(0)) return MaybeInteger();
  const Array& array = call[0].array();
  if (array.sizes.size() > 1)
    return SqlError(state::kFeatureNotSupported, "searching for elements in multidimensional arrays is not supported");
  if (array.sizes.empty()) return MaybeInteger();
  if (call.size() > 2 && !call.has(2)) return SqlError(state::kNullValueNotAllowed, "initial position must not be null");
  const std::int64_t from = call.size() > 2 ? call[2].integer() - array.lows[0] : 0;
  for (std::size_t place = static_cast<std::size_t>(std::max<std::int64_t>(from, 0)); place < array.elements.size(); ++place)
    if (equal(array.element, array.elements[place], call[1])) return MaybeInteger(static_cast<std::int64_t>(place) + array.lows[0]);
  return MaybeInteger();
}
SqlResult<std::optional<Value>> positions(const Call& call) {
  if (!call.has(0)) return std::optional<Value>();
  const Array& array = call[0].array();
  if (array.sizes.size() > 1)
    return SqlError(state::kFeatureNotSupported, "searching for elements in multidimensional arrays is not supported");
  std::vector<Value> found;
  for (std::size_t place = 0; place < array.elements.size(); ++place)
    if (equal(array.element, array.elements[place], call[1])) found.emplace_back(static_cast<std::int64_t>(place) + array.lows[0]);
  return std::optional(array_of_values(Kind::kInt4, std::move(found)));
}

SqlResult<std::optional<Value>> removed(const Call& call) {
  if (!call.has(0)) return std::optional<Value>();
  Array array = call[0].array();
  if (array.sizes.size() > 1)
    return SqlError(state::kFeatureNotSupported, "removing elements from multidimensional arrays is not supported");
  std::erase_if(array.elements, [&](const Value& element) { return equal(array.element, element, call[1]); });
  if (array.elements.empty()) array.sizes.clear(), array.lows.clear();
  else array.sizes[0] = static_cast<std::int32_t>(array.elements.size());
  return std::optional(shared(std::move(array)));
}
std::optional<Value> replaced(const Call& call) {
  if (!call.has(0)) return std::nullopt;
  Array array = call[0].array();
  for (auto& element : array.elements)
    if (equal(array.element, element, call[1])) element = call[2];
  return shared(std::move(array));
}

std::string joined_text(const Call& call, std::string_view separator, const std::string* for_null) {
  const Array& array = call[0].array();
  std::string out;
  bool begun = false;
  for (const auto& element : array.elements) {
    if (element.is_null() && for_null == nullptr) continue;
    if (std::exchange(begun, true)) out += separator;
    out += element.is_null() ? *for_null : to_text(type_of(array.element), element, call.session.style);
  }
  return out;
}
std::optional<std::string> to_string(const Call& call) {
  if (!call.has(0) || !call.has(1)) return std::nullopt;
  return joined_text(call, call[1].text(), call.has(2) ? &call[2].text() : nullptr);
}

SqlResult<Value> filled(const Call& call) {
  if (!call.has(1)) return SqlError(state::kNullValueNotAllowed, "dimension array or low bound array cannot be null");
  if (call[1].array().sizes.size() > 1) return SqlError(state::kArraySubscriptError, "wrong number of array subscripts");
  Array array;
  array.element = call.bound.result.element;
  std::int64_t count = 1;
  for (const auto& size : call[1].array().elements) {
    if (size.is_null()) return SqlError(state::kNullValueNotAllowed, "dimension values cannot be null");
    count *= std::max<std::int64_t>(size.integer(), 0);
    if (count > 10'000'000) return SqlError(state::kProgramLimitExceeded, "array size exceeds the maximum allowed (10000000)");
    array.sizes.push_back(static_cast<std::int32_t>(size.integer())), array.lows.push_back(1);
  }
  if (array.sizes.empty() || count == 0) return shared({array.element, {}, {}, {}});
  array.elements.assign(static_cast<std::size_t>(count), call[0]);
  return shared(std::move(array));
}
SqlResult<Value> trimmed(const Call& call) {
  Array array = call[0].array();
  const std::int64_t count = call[1].integer(), length = array.sizes.empty() ? 0 : array.sizes[0];
  if (count < 0 || count > length)
    return SqlError(state::kArrayElementError, fmt::format("number of elements to trim must be between 0 and {}", length));
  if (count == 0) return call[0];
  const std::size_t each = array.elements.size() / static_cast<std::size_t>(length);
  array.sizes[0] -= static_cast<std::int32_t>(count), array.lows[0] = 1;
  array.elements.resize(each * static_cast<std::size_t>(array.sizes[0]));
  if (array.elements.empty()) array.sizes.clear(), array.lows.clear();
  return shared(std::move(array));
}

SqlResult<std::int64_t> bucket_of(const Call& call) {
  const Array& bounds = call[1].array();
  if (bounds.sizes.size() > 1) return SqlError(state::kArraySubscriptError, "thresholds must be one-dimensional array");
  for (const auto& bound : bounds.elements)
    if (bound.is_null()) return SqlError(state::kNullValueNotAllowed, "thresholds array must not contain NULLs");
  const Type type = type_of(bounds.element);
  return std::upper_bound(bounds.elements.begin(), bounds.elements.end(), call[0],
                          [&](const Value& a, const Value& b) { return compare(type, a, b) < 0; }) -
         bounds.elements.begin();
}

}  // namespace

void add_array_functions(FunctionSet& set) {
  constexpr FunctionOptions kLax{.strict = false}, kLaxStable{.strict = false, .volatility = Volatility::kStable};
  set.add("array_length(anyarray, int4) int4", wrap<length_of>), set.add("array_lower(anyarray, int4) int4", wrap<lower_of>),
      set.add("array_upper(anyarray, int4) int4", wrap<upper_of>);
  set.add("array_ndims(anyarray) int4", wrap<dimensions_of>), set.add("array_dims(anyarray) text", wrap<bounds_of>);
  set.add("cardinality(anyarray) int4", wrap<[](const Array& array) { return array.elements.size(); }>);
  set.add("array_append(anycompatiblearray, anycompatible) anycompatiblearray", wrap<with_element<false>>, kLax),
      set.add("array_prepend(anycompatible, anycompatiblearray) anycompatiblearray", wrap<with_element<true>>, kLax);
  set.add("array_cat(anycompatiblearray, anycompatiblearray) anycompatiblearray", wrap<joined>, kLax);
  set.add_operator("||(anycompatiblearray, anycompatible) anycompatiblearray", wrap<with_element<false>>, kLax),
      set.add_operator("||(anycompatible, anycompatiblearray) anycompatiblearray", wrap<with_element<true>>, kLax);
  set.add_operator("||(anycompatiblearray, anycompatiblearray) anycompatiblearray", wrap<joined>, kLax);
  set.add("array_position(anycompatiblearray, anycompatible) int4", wrap<position>, kLax),
      set.add("array_position(anycompatiblearray, anycompatible, int4) int4", wrap<position>, kLax);
  set.add("array_positions(anycompatiblearray, anycompatible) _int4", wrap<positions>, kLax),
      set.add("array_remove(anycompatiblearray, anycompatible) anycompatiblearray", wrap<removed>, kLax);
  set.add("array_replace(anycompatiblearray, anycompatible, anycompatible) anycompatiblearray", wrap<replaced>, kLax);
  set.add("array_to_string(anyarray, text) text", wrap<to_string>, {.volatility = Volatility::kStable}),
      set.add("array_to_string(anyarray, text, text) text", wrap<to_string>, kLaxStable);
  set.add("array_fill(anyelement, _int4) anyarray", wrap<filled>, kLax), set.add("trim_array(anyarray, int4) anyarray", wrap<trimmed>);
  set.add("width_bucket(anycompatible, anycompatiblearray) int4", wrap<bucket_of>);
  set.add_operator("@>(anyarray, anyarray) bool", wrap<holds_all>),
      set.add_operator("<@(anyarray, anyarray) bool", wrap<[](const Array& a, const Array& b) { return holds_all(b, a); }>);
  set.add_operator("&&(anyarray, anyarray) bool", wrap<overlap>);
}

}  // namespace isobar::sql
