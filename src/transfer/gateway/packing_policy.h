#pragma once

// Which chunks are packed, by what, and which go as they are. Pure.
//
// Packing pays when the bytes that it saves would have taken the network longer than packing takes. Nobody knows the network's rate
// beforehand, but it tells when it has nothing to send. So a chunk is packed while it waits anyway; when the network is hungry though
// every packer is busy, the oldest chunk that waits for a packer goes raw, and for a while the rest is packed by lz4, which is twice as
// fast and saves less. Bytes that do not shrink (media, archives, columns that are compressed already) are found out by a sample.

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"
#include "compressor.h"
#include "transfer/chunk_compression.h"

namespace isobar::transfer {

// Smaller chunks are not packed: they save less than one packet.
constexpr std::uint64_t kPackedLeast = 4 << 10;

// A few slices of the chunk, one after another: a sixteenth of it, and 64 KiB at most.
// raw   kPackedLeast bytes or more
std::string sample_of(std::string_view raw);
// Whether a chunk is worth packing whose sample has become so small.
constexpr bool shrinks(std::uint64_t sample_bytes, std::uint64_t packed_bytes) { return packed_bytes * 10 <= sample_bytes * 9; }
// What a packed chunk may take at most; else it goes raw, and the sink is spared the unpacking.
constexpr std::uint64_t packed_bytes_most(std::uint64_t raw_bytes) { return raw_bytes - raw_bytes / 20; }

class PackingPolicy {
 public:
  // packers         threads that pack
  // raw_bytes_most  of a chunk: sinks do not unpack larger ones
  PackingPolicy(Compression choice, std::size_t packers, std::uint64_t raw_bytes_most);

  // Whether the chunk is to be tried at all.
  bool tries(std::uint64_t raw_bytes) const;
  // What samples are packed by.
  Codec for_samples() const;

  // A chunk that waits for a packer.
  void add(std::uint64_t serial, std::uint64_t raw_bytes, Instant now);
  // It is not to be packed any more, if it waits still.
  void remove(std::uint64_t serial);
  struct Order {
    std::uint64_t serial = 0;
    Codec codec = Codec::kZstd;
  };
  // What a free packer does next; it is busy then until `packed`.
  std::optional<Order> next_to_pack();
  void packed();
  // The network is hungry: the chunk that is not to wait for a packer any longer.
  std::optional<std::uint64_t> next_to_send_raw(Instant now);
  bool empty() const { return waiting_.empty(); }

 private:
  struct Waiting {
    std::uint64_t serial = 0, raw_bytes = 0;
    Instant since;
  };
  Codec next_codec();

  Compression choice_;
  std::size_t free_;
  std::uint64_t raw_bytes_most_;
  std::deque<Waiting> waiting_;
  int behind_ = 0;  // chunks that are still to be packed in haste
};

}  // namespace isobar::transfer
