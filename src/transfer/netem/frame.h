#pragma once

/// What a frame of a TUN device holds, as far as a link needs to know: how long it is on a wire, and of how many segments.
///
/// The kernel hands over TCP data in frames of up to 64 KiB, to be cut into segments where the wire begins; the header in front
/// says of what size. A link counts and loses segments, for that is what a wire would carry.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace isobar::transfer {

/// virtio_net_hdr of the kernel, whose own header C++ cannot read (a field is called `class`). Native byte order.
struct VnetHeader {
  std::uint8_t flags = 0, gso_type = 0;
  std::uint16_t header_length = 0;  ///< a hint, not to be relied on
  std::uint16_t segment_size = 0;   ///< payload bytes of each segment but the last; 0 where there is only one
  std::uint16_t checksum_start = 0, checksum_offset = 0;
};
static_assert(sizeof(VnetHeader) == 10);

/// A VnetHeader and the IP packet behind it.
using Frame = std::vector<std::byte>;

struct FrameSize {
  std::uint32_t wire_bytes = 0;  ///< of all segments, with the IP and TCP headers of each
  std::uint32_t payload_bytes = 0;
  std::uint32_t segments = 1;
};

/// Pure, and total: what is cut short or no IPv4 counts as one segment of headers alone.
FrameSize measure_frame(std::span<const std::byte> frame);

}  // namespace isobar::transfer
