#include "overlay_mover.h"

namespace isobar::transfer {

void OverlayMover::run(Calls& calls) {
  for (auto& call : calls) call();
}

// Of the gateways that read, the one that holds least.
bool OverlayMover::begin_read(std::uint64_t serial, Chunk& chunk) {
  std::string best;
  for (const auto& gateway : fleet_->sources())
    if (best.empty() || held_[gateway] < held_[best]) best = gateway;
  const auto& what = chunk.what;
  if (best.empty() ||
      !fleet_->with(best, [&](GatewaySession& session) { session.read(serial, what.key, what.offset, what.bytes, what.version); }))
    return false;
  spoken_to_.insert(best);
  chunk.gateway = best;
  chunk.there = false;
  held_[best] += what.bytes;
  return true;
}

void OverlayMover::read(ChunkId id, ReadChunk what, ReadDone done) {
  const std::unique_lock lock(mutex_);
  Chunk& chunk = chunks_[id.value()];
  // A chunk that is read again after a failure may be with a gateway still.
  if (!chunk.gateway.empty()) held_[chunk.gateway] -= chunk.what.bytes;
  chunk.what = std::move(what);
  if (begin_read(id.value(), chunk)) chunk.read_done = std::move(done);
  else done(unavailable("no gateway runs at the source"), 0);
}

void OverlayMover::put(ChunkId id, std::size_t target, std::string key, storage::Properties properties, std::uint32_t crc32c,
                       storage::Done<storage::PutReceipt> done) {
  Put put;
  put.write.target = target;
  put.write.key = std::move(key);
  put.whole_done = std::move(done);
  const std::scoped_lock lock(mutex_);
  chunks_.at(id.value()).properties = std::move(properties);
  add_put(id, target, std::move(put), crc32c);
}

void OverlayMover::put_part(ChunkId id, std::size_t target, storage::Upload upload, int number, std::uint64_t offset, std::uint32_t crc32c,
                            storage::Done<storage::Part> done) {
  Put put;
  put.write.target = target;
  put.write.key = upload.key;
  put.write.upload = std::move(upload);
  put.write.number = number;
  put.write.offset = offset;
  put.part_done = std::move(done);
  const std::scoped_lock lock(mutex_);
  add_put(id, target, std::move(put), crc32c);
}

void OverlayMover::add_put(ChunkId id, std::size_t target, Put put, std::uint32_t crc32c) {
  Chunk& chunk = chunks_.at(id.value());
  chunk.crc32c = crc32c;
  put.write.discard = discards_;
  chunk.puts[target] = std::move(put);
  untold_.push_back(id.value());
}

void OverlayMover::flush() {
  Calls calls;
  {
    const std::scoped_lock lock(mutex_);
    for (const auto serial : std::exchange(untold_, {}))
      if (const auto chunk = chunks_.find(serial); chunk != chunks_.end()) tell(serial, chunk->second, calls);
    for (const auto& gateway : std::exchange(spoken_to_, {})) fleet_->with(gateway, [](GatewaySession& session) { session.flush(); });
  }
  run(calls);
}

// The gateway that has the chunk is told where to send it; if none has it any more, one is to read it first.
void OverlayMover::tell(std::uint64_t serial, Chunk& chunk, Calls& calls) {
  if (chunk.gateway.empty() && !begin_read(serial, chunk)) return fail_all(chunk, unavailable("no gateway runs at the source"), calls);
  if (!chunk.there) return;
  std::vector<ChunkWrite> writes;
  for (auto& [target, put] : chunk.puts)
    if (!std::exchange(put.told, true)) writes.push_back(put.write);
  if (writes.empty()) return;
  const bool said =
      fleet_->with(chunk.gateway, [&](GatewaySession& session) { session.send(serial, chunk.crc32c, writes, chunk.properties); });
  spoken_to_.insert(chunk.gateway);
  if (!said) fail_all(chunk, unavailable("the gateway that had the chunk has ended"), calls);
}

void OverlayMover::release(ChunkId id) {
  const std::scoped_lock lock(mutex_);
  const auto found = chunks_.find(id.value());
  if (found == chunks_.end()) return;
  if (!found->second.gateway.empty()) {
    held_[found->second.gateway] -= found->second.what.bytes;
    fleet_->with(found->second.gateway, [&](GatewaySession& session) { session.withdraw(id.value()); });
    spoken_to_.insert(found->second.gateway);
  }
  chunks_.erase(found);
}

void OverlayMover::read_done(std::uint64_t serial, Result<storage::Got> got, std::uint32_t crc32c, const std::string& gateway) {
  Calls calls;
  {
    const std::scoped_lock lock(mutex_);
    const auto found = chunks_.find(serial);
    if (found == chunks_.end() || found->second.gateway != gateway) return;
    Chunk& chunk = found->second;
    chunk.there = got.ok();
    if (!got.ok()) {
      held_[gateway] -= chunk.what.bytes;
      chunk.gateway.clear();
    }
    if (chunk.read_done) {
      calls.push_back([done = std::exchange(chunk.read_done, nullptr), got = std::move(got), crc32c] { done(got, crc32c); });
    } else if (!got.ok()) {
      fail_all(chunk, got.error(), calls);
    } else if (crc32c != chunk.crc32c) {
      fail_all(chunk, Error(Code::kConflict, "the source changed while it was copied"), calls);
    } else {
      // Nobody else flushes for what the job does not wait for.
      tell(serial, chunk, calls);
      fleet_->with(gateway, [](GatewaySession& session) { session.flush(); });
    }
  }
  run(calls);
}

void OverlayMover::end_put(Put& put, const Result<storage::PutReceipt>& whole, const Result<storage::Part>& part, Calls& calls) {
  if (auto done = std::exchange(put.whole_done, nullptr)) calls.push_back([done = std::move(done), whole] { done(whole); });
  if (auto done = std::exchange(put.part_done, nullptr)) {
    auto numbered = part;
    if (numbered.ok()) numbered->number = put.write.number;
    calls.push_back([done = std::move(done), numbered = std::move(numbered)] { done(numbered); });
  }
}

void OverlayMover::fail_all(Chunk& chunk, const Error& why, Calls& calls) {
  for (auto& [target, put] : chunk.puts) fail_put(put, why, calls);
  chunk.puts.clear();
}

void OverlayMover::verdict(std::uint64_t serial, std::size_t target, const ChunkReceipt& receipt) {
  Calls calls;
  {
    const std::scoped_lock lock(mutex_);
    const auto chunk = chunks_.find(serial);
    if (chunk == chunks_.end()) return;
    const auto put = chunk->second.puts.find(target);
    if (put == chunk->second.puts.end()) return;
    end_put(put->second, receipt.put, receipt.part, calls);
    chunk->second.puts.erase(put);
  }
  run(calls);
}

void OverlayMover::undelivered(std::uint64_t serial, std::uint64_t targets, const Error& why) {
  Calls calls;
  {
    const std::scoped_lock lock(mutex_);
    const auto chunk = chunks_.find(serial);
    if (chunk == chunks_.end()) return;
    // One that no longer has the chunk says so: the next put has it read again.
    if (why.code() == Code::kNotFound && !chunk->second.gateway.empty()) {
      held_[chunk->second.gateway] -= chunk->second.what.bytes;
      chunk->second.gateway.clear();
    }
    const Error told = why.code() == Code::kNotFound ? unavailable(why.message()) : why;
    for (auto put = chunk->second.puts.begin(); put != chunk->second.puts.end();) {
      if ((targets >> put->first & 1) == 0) {
        ++put;
        continue;
      }
      fail_put(put->second, told, calls);
      put = chunk->second.puts.erase(put);
    }
  }
  run(calls);
}

void OverlayMover::died(const std::string& gateway, const Error& why) {
  Calls calls;
  {
    const std::scoped_lock lock(mutex_);
    held_.erase(gateway);
    for (auto& [serial, chunk] : chunks_) {
      if (chunk.gateway != gateway) continue;
      chunk.gateway.clear();
      chunk.there = false;
      if (chunk.read_done) calls.push_back([done = std::exchange(chunk.read_done, nullptr), why] { done(why, 0); });
      fail_all(chunk, why, calls);
    }
  }
  run(calls);
}

}  // namespace isobar::transfer
