#include "frame.h"

#include <algorithm>
#include <cstring>

namespace isobar::transfer {

namespace {

constexpr std::size_t kIpHeaderLeast = 20, kTcpHeaderLeast = 20, kUdpHeader = 8;
constexpr unsigned kTcp = 6, kUdp = 17;

unsigned byte_at(std::span<const std::byte> bytes, std::size_t at) { return std::to_integer<unsigned>(bytes[at]); }

/// Bytes of the packet's IP and transport headers; the whole packet where they cannot be told.
std::size_t header_bytes(std::span<const std::byte> packet) {
  if (packet.size() < kIpHeaderLeast || byte_at(packet, 0) >> 4 != 4) return packet.size();
  const std::size_t ip = (byte_at(packet, 0) & 0xf) * 4;
  const unsigned protocol = byte_at(packet, 9);
  std::size_t transport = 0;
  if (protocol == kTcp && packet.size() >= ip + kTcpHeaderLeast) transport = (byte_at(packet, ip + 12) >> 4) * 4;
  if (protocol == kUdp) transport = kUdpHeader;
  return std::min(ip + transport, packet.size());
}

}  // namespace

FrameSize measure_frame(std::span<const std::byte> frame) {
  VnetHeader header;
  const std::size_t in_front = std::min(frame.size(), sizeof header);
  if (in_front != 0) std::memcpy(&header, frame.data(), in_front);
  const auto packet = frame.subspan(in_front);
  const std::size_t headers = header_bytes(packet), payload = packet.size() - headers;
  const std::size_t segment = header.segment_size == 0 ? payload : header.segment_size;
  const std::size_t segments = payload == 0 ? 1 : (payload + segment - 1) / segment;
  return {static_cast<std::uint32_t>(payload + segments * headers), static_cast<std::uint32_t>(payload),
          static_cast<std::uint32_t>(segments)};
}

}  // namespace isobar::transfer
