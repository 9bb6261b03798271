#pragma once

/// One cloud's price list as text, turned into offers. The published lists differ in the order of their columns, in how
/// they write numbers and in what they leave out; docs/formats/price-list.md states what is read and why rows drop.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cloud/offer.h"

namespace isobar::cloud {

struct PriceList {
  std::vector<Offer> offers;
  std::size_t rows = 0;                        ///< records read, without the header
  std::map<std::string, std::size_t> dropped;  ///< reason → rows (or offers, for hosts and add-ons)
  std::vector<std::string> ignored_columns;
};

/// cloud    "aws"; decides which of the traps apply
/// name     the file, for messages
/// Errors   kInvalidArgument with file:line:column and the mend: malformed CSV, a missing column, a cell that is not a number
/// Cost     O(bytes). Pure.
Result<PriceList> read_price_list(std::string_view text, std::string_view cloud, std::string_view name);

/// Makes GCP's offers whole. GCP prices a GPU apart from the machine it is put in; whoever rents pays both.
/// hosts     machines without a GPU; those that are only ever sold with one are moved out or dropped
/// add_ons   GPUs with an empty instance type, priced by zone
/// dropped   counts what could not be priced whole, by reason
std::vector<Offer> combine_gcp_hosts(std::vector<Offer> hosts, const std::vector<Offer>& add_ons,
                                     std::map<std::string, std::size_t>& dropped);

}  // namespace isobar::cloud
