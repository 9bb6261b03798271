#include "cloud/gpu_names.h"

#include <algorithm>
#include <array>
#include <vector>

#include "base/text.h"

namespace isobar::cloud {

namespace {

struct Model {
  std::string_view model, memory, name;  // the type's words hold the model and, where given, the memory
};

// Of two rows for a model, the one that names a memory comes first.
constexpr std::array kModels = {Model{"a100", "80gb", "A100-80GB"},
                                Model{"v100", "32gb", "V100-32GB"},
                                Model{"v100s", "", "V100-32GB"},
                                Model{"gb200", "", "GB200"},
                                Model{"b300", "", "B300"},
                                Model{"b200", "", "B200"},
                                Model{"h200", "", "H200"},
                                Model{"h100", "", "H100"},
                                Model{"a100", "", "A100"},
                                Model{"v100", "", "V100"},
                                Model{"p100", "", "P100"},
                                Model{"mi300x", "", "MI300X"},
                                Model{"l40s", "", "L40S"},
                                Model{"l4", "", "L4"},
                                Model{"a40", "", "A40"},
                                Model{"a10g", "", "A10G"},
                                Model{"a10", "", "A10"},
                                Model{"t4", "", "T4"},
                                Model{"p4", "", "P4"},
                                Model{"m60", "", "M60"},
                                Model{"rtx6000", "ada", "RTX6000-Ada"},
                                Model{"rtx6000", "", "RTX6000"},
                                Model{"rtx5090", "", "RTX5090"},
                                Model{"rtx4090", "", "RTX4090"},
                                Model{"rtx3090", "", "RTX3090"},
                                Model{"rtx3080", "", "RTX3080"},
                                Model{"rtxa4000", "", "RTXA4000"},
                                Model{"rtxa6000", "", "RTXA6000"},
                                Model{"rtxa5000", "", "RTXA5000"}};

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words{""};
  for (const char c : text) {
    if (c == '_' || c == '-' || c == ' ') words.emplace_back();
    else words.back() += c;
  }
  return words;
}

/// "1g.5gb": the profile of a slice.
bool is_slice(std::string_view word) {
  const auto g = word.find("g.");
  return g != std::string_view::npos && g > 0 && word[0] >= '0' && word[0] <= '9';
}

}  // namespace

std::string accelerator_name(std::string_view model, const GpuNames& names) {
  const std::string lower = to_lower(model);
  for (const auto& [type, name] : names)
    if (to_lower(type) == lower) return name;
  if (lower.empty()) return "GPU";
  const auto words = words_of(lower);
  const auto holds = [&](std::string_view word) { return word.empty() || std::find(words.begin(), words.end(), word) != words.end(); };
  if (std::none_of(words.begin(), words.end(), is_slice))
    for (const Model& known : kModels)
      if (holds(known.model) && holds(known.memory)) return std::string(known.name);
  std::string upper = lower;
  std::transform(upper.begin(), upper.end(), upper.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
  return upper;
}

}  // namespace isobar::cloud
