#include "chunk_read.h"

#include "base/bytes.h"
#include "crypto/crc32c.h"

namespace isobar::transfer {

namespace {

constexpr std::uint64_t kPieceLeast = 128 * kKiB, kPiecesMost = 16;

}  // namespace

ChunkRead::ChunkRead(ReadChunk what, BufferPool::Buffer buffer, ChunkMover::ReadDone done)
    : what_(std::move(what)), buffer_(std::move(buffer)), done_(std::move(done)) {}

void ChunkRead::start(storage::Store& source) {
  source.get({what_.key, what_.offset, buffer_.span(what_.bytes), what_.version},
             [self = shared_from_this()](Result<storage::Got> got) { self->got_whole(std::move(got)); });
}

void ChunkRead::got_whole(Result<storage::Got> got) {
  if (ended(Way::kWhole, got.ok())) answer(std::move(got), buffer_.span(what_.bytes).data());
}

// The checksum is taken on the thread that has the bytes in its cache.
void ChunkRead::answer(Result<storage::Got> got, const char* memory) {
  const std::uint64_t bytes = got.ok() ? std::min(got->bytes, what_.bytes) : 0;
  const std::uint32_t crc = crypto::crc32c({memory, bytes});
  std::exchange(done_, nullptr)(std::move(got), crc);
}

void ChunkRead::start_again(std::shared_ptr<storage::Store> source) {
  const std::uint64_t pieces = std::clamp<std::uint64_t>(what_.bytes / kPieceLeast, 1, kPiecesMost);
  {
    const MutexLock lock(mutex_);
    if (answered_by_ || again_) return;
    again_.reset(new char[what_.bytes]);
    source_ = std::move(source);
    ++ways_;
    pieces_left_ = pieces;
  }
  for (std::uint64_t piece = 0; piece < pieces; ++piece) {
    const std::uint64_t from = what_.bytes * piece / pieces, to = what_.bytes * (piece + 1) / pieces;
    source_->get({what_.key, what_.offset + from, std::span(again_.get() + from, to - from), what_.version},
                 [self = shared_from_this(), piece, expected = to - from](Result<storage::Got> got) {
                   if (got.ok() && got->bytes != expected) got = Error(Code::kDataLoss, "a piece of the object came short");
                   self->got_piece(piece, std::move(got));
                 });
  }
}

void ChunkRead::got_piece(std::size_t piece, Result<storage::Got> got) {
  {
    const MutexLock lock(mutex_);
    if (!got.ok()) piece_failure_ = got.error();
    else if (piece == 0) first_piece_ = *got;
    if (--pieces_left_ > 0) return;
    if (piece_failure_) got = *piece_failure_;
  }
  if (!ended(Way::kPieces, got.ok())) return;
  if (got.ok()) {
    got = std::move(first_piece_);
    got->bytes = what_.bytes;
  }
  answer(std::move(got), again_.get());
}

// A way that failed is the answer only when no other is left.
bool ChunkRead::ended(Way way, bool good) {
  const MutexLock lock(mutex_);
  --ways_;
  if (way == Way::kWhole) whole_under_way_ = false;
  if (answered_by_ || (!good && ways_ > 0)) return false;
  answered_by_ = way;
  return true;
}

std::string_view ChunkRead::bytes() const {
  const MutexLock lock(mutex_);
  return {answered_by_ == Way::kPieces ? again_.get() : buffer_.span(what_.bytes).data(), what_.bytes};
}

BufferPool::Buffer ChunkRead::take_buffer() {
  const MutexLock lock(mutex_);
  return whole_under_way_ ? BufferPool::Buffer() : std::move(buffer_);
}

}  // namespace isobar::transfer
