#pragma once

// What another implementation made of real series: see bench/features/golden_featurizers.py, which writes the files.

#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "base/check.h"

namespace isobar::features {

/// The lines of a golden file that are no comments, split at spaces.
inline std::vector<std::vector<std::string>> golden_lines(const std::string& name) {
  std::ifstream file(std::string(ISOBAR_SOURCE_DIR) + "/src/features/featurizer/golden/" + name);
  CHECK(file.good(), name);
  std::vector<std::vector<std::string>> lines;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with('#')) continue;
    std::istringstream words(line);
    lines.emplace_back();
    for (std::string word; words >> word;) lines.back().push_back(word);
  }
  return lines;
}

inline std::vector<double> numbers(const std::vector<std::string>& words, std::size_t from = 0) {
  std::vector<double> values;
  for (std::size_t i = from; i < words.size(); ++i) values.push_back(std::stod(words[i]));
  return values;
}

struct GoldenSeries {
  int period = 0;
  std::vector<double> values;
};

inline std::map<std::string, GoldenSeries> golden_series() {
  std::map<std::string, GoldenSeries> all;
  for (const auto& line : golden_lines("series.txt")) all[line[0]] = {std::stoi(line[1]), numbers(line, 2)};
  return all;
}

}  // namespace isobar::features
