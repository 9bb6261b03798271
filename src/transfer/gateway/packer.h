#pragma once

// A source's packer: chunks in, chunks that may go out. The policy decides, threads pack; all that is told is told on the loop.

#include <functional>
#include <memory>
#include <string_view>
#include <unordered_map>

#include "packing_policy.h"
#include "packing_threads.h"

namespace isobar::transfer {

// Bytes of a chunk as they are in memory; whoever holds them keeps them there.
struct ChunkBytes {
  std::shared_ptr<char[]> memory;
  std::uint64_t bytes = 0;
  std::string_view view() const { return {memory.get(), bytes}; }
};

struct PackedChunk {
  Codec codec = Codec::kNone;
  ChunkBytes bytes;
};

// Belongs to one thread, the loop's.
class Packer {
 public:
  // Runs work on the loop's thread. Safe from any thread; must work as long as the packer lives.
  using Post = std::function<void(std::function<void()>)>;
  using Ready = std::function<void(std::uint64_t serial, PackedChunk chunk)>;

  // hungry  whether the network has soon nothing to send
  // ready   once for each chunk that was taken and not withdrawn, never out of a call to the packer
  Packer(Compression choice, std::uint64_t raw_bytes_most, std::size_t packers, Post post, std::function<bool()> hungry, Ready ready);

  // False: it is not worth packing; let it go as it is.  Cost   a chunk's sample is packed at once, 0.2 ms at most
  bool take(std::uint64_t serial, const ChunkBytes& raw, Instant now);
  void withdraw(std::uint64_t serial);
  // A chunk that is to go raw now, because the network is hungry. It is not told again.
  std::optional<std::uint64_t> take_raw(Instant now);

 private:
  struct Job {
    std::uint64_t number = 0;  // serials may come again
    ChunkBytes raw;
  };
  void begin_next();
  void packed(std::uint64_t serial, std::uint64_t number, PackedChunk chunk);

  PackingPolicy policy_;
  Post post_;
  std::function<bool()> hungry_;
  Ready ready_;
  Compressor sampler_;
  std::unordered_map<std::uint64_t, Job> jobs_;
  std::uint64_t last_number_ = 0;
  PackingThreads threads_;  // last: they call into the rest
};

}  // namespace isobar::transfer
