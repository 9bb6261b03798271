// When an object is whole, and what is done with one that failed; and objects that their targets fetch by themselves.

#include "copy_state.h"
#include "crypto/crc32c.h"

namespace isobar::transfer {

void CopyCore::Inside::check_parts(ObjectId id) {
  Object& it = object(id);
  if (it.failure || it.chunks > 0 || it.calls > 0) return;
  for (const auto& one : it.targets)
    if (static_cast<int>(one.parts.size()) < it.parts_total) return;
  it.phase = Phase::kRechecking;
  it.attempts = 0;
  if (plan.recheck_source || !it.confirmed || it.server || it.taken_up) ask_head(id, false);
  else check_source(id);
}

void CopyCore::Inside::check_source(ObjectId id) {
  const Object& it = object(id);
  const auto read_crc = whole_crc32c(it);
  if (it.source_crc32c && read_crc && *it.source_crc32c != *read_crc) return fail(id, other_bytes());
  complete_all(id);
}

void CopyCore::Inside::complete_all(ObjectId id) {
  Object& it = object(id);
  it.phase = Phase::kCompleting;
  it.left = it.targets.size();
  for (std::size_t i = 0; i < it.targets.size(); ++i) complete(id, i);
}

void CopyCore::Inside::complete(ObjectId id, std::size_t index) {
  ++object(id).calls;
  call(target[index], CompleteUpload{id, index});
}

void CopyCore::Inside::on(CompleteAnswer& told) {
  end_call(target[told.target], told.outcome.ok() ? nullptr : &told.outcome.error());
  Object& it = object(told.object);
  --it.calls;
  const auto expected = whole_crc32c(it);
  if (told.outcome.ok() && told.outcome->checksums.crc32c && expected && *told.outcome->checksums.crc32c != *expected)
    told.outcome = Error(Code::kDataLoss, "the store says it holds other bytes than were sent");
  if (told.outcome.ok()) {
    it.targets[told.target].receipt = std::move(told.outcome).value();
    it.targets[told.target].completed = true;
    if (--it.left == 0) return succeed(told.object);
    return it.failure ? settle_failed(told.object) : void();
  }
  if (it.failure) return settle_failed(told.object);
  retry_or_fail(told.object, it.attempts, told.outcome.error(), [this, id = told.object, index = told.target] { complete(id, index); });
}

std::optional<std::uint32_t> CopyCore::Inside::whole_crc32c(const Object& it) const {
  if (it.whole) return it.crc32c;
  if (it.server || it.targets.empty()) return std::nullopt;
  std::uint32_t crc = 0;
  for (const auto& [number, part] : it.targets[0].parts) {
    if (!part.crc32c) return std::nullopt;
    crc = crypto::crc32c_combine(crc, *part.crc32c, part.bytes);
  }
  return crc;
}

void CopyCore::Inside::succeed(ObjectId id) {
  Object& it = object(id);
  ++totals.objects_done;
  failures_in_a_row = 0;
  ObjectEnded ended{it.item, {}, false, whole_crc32c(it), {}};
  for (auto& one : it.targets) ended.receipts.push_back(std::move(one.receipt));
  effects.push_back(std::move(ended));
  objects.erase(id);
}

void CopyCore::Inside::fail(ObjectId id, const Error& error) {
  Object& it = object(id);
  if (!it.failure) it.failure = error;
  settle_failed(id);
}

// A failed object ends when nothing of it is under way and its uploads are gone: then no part of it stays behind.
void CopyCore::Inside::settle_failed(ObjectId id) {
  const auto found = objects.find(id);
  if (found == objects.end() || !found->second.failure) return;
  Object& it = found->second;
  if (it.whole && it.chunks == 1 && it.calls == 0 && chunk(it.first_chunk).waits_for_head) release(it.first_chunk);
  if (it.chunks > 0 || it.calls > 0) return;
  if (it.phase != Phase::kAborting) {
    it.phase = Phase::kAborting;
    it.attempts = 0;
    for (std::size_t i = 0; i < it.targets.size(); ++i) {
      if (!it.targets[i].started || it.targets[i].completed) continue;
      ++it.calls;
      effects.push_back(AbortUpload{id, i, it.targets[i].upload});
    }
    if (it.calls > 0) return;
  }
  ++totals.objects_failed;
  count_failure(it);
  effects.push_back(ObjectEnded{it.item, *it.failure, false, std::nullopt, {}});
  std::erase(moving, id);
  objects.erase(found);
}

// One that has changed, or whose name does not fit, says nothing of the others.
void CopyCore::Inside::count_failure(const Object& it) {
  const Code code = it.failure->code();
  const bool of_the_store = code == Code::kPermissionDenied || code == Code::kUnavailable || code == Code::kDeadlineExceeded ||
                            code == Code::kExhausted || (code == Code::kNotFound && it.refused_by_target);
  if (!of_the_store || plan.failures_in_a_row_most == 0 || ++failures_in_a_row < plan.failures_in_a_row_most || !stopped.ok()) return;
  stopped = Error(code, fmt::format("given up after {} objects in a row failed, the last: {}", failures_in_a_row, it.failure->message()));
  waiting.clear();
}

void CopyCore::Inside::on(AbortAnswer& told) {
  Object& it = object(told.object);
  if (!told.outcome.ok() && may_pass(told.outcome.error().code()) && ++it.attempts < plan.attempts_most) {
    retries.emplace(now + backoff(it.attempts, told.outcome.error()), [this, told] {
      effects.push_back(AbortUpload{told.object, told.target, told.upload});
    });
    return;
  }
  if (!told.outcome.ok() && told.outcome.error().code() != Code::kNotFound) ++totals.uploads_left;
  if (it.phase == Phase::kSweeping) {
    --sweeps;
    objects.erase(told.object);
    return;
  }
  --it.calls;
  settle_failed(told.object);
}

// Server-side copies --------------------------------------------------------------------------------------------------------

void CopyCore::Inside::begin_server_copy(ObjectId id) {
  Object& it = object(id);
  it.server = true;
  std::uint64_t whole_most = plan.server_copy_bytes_most;
  for (const auto& limits : plan.targets) whole_most = std::min(whole_most, limits.copy_bytes_most);
  if (it.item.source.bytes > whole_most) {
    // As large as may be: a copy costs the store alone.
    it.part_bytes = std::max<std::uint64_t>(it.part_bytes, std::min<std::uint64_t>(256 << 20, whole_most));
    it.phase = Phase::kHeading;
    return ask_head(id, true);
  }
  it.phase = Phase::kMoving;
  for (std::size_t i = 0; i < it.targets.size(); ++i) server_copy(id, i);
}

void CopyCore::Inside::server_copy(ObjectId id, std::size_t index) {
  ++object(id).calls;
  call(target[index], ServerCopy{id, index});
}

void CopyCore::Inside::on(CopyAnswer& told) {
  end_call(target[told.target], told.outcome.ok() ? nullptr : &told.outcome.error());
  Object& it = object(told.object);
  --it.calls;
  if (told.outcome.ok()) {
    it.targets[told.target].receipt = std::move(told.outcome).value();
    if (--it.left == 0) {
      totals.bytes_done += it.item.source.bytes;
      return succeed(told.object);
    }
    return it.failure ? settle_failed(told.object) : void();
  }
  if (it.failure) return settle_failed(told.object);
  retry_or_fail(told.object, it.attempts, told.outcome.error(), [this, id = told.object, index = told.target] { server_copy(id, index); });
}

bool CopyCore::Inside::schedule_server_part(ObjectId id, std::uint64_t offset, std::uint64_t bytes) {
  Object& it = object(id);
  if (!have_room()) return false;
  for (std::size_t i = 0; i < it.targets.size(); ++i)
    if (it.targets[i].parts.count(it.next_part) == 0) server_part(id, i, it.next_part, offset, bytes);
  return true;
}

void CopyCore::Inside::server_part(ObjectId id, std::size_t index, int number, std::uint64_t offset, std::uint64_t bytes) {
  Object& it = object(id);
  ++it.calls;
  call(target[index], ServerCopyPart{id, index, it.targets[index].upload, number, offset, bytes});
}

void CopyCore::Inside::on(CopyPartAnswer& told) {
  end_call(target[told.target], told.outcome.ok() ? nullptr : &told.outcome.error());
  Object& it = object(told.object);
  --it.calls;
  const std::uint64_t offset = static_cast<std::uint64_t>(told.number - 1) * it.part_bytes;
  const std::uint64_t bytes = std::min(it.part_bytes, it.item.source.bytes - offset);
  if (!told.outcome.ok()) {
    if (it.failure) return settle_failed(told.object);
    return retry_or_fail(told.object, it.attempts, told.outcome.error(),
                         [this, id = told.object, index = told.target, number = told.number, offset, bytes] {
                           server_part(id, index, number, offset, bytes);
                         });
  }
  storage::Part part = std::move(told.outcome).value();
  part.number = told.number;
  part.bytes = bytes;
  it.attempts = 0;
  it.targets[told.target].parts[told.number] = part;
  if (everywhere(it, told.number)) totals.bytes_done += bytes;
  effects.push_back(PartDone{told.object, told.target, std::move(part)});
  if (it.failure) return settle_failed(told.object);
  check_parts(told.object);
}

}  // namespace isobar::transfer
