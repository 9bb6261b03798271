#pragma once

/// What can only be our own bug. `CHECK(committed <= prepared, committed, prepared)` prints the condition and its
/// operands to stderr and ends the process; it stays on in release builds. Never use it on outside input.

#include <fmt/format.h>

#include <string>

namespace isobar {

[[noreturn]] void check_failed(const char* condition, const char* names, const std::string& values, const char* file, int line);

template <class... Operands>
std::string check_operands(const Operands&... operands) {
  std::string text;
  ((text += fmt::format("{}{}", text.empty() ? "" : ", ", operands)), ...);
  return text;
}

}  // namespace isobar

#define CHECK(condition, ...)                                                                                      \
  do {                                                                                                             \
    if (!(condition)) [[unlikely]]                                                                                 \
      ::isobar::check_failed(#condition, #__VA_ARGS__, ::isobar::check_operands(__VA_ARGS__), __FILE__, __LINE__); \
  } while (false)
