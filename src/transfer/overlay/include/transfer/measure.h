#pragma once

/// How fast an overlay is, by chunks that its source makes up and its targets verify and throw away.

#include "transfer/overlay_network.h"

namespace isobar::transfer {

struct MeasureRequest {
  std::uint64_t bytes = 1 << 30;          ///< to send in all
  Duration most = std::chrono::hours(1);  ///< no new chunk after so long
  std::uint64_t chunk_bytes = 8 << 20;
  std::uint64_t bytes_under_way = 256 << 20;
  std::size_t chunks_under_way = 8192;
};

struct Measured {
  std::uint64_t bytes = 0, chunks = 0;  ///< that every target has verified
  double seconds = 0;                   ///< from the first order to the last receipt
  double mbit_per_second() const { return seconds > 0 ? static_cast<double>(bytes) * 8 / seconds / 1e6 : 0; }
};

/// network   started with OverlayRequest::made_up.  targets  how many it has
/// watch     called some times a second with what has arrived so far
/// Errors    what kept a chunk from arriving, tried as often as gateways do
Result<Measured> measure(OverlayNetwork& network, std::size_t targets, const MeasureRequest& request,
                         const std::function<void(const Measured&)>& watch = nullptr);

}  // namespace isobar::transfer
