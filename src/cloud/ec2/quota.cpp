#include "quota.h"

#include <algorithm>
#include <array>

namespace isobar::cloud::ec2 {

namespace {

struct Row {
  std::string_view families;  // divided by blanks: the letters before the first digit
  Quota on_demand, spot;
};

// The first row that names the family decides; an entry with a digit is one generation of it.
constexpr std::array kRows = {
    Row{"a c d h i is im m r t z",
        {"L-1216C47A", "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances"},
        {"L-34B43A08", "All Standard (A, C, D, H, I, M, R, T, Z) Spot Instance Requests"}},
    Row{"p5", {"L-417A185B", "Running On-Demand P instances"}, {"L-C4BD4855", "All P5 Spot Instance Requests"}},
    Row{"p2 p3 p4", {"L-417A185B", "Running On-Demand P instances"}, {"L-7212CCBC", "All P4, P3 and P2 Spot Instance Requests"}},
    Row{"p", {"L-417A185B", "Running On-Demand P instances"}, {}},
    Row{"g gr vt", {"L-DB2E81BA", "Running On-Demand G and VT instances"}, {"L-3819A6DF", "All G and VT Spot Instance Requests"}},
    Row{"f", {"L-74FC7D96", "Running On-Demand F instances"}, {"L-88CF9481", "All F Spot Instance Requests"}},
    Row{"x", {"L-7295265B", "Running On-Demand X instances"}, {"L-E3A00192", "All X Spot Instance Requests"}},
    Row{"inf", {"L-1945791B", "Running On-Demand Inf instances"}, {"L-B5D1601B", "All Inf Spot Instance Requests"}},
    Row{"trn", {"L-2C3B7624", "Running On-Demand Trn instances"}, {"L-6B0D517C", "All Trn Spot Instance Requests"}},
    Row{"dl", {"L-6E869C2A", "Running On-Demand DL instances"}, {"L-85EED4F7", "All DL Spot Instance Requests"}},
};

bool names(std::string_view families, std::string_view family) {
  for (std::size_t from = 0; from <= families.size();) {
    const auto end = std::min(families.find(' ', from), families.size());
    if (families.substr(from, end - from) == family) return true;
    from = end + 1;
  }
  return false;
}

}  // namespace

std::optional<Quota> find_quota(std::string_view instance_type, bool spot) {
  const auto letters = instance_type.find_first_of("0123456789");
  if (letters == instance_type.npos || letters == 0 || instance_type.find('.') == instance_type.npos) return std::nullopt;
  const auto family = instance_type.substr(0, letters), generation = instance_type.substr(0, letters + 1);
  for (const Row& row : kRows)
    if (names(row.families, family) || names(row.families, generation)) {
      const Quota& quota = spot ? row.spot : row.on_demand;
      return quota.code.empty() ? std::nullopt : std::optional(quota);
    }
  return std::nullopt;
}

}  // namespace isobar::cloud::ec2
