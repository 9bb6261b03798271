#pragma once

// One read of a chunk, from a store into memory; and, when it lags, the same once more in small pieces over other connections, of which
// each is there sooner than the rest of a slow one. Whichever is whole first is the answer.

#include <functional>
#include <memory>
#include <vector>

#include "base/mutex.h"
#include "buffer_pool.h"
#include "storage/store.h"
#include "transfer/chunk_mover.h"

namespace isobar::transfer {

/// What it reads into stays as long as any of its calls is under way: of two ways the slower may end after the job.
class ChunkRead : public std::enable_shared_from_this<ChunkRead> {
 public:
  ChunkRead(ReadChunk what, BufferPool::Buffer buffer, ChunkMover::ReadDone done);
  void start(storage::Store& source);
  /// source   kept, too, and let go on the thread that brings the last piece: one that owns its threads (files) must not be read twice
  void start_again(std::shared_ptr<storage::Store> source);

  /// After the answer.
  std::string_view bytes() const;
  /// The memory, if nothing is under way that may still write to it.
  BufferPool::Buffer take_buffer();

 private:
  enum class Way { kWhole, kPieces };
  void got_whole(Result<storage::Got> got);
  void got_piece(std::size_t piece, Result<storage::Got> got);
  // One way has ended. True: this is the answer.
  bool ended(Way way, bool good);
  void answer(Result<storage::Got> got, const char* memory);

  const ReadChunk what_;
  std::shared_ptr<storage::Store> source_;  // of a read that was started again
  BufferPool::Buffer buffer_;
  ChunkMover::ReadDone done_;
  std::unique_ptr<char[]> again_;  // what the pieces fill
  storage::Got first_piece_;

  mutable Mutex mutex_;
  int ways_ GUARDED_BY(mutex_) = 1;  // that may still bring it
  bool whole_under_way_ GUARDED_BY(mutex_) = true;
  std::size_t pieces_left_ GUARDED_BY(mutex_) = 0;
  std::optional<Error> piece_failure_ GUARDED_BY(mutex_);
  std::optional<Way> answered_by_ GUARDED_BY(mutex_);
};

}  // namespace isobar::transfer
