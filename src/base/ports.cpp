#include "base/ports.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/text.h"

namespace isobar {

namespace {

bool read_port(std::string_view digits, std::uint16_t& into) {
  const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), into);
  return failure == std::errc() && end == digits.data() + digits.size() && into > 0;
}

}  // namespace

Ports merged(Ports ports) {
  std::sort(ports.begin(), ports.end(), [](const PortRange& a, const PortRange& b) { return a.first < b.first; });
  Ports joined;
  for (const auto& range : ports) {
    if (joined.empty() || range.first > joined.back().last + 1) joined.push_back(range);
    else joined.back().last = std::max(joined.back().last, range.last);
  }
  return joined;
}

bool covers(const Ports& open, const Ports& asked) {
  return std::all_of(asked.begin(), asked.end(), [&](const PortRange& one) {
    return std::any_of(open.begin(), open.end(),
                       [&](const PortRange& range) { return range.first <= one.first && one.last <= range.last; });
  });
}

std::size_t count_of(const Ports& ports) {
  std::size_t count = 0;
  for (const auto& range : ports) count += static_cast<std::size_t>(range.last - range.first) + 1;
  return count;
}

std::vector<std::uint16_t> each_of(const Ports& ports) {
  std::vector<std::uint16_t> all;
  for (const auto& range : merged(ports))
    for (std::uint32_t port = range.first; port <= range.last; ++port) all.push_back(static_cast<std::uint16_t>(port));
  return all;
}

std::string describe(PortRange range) {
  return range.first == range.last ? fmt::to_string(range.first) : fmt::format("{}-{}", range.first, range.last);
}

std::string describe(const Ports& ports, std::string_view between) {
  std::string text;
  for (const auto& range : ports) {
    if (!text.empty()) text += between;
    text += describe(range);
  }
  return text;
}

Result<Ports> parse_ports(std::string_view text) {
  Ports ports;
  if (trim(text).empty()) return ports;
  for (auto one : split(text, ',')) {
    one = trim(one);
    const auto dash = one.find('-');
    PortRange range;
    const bool read = read_port(one.substr(0, dash), range.first) &&
                      (dash == std::string_view::npos ? (range.last = range.first, true) : read_port(one.substr(dash + 1), range.last)) &&
                      range.first <= range.last;
    if (!read) return invalid(fmt::format("'{}' is neither a port from 1 to 65535 nor a range such as 8000-8010", one.substr(0, 50)));
    ports.push_back(range);
  }
  return ports;
}

}  // namespace isobar
