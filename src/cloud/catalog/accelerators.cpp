#include "accelerators.h"

#include <array>
#include <charconv>
#include <utility>

#include "base/text.h"

namespace isobar::cloud {

namespace {

constexpr std::array<std::pair<std::string_view, double>, 62> kMemoryGib = {{
    {"A10", 24},           {"A10G", 24},       {"A100", 40},        {"A100-80GB", 80},
    {"A100-80GB-SXM", 80}, {"A16", 16},        {"A30", 24},         {"A40", 48},
    {"A4000", 16},         {"A4500", 20},      {"A5000", 24},       {"A6000", 48},
    {"B200", 180},         {"B300", 288},      {"GB200", 186},      {"GH200", 96},
    {"H100", 80},          {"H100-MEGA", 80},  {"H100-NVL", 94},    {"H100-SXM", 80},
    {"H200", 141},         {"H200-SXM", 141},  {"K80", 12},         {"L4", 24},
    {"L40", 48},           {"L40S", 48},       {"M4000", 8},        {"M60", 8},
    {"MI300X", 192},       {"P100", 16},       {"P4", 8},           {"P4000", 8},
    {"P5000", 16},         {"P6000", 24},      {"RTX3060", 12},     {"RTX3070", 8},
    {"RTX3080", 10},       {"RTX3090", 24},    {"RTX4000", 8},      {"RTX4000-Ada", 20},
    {"RTX4090", 24},       {"RTX5000", 16},    {"RTX5090", 32},     {"RTX6000", 24},
    {"RTX6000-Ada", 48},   {"RTXA4000", 16},   {"RTXA4500", 20},    {"RTXA5000", 24},
    {"RTXA6000", 48},      {"RTXPRO6000", 96}, {"T4", 16},          {"T4g", 16},
    {"V100", 16},          {"V100-32GB", 32},  {"Radeon MI25", 16}, {"Radeon Pro V520", 8},
    {"Gaudi HL-205", 32},  {"Inferentia", 8},  {"Inferentia2", 32}, {"Trainium", 32},
    {"Trainium2", 96},     {"MI325X", 256},
}};

}  // namespace

double known_memory_gib(std::string_view accelerator) {
  for (const auto& [name, memory] : kMemoryGib)
    if (name == accelerator) return memory;
  return 0;
}

double claimed_memory_gib(std::string_view gpu_info) {
  const std::string lower = to_lower(gpu_info);
  const auto key = lower.find("'sizeinmib'");
  if (key == std::string::npos) return 0;
  const auto digits = lower.find_first_of("0123456789", key);
  if (digits == std::string::npos) return 0;
  double mib = 0;
  const auto end = std::from_chars(lower.data() + digits, lower.data() + lower.size(), mib);
  if (end.ec != std::errc() || mib <= 0 || mib > 1 << 24) return 0;
  // No accelerator has under 1 GiB: such a number counts GiB already.
  return mib < 1024 ? mib : mib / 1024;
}

bool is_tpu(std::string_view accelerator) { return accelerator.starts_with("tpu-"); }

}  // namespace isobar::cloud
