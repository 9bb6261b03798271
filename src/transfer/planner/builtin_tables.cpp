#include "builtin_tables.h"

#define ISOBAR_TABLE(name, file)                                                                                                      \
  __asm__(                                                                                                                            \
      ".pushsection .rodata\n"                                                                                                        \
      ".global isobar_transfer_" #name                                                                                                \
      "_begin\n"                                                                                                                      \
      ".hidden isobar_transfer_" #name                                                                                                \
      "_begin\n"                                                                                                                      \
      "isobar_transfer_" #name                                                                                                        \
      "_begin:\n"                                                                                                                     \
      ".incbin \"" ISOBAR_TRANSFER_TABLES "/" file                                                                                    \
      "\"\n"                                                                                                                          \
      ".global isobar_transfer_" #name                                                                                                \
      "_end\n"                                                                                                                        \
      ".hidden isobar_transfer_" #name                                                                                                \
      "_end\n"                                                                                                                        \
      "isobar_transfer_" #name                                                                                                        \
      "_end:\n"                                                                                                                       \
      ".popsection\n");                                                                                                               \
  extern "C" const char isobar_transfer_##name##_begin[], isobar_transfer_##name##_end[];                                             \
  static std::string_view name##_table() {                                                                                            \
    return {isobar_transfer_##name##_begin, static_cast<std::size_t>(isobar_transfer_##name##_end - isobar_transfer_##name##_begin)}; \
  }

ISOBAR_TABLE(regions, "regions.csv")
ISOBAR_TABLE(egress, "egress.csv")
ISOBAR_TABLE(vms, "vms.csv")
ISOBAR_TABLE(requests, "requests.csv")
ISOBAR_TABLE(land, "land.csv")
ISOBAR_TABLE(throughput_2022_01, "throughput-2022-01.csv")
ISOBAR_TABLE(throughput_2022_01_standard, "throughput-2022-01-standard.csv")
ISOBAR_TABLE(throughput_2022_11, "throughput-2022-11.csv")
ISOBAR_TABLE(rtt_2022, "rtt-2022.csv")

namespace isobar::transfer {

BuiltinTables builtin_tables() {
  return {regions_table(),
          egress_table(),
          vms_table(),
          requests_table(),
          land_table(),
          throughput_2022_01_table(),
          throughput_2022_01_standard_table(),
          throughput_2022_11_table(),
          rtt_2022_table()};
}

}  // namespace isobar::transfer
