#pragma once

/// The tables of catalog/transfer as they lie in the program's file: nothing is read until a page of them is touched.

#include <string_view>

namespace isobar::transfer {

struct BuiltinTables {
  std::string_view regions, egress, vms, requests, land;
  std::string_view throughput_2022_01, throughput_2022_01_standard, throughput_2022_11, rtt_2022;
};

BuiltinTables builtin_tables();

}  // namespace isobar::transfer
