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

#include "base/time.h"
#include "compression/sample.h"
#include "transfer/chunk_compression.h"

namespace isobar::transfer {

using compression::Codec;
using compression::kPackedLeast;
using compression::packed_bytes_most;

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
