#include "base/knob.h"

#include <fmt/format.h>

#include <charconv>

namespace isobar {

namespace {

template <class T, class Show>
Status assign_within(Knob<T>& knob, std::string_view name, T value, Show show) {
  if (value < knob.least || knob.most < value)
    return invalid(fmt::format("{}: {} is outside {} to {}", name, show(value), show(knob.least), show(knob.most)));
  knob.value = value;
  return {};
}

}  // namespace

Status set_knob(Knob<Duration>& knob, std::string_view name, std::string_view text) {
  TRY_ASSIGN(const auto value, parse_duration(text).context(name));
  return assign_within(knob, name, value, format_duration);
}

Status set_knob(Knob<std::int64_t>& knob, std::string_view name, std::string_view text) {
  std::int64_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end != text.data() + text.size()) return invalid(fmt::format("{}: '{}' is not a whole number", name, text));
  return assign_within(knob, name, value, [](std::int64_t shown) { return std::to_string(shown); });
}

Status set_knob(Knob<ByteCount>& knob, std::string_view name, std::string_view text) {
  TRY_ASSIGN(const auto value, parse_bytes(text).context(name));
  return assign_within(knob, name, value, format_bytes);
}

}  // namespace isobar
