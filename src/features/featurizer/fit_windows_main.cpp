// For measuring: fits a forecaster to each window that stands on a line of standard input, `PERIOD value value …`, and prints what it
// foretells of the next period.

#include <fmt/format.h>

#include <cstdio>
#include <iostream>
#include <sstream>

#include "features/forecast.h"

namespace isobar::features {
namespace {

Status answer(const std::string& line, const char* name) {
  std::istringstream words(line);
  int period = 0;
  words >> period;
  std::vector<double> window;
  for (double value = 0; words >> value;) window.push_back(value);
  TRY_ASSIGN(const auto forecaster, make_forecaster(name, window.size(), period));
  TRY_ASSIGN(const Forecast forecast, forecaster->fit(window));
  for (int step = 1; step <= period; ++step)
    fmt::print("{:.17g}{}", forecast.at(static_cast<std::size_t>(step)), step < period ? " " : "\n");
  return {};
}

}  // namespace
}  // namespace isobar::features

int main(int argc, char** argv) {
  const char* name = argc == 2 ? argv[1] : "stl-arima";
  for (std::string line; std::getline(std::cin, line);) {
    const auto status = isobar::features::answer(line, name);
    if (status.ok()) continue;
    fmt::print(stderr, "{}\n", status.error().message());
    return 2;
  }
  return 0;
}
