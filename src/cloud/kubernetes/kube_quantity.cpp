#include "kube_quantity.h"

#include <array>
#include <charconv>
#include <cmath>

namespace isobar::cloud {

namespace {

struct Suffix {
  std::string_view name;
  double factor;
};
constexpr std::array kSuffixes = {Suffix{"n", 1e-9},          Suffix{"u", 1e-6},    Suffix{"m", 1e-3},    Suffix{"", 1},
                                  Suffix{"k", 1e3},           Suffix{"M", 1e6},     Suffix{"G", 1e9},     Suffix{"T", 1e12},
                                  Suffix{"P", 1e15},          Suffix{"E", 1e18},    Suffix{"Ki", 1024.0}, Suffix{"Mi", 1048576.0},
                                  Suffix{"Gi", 1073741824.0}, Suffix{"Ti", 0x1p40}, Suffix{"Pi", 0x1p50}, Suffix{"Ei", 0x1p60}};

}  // namespace

std::optional<double> parse_quantity(std::string_view text) {
  double number = 0;
  // "1E" is an exa, "1E3" a thousand: what the number's reader leaves over is the suffix.
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc() || !std::isfinite(number) || number < 0) return std::nullopt;
  const std::string_view rest(end, static_cast<std::size_t>(text.data() + text.size() - end));
  for (const auto& suffix : kSuffixes)
    if (suffix.name == rest) return number * suffix.factor;
  return std::nullopt;
}

}  // namespace isobar::cloud
