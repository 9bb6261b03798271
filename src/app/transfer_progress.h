#pragma once

// How a copy goes, on one line that is written over and over; nothing where nobody watches.

#include <string>

#include "console.h"
#include "transfer/copy_driver.h"
#include "transfer/overlay_network.h"

namespace isobar::app {

class ProgressLine {
 public:
  ProgressLine(const Console& console, bool quiet);
  ~ProgressLine();
  void update(const transfer::CopyCore::Totals& totals, bool listing_ended, const std::vector<transfer::OverlayEdge>& edges);
  /// Before anything else is printed.
  void clear();
  double seconds() const;

 private:
  bool shown_, drawn_ = false;
  Instant began_, last_;
  double rate_ = 0;
  std::uint64_t last_bytes_ = 0;
};

}  // namespace isobar::app
