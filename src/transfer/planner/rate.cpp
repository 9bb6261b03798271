#include "transfer/rate.h"

#include <fmt/format.h>

#include <charconv>
#include <map>

#include "base/text.h"

namespace isobar::transfer {

Result<double> parse_gbps(std::string_view text) {
  double value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  std::string unit = to_lower(trim(std::string_view(end, static_cast<std::size_t>(text.data() + text.size() - end))));
  if (unit.ends_with("/s")) unit.resize(unit.size() - 2);
  if (unit.ends_with("ps")) unit.resize(unit.size() - 2);
  const std::map<std::string, double> units = {{"", 1},      {"g", 1},       {"gb", 1},  {"gbit", 1},  {"m", 1e-3},
                                               {"mb", 1e-3}, {"mbit", 1e-3}, {"t", 1e3}, {"tbit", 1e3}};
  const auto known = units.find(unit);
  if (failed != std::errc() || known == units.end() || !(value > 0) || !(value < 1e9))
    return invalid(fmt::format("'{}' is not a rate; write it like 20Gbit or 800Mbit", text));
  return value * known->second;
}

}  // namespace isobar::transfer
