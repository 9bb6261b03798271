#include "sql/time_zone.h"

namespace isobar::sql {
namespace {

struct Abbreviation {
  std::string_view name;
  std::int32_t minutes;  // east
};
/// The abbreviations that stand for one offset wherever they are used, as PostgreSQL's default set has them.
constexpr Abbreviation kAbbreviations[] = {
    {"z", 0},       {"zulu", 0},    {"ut", 0},     {"utc", 0},    {"gmt", 0},    {"wet", 0},    {"west", 60},  {"cet", 60},   {"cest", 120},
    {"met", 60},    {"mest", 120},  {"bst", 60},   {"eet", 120},  {"eest", 180}, {"msk", 180},  {"msd", 240},  {"ist", 120},  {"idt", 180},
    {"sast", 120},  {"est", -300},  {"edt", -240}, {"cst", -360}, {"cdt", -300}, {"mst", -420}, {"mdt", -360}, {"pst", -480}, {"pdt", -420},
    {"akst", -540}, {"akdt", -480}, {"hst", -600}, {"ast", -240}, {"adt", -180}, {"nst", -210}, {"ndt", -150}, {"jst", 540},  {"kst", 540},
    {"hkt", 480},   {"pht", 480},   {"aest", 600}, {"aedt", 660}, {"acst", 570}, {"acdt", 630}, {"awst", 480}, {"nzst", 720}, {"nzdt", 780},
};

}  // namespace

std::optional<std::int32_t> TimeZone::offset_of_abbreviation(std::string_view name) {
  for (const auto& abbreviation : kAbbreviations)
    if (abbreviation.name == name) return abbreviation.minutes * 60;
  return std::nullopt;
}

}  // namespace isobar::sql
