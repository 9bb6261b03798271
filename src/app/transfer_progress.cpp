#include "transfer_progress.h"

#include "base/bytes.h"

#include <fmt/format.h>
#include <unistd.h>

namespace isobar::app {

ProgressLine::ProgressLine(const Console&, bool quiet)
    : shown_(!quiet && ::isatty(STDERR_FILENO) != 0), began_(SystemClock().now()), last_(began_) {}

ProgressLine::~ProgressLine() { clear(); }

double ProgressLine::seconds() const { return to_seconds(SystemClock().now() - began_); }

void ProgressLine::update(const transfer::CopyCore::Totals& totals, bool listing_ended, const std::vector<transfer::OverlayEdge>& edges) {
  if (!shown_) return;
  const Instant now = SystemClock().now();
  const double span = to_seconds(now - last_);
  if (span > 0) {
    // Smoothed over some seconds, so that it can be read.
    const double current = static_cast<double>(totals.bytes_done - std::min(last_bytes_, totals.bytes_done)) / span;
    rate_ = rate_ == 0 ? current : 0.8 * rate_ + 0.2 * current;
  }
  last_ = now;
  last_bytes_ = totals.bytes_done;
  std::string left;
  if (listing_ended && rate_ > 0 && totals.bytes_listed > totals.bytes_done)
    left = ", " + format_duration(from_seconds(static_cast<double>(totals.bytes_listed - totals.bytes_done) / rate_)) + " left";
  std::string line = fmt::format("{} of {}{}, {} of {} objects, {}/s{}", format_bytes({totals.bytes_done}),
                                 format_bytes({totals.bytes_listed}), listing_ended ? "" : " so far", totals.objects_done,
                                 totals.objects_listed, format_bytes({static_cast<std::uint64_t>(rate_)}), left);
  for (const auto& edge : edges)
    line += fmt::format(" | {} > {} {}{}", edge.from, edge.to, format_bytes({edge.bytes}), edge.up ? "" : " (down)");
  const std::string drawn = "\r\x1b[K" + line;
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, drawn.data(), drawn.size());
  drawn_ = true;
}

void ProgressLine::clear() {
  if (std::exchange(drawn_, false)) [[maybe_unused]]
    const auto written = ::write(STDERR_FILENO, "\r\x1b[K", 4);
}

}  // namespace isobar::app
