#pragma once

/// What a terminal shows of a campaign.

#include "fuzz/campaign.h"
#include "fuzz/sites.h"

namespace isobar::fuzz {

/// Several lines, without colours: numbers of the whole, then a row for each goal.
/// width   columns; longer rows are cut
std::string status_screen(const Progress& progress, const TargetShape& shape, const SiteTable& sites, std::string_view target, int width);
/// One line, for logs.
std::string status_line(const Progress& progress);
/// 1,234,567 and 12.3 k: for people.
std::string grouped(std::uint64_t number);

}  // namespace isobar::fuzz
