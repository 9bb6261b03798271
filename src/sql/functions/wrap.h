#pragma once

/// Ordinary functions of ordinary types made into what is called for a row: `wrap<abs_int8>`, `wrap<[](double x) { return std::fabs(x);
/// }>`. Arguments are read by their C++ types, a result is written in place; `std::optional` may be null, `SqlResult` may fail. A first
/// parameter `const Call&` gets the call itself.

#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include "sql/function.h"

namespace isobar::sql {

template <class T>
decltype(auto) argument_of(const Value& value) {
  using Plain = std::remove_cvref_t<T>;
  if constexpr (std::is_same_v<Plain, Value>) return (value);
  else if constexpr (std::is_same_v<Plain, bool>) return value.boolean();
  else if constexpr (std::is_integral_v<Plain>) return value.integer();
  else if constexpr (std::is_same_v<Plain, double>) return value.real();
  else if constexpr (std::is_same_v<Plain, Numeric>) return value.numeric();
  else if constexpr (std::is_same_v<Plain, Interval>) return value.interval();
  else if constexpr (std::is_same_v<Plain, Uuid>) return value.uuid();
  else if constexpr (std::is_same_v<Plain, Array>) return value.array();
  else if constexpr (std::is_same_v<Plain, Record>) return value.record();
  else return std::string_view(value.text());
}

template <class T>
struct IsOptional : std::false_type {};
template <class T>
struct IsOptional<std::optional<T>> : std::true_type {};
template <class T>
struct IsSqlResult : std::false_type {};
template <class T>
struct IsSqlResult<Result<T, SqlError>> : std::true_type {};

template <class T>
SqlStatus put_result(T&& made, Value& result) {
  using Plain = std::remove_cvref_t<T>;
  if constexpr (IsSqlResult<Plain>::value) {
    if (!made.ok()) return made.error();
    return put_result(std::move(made).value(), result);
  } else if constexpr (IsOptional<Plain>::value) {
    if (!made) return result.set_null(), SqlStatus();
    return put_result(*std::forward<T>(made), result);
  } else if constexpr (std::is_same_v<Plain, Value>) {
    result = std::forward<T>(made);
    return {};
  } else if constexpr (std::is_same_v<Plain, std::string_view>) {
    result.reuse_text().assign(made);
    return {};
  } else if constexpr (std::is_integral_v<Plain> && !std::is_same_v<Plain, bool>) {
    result.set(static_cast<std::int64_t>(made));
    return {};
  } else {
    result.set(std::forward<T>(made));
    return {};
  }
}

template <class Function>
struct Signature : Signature<decltype(&Function::operator())> {};
template <class R, class... A>
struct Signature<R (*)(A...)> {
  using Arguments = std::tuple<A...>;
};
template <class R, class C, class... A>
struct Signature<R (C::*)(A...) const> {
  using Arguments = std::tuple<A...>;
};

template <auto kFunction>
SqlStatus evaluate_wrapped(const Call& call, Value& result) {
  using Arguments = typename Signature<decltype(kFunction)>::Arguments;
  constexpr std::size_t kCount = std::tuple_size_v<Arguments>;
  const auto invoke = [&]<std::size_t... kPlaces>(std::index_sequence<kPlaces...>)->SqlStatus {
    if constexpr (kCount > 0) {
      if constexpr (std::is_same_v<std::remove_cvref_t<std::tuple_element_t<0, Arguments>>, Call>)
        return put_result(std::apply(
                              [&](auto... places) {
                                return kFunction(call, argument_of<std::tuple_element_t<decltype(places)::value + 1, Arguments>>(
                                                           call[decltype(places)::value])...);
                              },
                              std::tuple<std::integral_constant<std::size_t, kPlaces>...>()),
                          result);
      else return put_result(kFunction(argument_of<std::tuple_element_t<kPlaces, Arguments>>(call[kPlaces])...), result);
    } else {
      return put_result(kFunction(), result);
    }
  };
  constexpr bool kTakesCall = [] {
    if constexpr (kCount > 0) return std::is_same_v<std::remove_cvref_t<std::tuple_element_t<0, Arguments>>, Call>;
    return false;
  }();
  return invoke(std::make_index_sequence<kCount - (kTakesCall ? 1 : 0)>());
}

template <auto kFunction>
inline constexpr Evaluate wrap = &evaluate_wrapped<kFunction>;

}  // namespace isobar::sql
