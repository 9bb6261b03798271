#include "builtin_scenarios.h"

#define ISOBAR_SCENARIO(name, file)                                                                                                   \
  __asm__(                                                                                                                            \
      ".pushsection .rodata\n"                                                                                                        \
      ".global isobar_scenario_" #name                                                                                                \
      "_begin\n"                                                                                                                      \
      ".hidden isobar_scenario_" #name                                                                                                \
      "_begin\n"                                                                                                                      \
      "isobar_scenario_" #name                                                                                                        \
      "_begin:\n"                                                                                                                     \
      ".incbin \"" ISOBAR_SCENARIOS "/" file                                                                                          \
      "\"\n"                                                                                                                          \
      ".global isobar_scenario_" #name                                                                                                \
      "_end\n"                                                                                                                        \
      ".hidden isobar_scenario_" #name                                                                                                \
      "_end\n"                                                                                                                        \
      "isobar_scenario_" #name                                                                                                        \
      "_end:\n"                                                                                                                       \
      ".popsection\n");                                                                                                               \
  extern "C" const char isobar_scenario_##name##_begin[], isobar_scenario_##name##_end[];                                             \
  static std::string_view name##_scenario() {                                                                                         \
    return {isobar_scenario_##name##_begin, static_cast<std::size_t>(isobar_scenario_##name##_end - isobar_scenario_##name##_begin)}; \
  }

ISOBAR_SCENARIO(triangle, "triangle.yaml")
ISOBAR_SCENARIO(wan, "wan.yaml")
ISOBAR_SCENARIO(multicast, "multicast.yaml")
ISOBAR_SCENARIO(lossy, "lossy.yaml")
ISOBAR_SCENARIO(relay_killed, "relay-killed.yaml")
ISOBAR_SCENARIO(edge_cut, "edge-cut.yaml")

namespace isobar::transfer {

std::map<std::string_view, std::string_view> builtin_scenarios() {
  return {{"triangle", triangle_scenario()},         {"wan", wan_scenario()},
          {"multicast", multicast_scenario()},       {"lossy", lossy_scenario()},
          {"relay-killed", relay_killed_scenario()}, {"edge-cut", edge_cut_scenario()}};
}

}  // namespace isobar::transfer
