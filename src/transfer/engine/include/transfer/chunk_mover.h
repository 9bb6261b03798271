#pragma once

/// Who has the bytes of a job's chunks in hand: this process, or gateways that it only tells what to do. The core does not know the
/// difference; its chunks are read once, put to each target, and let go.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "storage/store.h"
#include "transfer/copy_core.h"

namespace isobar::transfer {

/// Called on the job's thread; `done` is called once, from any thread that must not be blocked.
class ChunkMover {
 public:
  virtual ~ChunkMover() = default;
  using ReadDone = std::function<void(Result<storage::Got> got, std::uint32_t crc32c)>;
  /// Errors   as Store::get
  virtual void read(ChunkId chunk, ReadChunk what, ReadDone done) = 0;
  /// The read, which has not been answered yet, lags: try to have its answer another way as well. `done` of the read is called once.
  virtual void read_again(ChunkId /*chunk*/) {}
  virtual void put(ChunkId chunk, std::size_t target, std::string key, storage::Properties properties, std::uint32_t crc32c,
                   storage::Done<storage::PutReceipt> done) = 0;
  virtual void put_part(ChunkId chunk, std::size_t target, storage::Upload upload, int number, std::uint64_t offset, std::uint32_t crc32c,
                        storage::Done<storage::Part> done) = 0;
  /// The chunk is needed no more.
  virtual void release(ChunkId chunk) = 0;
  /// After all that a batch of the job's events led to: what was asked for is to be done now. What goes to several targets can go
  /// there together, and many small chunks with one call.
  virtual void flush() {}
};

/// Moves chunks through this process's memory.
/// bytes_most   of memory that is kept for the next chunks
std::unique_ptr<ChunkMover> make_direct_mover(std::shared_ptr<storage::Store> source, std::vector<std::shared_ptr<storage::Store>> targets,
                                              std::uint64_t bytes_most);

}  // namespace isobar::transfer
