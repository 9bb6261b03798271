#pragma once

// `isobar check SRC DST`: whether two places hold the same.

#include <string>
#include <vector>

#include "transfer_ends.h"

namespace isobar::app {

struct CheckOptions {
  std::vector<std::string> places;  ///< SRC and DST; empty: the clouds are checked instead
  StoreOptions stores;
  bool download = false, one_way = false;
};

void add_check_options(CLI::App& command, CheckOptions& options);
int check_places(Context& context, const CheckOptions& options, const std::string& output);

}  // namespace isobar::app
