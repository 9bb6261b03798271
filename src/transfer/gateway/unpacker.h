#pragma once

// A sink's unpacker. What a link's window bounds is packed; what comes out of it takes room of another pool, first come first served,
// and gives it back when the last store is done with it. So a sink holds no more than its windows and this pool, whatever its sources
// send; and as room is only waited for by chunks that hold none of it, there is no deadlock.

#include <deque>
#include <functional>

#include "packer.h"

namespace isobar::transfer {

// Room in bytes, in order. Pure.
class UnpackRoom {
 public:
  explicit UnpackRoom(std::uint64_t bytes) : all_(bytes) {}
  void add(std::uint64_t bytes) { waiting_.push_back(bytes); }
  // Whether the oldest that waits gets its room now; it then has it. One that is larger than all of it gets it alone.
  bool take_next() {
    if (waiting_.empty() || (taken_ > 0 && taken_ + waiting_.front() > all_)) return false;
    taken_ += waiting_.front();
    waiting_.pop_front();
    return true;
  }
  void give_back(std::uint64_t bytes) { taken_ -= bytes; }
  std::uint64_t taken() const { return taken_; }

 private:
  std::uint64_t all_, taken_ = 0;
  std::deque<std::uint64_t> waiting_;
};

// Belongs to one thread, the loop's.
class Unpacker {
 public:
  using Post = Packer::Post;
  using Done = std::function<void(Result<ChunkBytes>)>;

  // room_bytes       of all that is unpacked at a time
  // raw_bytes_most   of a chunk
  Unpacker(std::uint64_t room_bytes, std::uint64_t raw_bytes_most, std::size_t threads, Post post)
      : room_(room_bytes), raw_bytes_most_(raw_bytes_most), post_(std::move(post)), threads_(threads) {}

  // done   on the loop, never out of this call. The bytes must be let go before the unpacker ends, on whatever thread.
  //        kDataLoss: it is not what it was said to be
  void take(PackedChunk chunk, std::uint64_t raw_bytes, std::uint32_t crc32c, Done done);
  std::uint64_t taken() const { return room_.taken(); }

 private:
  struct Job {
    PackedChunk chunk;
    std::uint64_t raw_bytes = 0;
    std::uint32_t crc32c = 0;
    Done done;
  };
  void begin_next();
  ChunkBytes memory_of(std::uint64_t bytes);

  UnpackRoom room_;
  std::uint64_t raw_bytes_most_;
  Post post_;
  std::deque<Job> waiting_;  // as room_ has them
  PackingThreads threads_;   // last: they call into the rest
};

}  // namespace isobar::transfer
