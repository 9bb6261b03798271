// What is read, put to each target, and let go.

#include <algorithm>

#include "base/bytes.h"
#include "copy_state.h"

namespace isobar::transfer {

namespace {

constexpr std::uint64_t kLaggingLeast = 128 * kKiB, kReadAgainLeast = 16 * kMiB;
constexpr Duration kLaggingPatience = 100ms;

}  // namespace

bool CopyCore::Inside::may_read(std::uint64_t bytes) const {
  if (!source.has_room(now) || now < pace_until) return false;
  if (std::any_of(target.begin(), target.end(), [&](const Throttle& one) { return now < one.quiet_until(); })) return false;
  if (std::any_of(target.begin(), target.end(), [](const Throttle& one) { return one.running() >= 2 * one.limit(); })) return false;
  // One chunk always may: a part larger than the whole budget must not wait for ever.
  return totals.memory_bytes == 0 || totals.memory_bytes + charge(bytes) <= plan.memory_bytes;
}

void CopyCore::Inside::make_chunk(ObjectId object_id, int number, std::uint64_t offset, std::uint64_t bytes) {
  const ChunkId id(++last_chunk);
  Chunk& it = chunks[id];
  it.object = object_id;
  it.number = number;
  it.offset = offset;
  it.bytes = bytes;
  it.has_target.resize(plan.targets.size());
  totals.memory_bytes += charge(bytes);
  Object& owner = object(object_id);
  ++owner.chunks;
  owner.first_chunk = id;
  read(id);
}

void CopyCore::Inside::read(ChunkId id) {
  const Chunk& it = chunk(id);
  const auto& item = object(it.object).item;
  if (plan.bytes_per_second > 0) {
    const Duration span = from_seconds(static_cast<double>(it.bytes) / static_cast<double>(plan.bytes_per_second));
    pace_until = std::max(pace_until, now) + span;
  }
  call(source, ReadChunk{id, item.source.key, it.offset, it.bytes, item.source.version});
}

void CopyCore::Inside::note_read(Chunk& it) {
  if (it.bytes >= kLaggingLeast && it.read_since && !it.read_twice) {
    const Duration took = now - *it.read_since;
    typical_read = typical_read == Duration() ? took : typical_read - typical_read / 8 + took / 8;
  }
  it.read_since.reset();
}

// A read that hangs, or whose connection has lost so much that it hardly moves, would hold up the end of the job by seconds.
void CopyCore::Inside::read_lagging() {
  look_for_lagging_at.reset();
  if (!plan.read_lagging_again || !listing_ended || !waiting.empty() || !moving.empty() || now < source.quiet_until()) return;
  const Duration patience = typical_read + typical_read / 2 + kLaggingPatience;
  for (auto& [id, it] : chunks) {
    if (!it.read_since || it.read_twice || it.bytes < kLaggingLeast || object(it.object).item.source.version.empty()) continue;
    if (const Instant due = *it.read_since + patience; due > now) {
      look_for_lagging_at = std::min(look_for_lagging_at.value_or(due), due);
    } else if (read_again_bytes + it.bytes <= std::max(kReadAgainLeast, totals.bytes_read / 20)) {
      it.read_twice = true;
      read_again_bytes += it.bytes;
      effects.push_back(ReadAgain{id});
    }
  }
}

void CopyCore::Inside::on(ReadAnswer& told) {
  Chunk& it = chunk(told.chunk);
  end_call(source, told.outcome.ok() ? nullptr : &told.outcome.error(), it.bytes);
  note_read(it);
  Object& owner = object(it.object);
  if (owner.failure) return drop_chunk(told.chunk);
  if (told.outcome.ok() && told.outcome->bytes != it.bytes)
    told.outcome = Error(Code::kConflict, fmt::format("the source changed while it was copied: {} bytes were expected at {}, {} came",
                                                      it.bytes, it.offset, told.outcome->bytes));
  if (told.outcome.ok() && owner.whole && told.outcome->head.info.checksums.crc32c.value_or(told.crc32c) != told.crc32c)
    told.outcome = other_bytes();
  if (!told.outcome.ok()) {
    if (told.outcome.error().code() == Code::kConflict) {
      owner.failure = Error(Code::kConflict, fmt::format("the source changed while it was copied ({})", told.outcome.error().message()));
      return drop_chunk(told.chunk);
    }
    return retry_chunk(told.chunk, told.outcome.error(), [this, id = told.chunk] { read(id); });
  }
  it.attempts = 0;
  it.crc32c = told.crc32c;
  owner.confirmed = owner.confirmed && !owner.item.source.version.empty() && told.outcome->head.info.version == owner.item.source.version;
  totals.bytes_read += it.bytes;
  if (!owner.whole) return put_everywhere(told.chunk);
  const auto& head = told.outcome->head;
  if (head.has_tags && keeps_tags() && !head.properties.tags) {
    it.waits_for_head = true;
    return ask_head(it.object, true);
  }
  keep_properties(owner, head.properties, head.info.modified == Instant() ? owner.item.source.modified : head.info.modified);
  put_everywhere(told.chunk);
}

void CopyCore::Inside::put_everywhere(ChunkId id) {
  Chunk& it = chunk(id);
  it.waits_for_head = false;
  const Object& owner = object(it.object);
  it.puts = 0;
  for (std::size_t i = 0; i < plan.targets.size(); ++i) {
    if (owner.targets[i].parts.count(it.number) != 0) it.has_target[i] = true;
    if (it.has_target[i]) continue;
    ++it.puts;
  }
  for (std::size_t i = 0; i < plan.targets.size(); ++i)
    if (!it.has_target[i]) put(id, i);
  if (it.puts == 0) finish_chunk(id);
}

void CopyCore::Inside::put(ChunkId id, std::size_t index) {
  const Chunk& it = chunk(id);
  const Object& owner = object(it.object);
  if (owner.whole) call(target[index], PutWhole{id, index});
  else call(target[index], PutPart{id, index, owner.targets[index].upload, it.number, it.offset});
}

void CopyCore::Inside::on(PutAnswer& told) {
  Chunk& it = chunk(told.chunk);
  end_call(target[told.target], told.outcome.ok() ? nullptr : &told.outcome.error(), it.bytes);
  Object& owner = object(it.object);
  if (told.outcome.ok()) {
    if (told.outcome->checksums.crc32c && *told.outcome->checksums.crc32c != it.crc32c)
      told.outcome = Error(Code::kDataLoss, "the store says it holds other bytes than were sent");
  }
  if (!told.outcome.ok()) return put_failed(told.chunk, told.target, told.outcome.error());
  owner.targets[told.target].receipt = std::move(told.outcome).value();
  owner.crc32c = it.crc32c;
  it.has_target[told.target] = true;
  put_ended(told.chunk);
}

void CopyCore::Inside::on(PartAnswer& told) {
  Chunk& it = chunk(told.chunk);
  end_call(target[told.target], told.outcome.ok() ? nullptr : &told.outcome.error(), it.bytes);
  Object& owner = object(it.object);
  if (!told.outcome.ok()) return put_failed(told.chunk, told.target, told.outcome.error());
  storage::Part part = std::move(told.outcome).value();
  part.number = it.number;
  part.bytes = it.bytes;
  part.crc32c = it.crc32c;
  owner.targets[told.target].parts[it.number] = part;
  it.has_target[told.target] = true;
  effects.push_back(PartDone{it.object, told.target, std::move(part)});
  put_ended(told.chunk);
}

void CopyCore::Inside::put_failed(ChunkId id, std::size_t index, const Error& error) {
  Chunk& it = chunk(id);
  Object& owner = object(it.object);
  if (!owner.failure && (!may_pass(error.code()) || it.attempts + 1 >= plan.attempts_most)) {
    owner.failure = error;
    owner.refused_by_target = true;
  }
  if (owner.failure) {
    if (--it.puts == 0) drop_chunk(id);
    return;
  }
  retry_chunk(id, error, [this, id, index] { put(id, index); });
}

void CopyCore::Inside::put_ended(ChunkId id) {
  Chunk& it = chunk(id);
  if (--it.puts > 0) return;
  if (object(it.object).failure) return drop_chunk(id);
  finish_chunk(id);
}

void CopyCore::Inside::finish_chunk(ChunkId id) {
  const ObjectId owner = chunk(id).object;
  const std::uint64_t bytes = chunk(id).bytes;
  const bool whole = object(owner).whole;
  totals.bytes_done += bytes;
  release(id);
  if (whole) return succeed(owner);
  check_parts(owner);
}

void CopyCore::Inside::release(ChunkId id) {
  const auto found = chunks.find(id);
  totals.memory_bytes -= charge(found->second.bytes);
  --object(found->second.object).chunks;
  chunks.erase(found);
  effects.push_back(ReleaseChunk{id});
}

void CopyCore::Inside::drop_chunk(ChunkId id) {
  const ObjectId owner = chunk(id).object;
  release(id);
  settle_failed(owner);
}

}  // namespace isobar::transfer
