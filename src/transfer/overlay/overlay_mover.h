#pragma once

// Moves chunks by telling gateways to. A chunk is read by a gateway of the source region and stays in its memory until every target
// has it; when that gateway dies, the next that is asked reads it again.

#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <unordered_map>

#include "transfer/chunk_mover.h"
#include "transfer/gateway_fleet.h"

namespace isobar::transfer {

class OverlayMover final : public ChunkMover {
 public:
  // discards   chunks are verified at the targets and written nowhere
  explicit OverlayMover(bool discards = false) : discards_(discards) {}
  // Before the first chunk; the fleet must outlive it.
  void use(GatewayFleet& fleet) { fleet_ = &fleet; }

  void read(ChunkId chunk, ReadChunk what, ReadDone done) override;
  void put(ChunkId chunk, std::size_t target, std::string key, storage::Properties properties, std::uint32_t crc32c,
           storage::Done<storage::PutReceipt> done) override;
  void put_part(ChunkId chunk, std::size_t target, storage::Upload upload, int number, std::uint64_t offset, std::uint32_t crc32c,
                storage::Done<storage::Part> done) override;
  void release(ChunkId chunk) override;
  void flush() override;

  // What the fleet tells.
  void read_done(std::uint64_t serial, Result<storage::Got> got, std::uint32_t crc32c, const std::string& gateway);
  void verdict(std::uint64_t serial, std::size_t target, const ChunkReceipt& receipt);
  void undelivered(std::uint64_t serial, std::uint64_t targets, const Error& why);
  void died(const std::string& gateway, const Error& why);

 private:
  struct Put {
    ChunkWrite write;
    storage::Done<storage::PutReceipt> whole_done;
    storage::Done<storage::Part> part_done;
    bool told = false;  // the gateway knows of it
  };
  struct Chunk {
    ReadChunk what;
    std::string gateway;  // that has it, or is reading it; empty: none
    bool there = false;   // it has been read
    ReadDone read_done;   // while the job waits for it
    std::uint32_t crc32c = 0;
    storage::Properties properties;
    std::map<std::size_t, Put> puts;
  };
  // What is to be called when the lock is let go.
  using Calls = std::vector<std::function<void()>>;

  void add_put(ChunkId id, std::size_t target, Put put, std::uint32_t crc32c);
  bool begin_read(std::uint64_t serial, Chunk& chunk);
  void tell(std::uint64_t serial, Chunk& chunk, Calls& calls);
  static void end_put(Put& put, const Result<storage::PutReceipt>& whole, const Result<storage::Part>& part, Calls& calls);
  static void fail_put(Put& put, const Error& why, Calls& calls) { end_put(put, why, why, calls); }
  void fail_all(Chunk& chunk, const Error& why, Calls& calls);
  static void run(Calls& calls);

  const bool discards_;
  GatewayFleet* fleet_ = nullptr;
  std::mutex mutex_;
  std::unordered_map<std::uint64_t, Chunk> chunks_;
  std::map<std::string, std::uint64_t> held_;  // bytes by gateway
  std::vector<std::uint64_t> untold_;          // chunks with puts that no gateway knows of
  std::set<std::string> spoken_to_;            // gateways with orders that are not flushed
};

}  // namespace isobar::transfer
