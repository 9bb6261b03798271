#include "transfer/copy_core.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>

#include "base/bytes.h"
#include "copy_state.h"
#include "crypto/crc32c.h"

namespace isobar::transfer {

namespace {

template <class... Fs>
struct Overloaded : Fs... {
  using Fs::operator()...;
};
template <class... Fs>
Overloaded(Fs...) -> Overloaded<Fs...>;

bool may_pass(Code code) {
  return code == Code::kUnavailable || code == Code::kDeadlineExceeded || code == Code::kExhausted || code == Code::kDataLoss;
}

bool is_overload(Code code) { return code == Code::kExhausted || code == Code::kDeadlineExceeded; }

constexpr std::uint64_t kLaggingLeast = 128 * kKiB, kReadAgainLeast = 16 * kMiB;
constexpr Duration kLaggingPatience = 100ms;

Error other_bytes() { return Error(Code::kDataLoss, "what was read has another checksum than the source says"); }

}  // namespace

std::uint64_t item_mark(const CopyItem& item) {
  std::string text = item.source.key + '\0' + item.source.version + '\0' + std::to_string(item.source.bytes);
  for (const auto& key : item.target_keys) text += '\0' + key;
  return XXH3_64bits(text.data(), text.size());
}

CopyCore::CopyCore(CopyPlan plan, ResumeState resume) : inside_(std::make_unique<Inside>(std::move(plan), std::move(resume))) {}
CopyCore::~CopyCore() = default;

std::vector<Effect> CopyCore::step(Event event, Instant now) {
  Inside& in = *inside_;
  in.now = now;
  std::visit([&](auto& told) { in.on(told); }, event);
  in.retry_due();
  in.schedule();
  in.read_lagging();
  return std::exchange(in.effects, {});
}

bool CopyCore::wants_items() const {
  const Inside& in = *inside_;
  return !in.listing_ended && in.stopped.ok() && in.waiting.size() < 2000;
}

bool CopyCore::finished() const {
  const Inside& in = *inside_;
  return (in.listing_ended || !in.stopped.ok()) && in.waiting.empty() && in.objects.empty() && in.sweeps == 0;
}

std::optional<Instant> CopyCore::next_timer() const {
  const Inside& in = *inside_;
  std::optional<Instant> due;
  if (!in.retries.empty()) due = in.retries.begin()->first;
  const auto also = [&](Instant at) {
    if (at > in.now && (!due || at < *due)) due = at;
  };
  also(in.pace_until);
  if (in.look_for_lagging_at) also(*in.look_for_lagging_at);
  also(in.source.quiet_until());
  for (const auto& target : in.target) also(target.quiet_until());
  return due;
}

const CopyItem& CopyCore::item(ObjectId object) const { return inside_->object(object).item; }
const CopyItem& CopyCore::item(ChunkId chunk) const { return inside_->object(inside_->chunk(chunk).object).item; }
ObjectId CopyCore::object_of(ChunkId chunk) const { return inside_->chunk(chunk).object; }
const storage::Properties& CopyCore::properties(ObjectId object) const { return inside_->object(object).properties; }
std::uint32_t CopyCore::chunk_crc32c(ChunkId chunk) const { return inside_->chunk(chunk).crc32c; }
const storage::Upload& CopyCore::upload(ObjectId object, std::size_t target) const {
  return inside_->object(object).targets[target].upload;
}
std::uint64_t CopyCore::part_bytes(ObjectId object) const { return inside_->object(object).part_bytes; }

std::vector<storage::Part> CopyCore::parts(ObjectId object, std::size_t target) const {
  std::vector<storage::Part> parts;
  for (const auto& [number, part] : inside_->object(object).targets[target].parts) parts.push_back(part);
  return parts;
}

std::optional<std::uint32_t> CopyCore::object_crc32c(ObjectId object) const { return inside_->whole_crc32c(inside_->object(object)); }
const CopyCore::Totals& CopyCore::totals() const { return inside_->totals; }
const Status& CopyCore::stopped() const { return inside_->stopped; }

// ---------------------------------------------------------------------------------------------------------------------

CopyCore::Inside::Inside(CopyPlan the_plan, ResumeState the_resume)
    : plan(std::move(the_plan)), resume(std::move(the_resume)), random(plan.seed), source(plan.calls_first, plan.source_calls_most) {
  for (std::size_t i = 0; i < plan.targets.size(); ++i) target.emplace_back(plan.calls_first, plan.target_calls_most);
}

// Listing ---------------------------------------------------------------------------------------------------------------

void CopyCore::Inside::on(ItemListed& told) {
  if (!stopped.ok()) return;
  ++totals.objects_listed;
  totals.bytes_listed += told.item.source.bytes;
  waiting.push_back(std::move(told.item));
}

void CopyCore::Inside::on(ListingEnded&) {
  listing_ended = true;
  unseen_uploads_swept = false;
}

void CopyCore::Inside::on(Tick&) {}

// Uploads of objects that an earlier run had begun and that are gone from the source, or are other objects by now.
void CopyCore::Inside::sweep_unseen() {
  if (!listing_ended || !stopped.ok() || unseen_uploads_swept || !waiting.empty()) return;
  unseen_uploads_swept = true;
  for (auto& [key, open] : resume.open) {
    CopyItem item;
    item.source.key = key;
    abandon(item, open);
  }
  resume.open.clear();
}

void CopyCore::Inside::abandon(const CopyItem& item, const ResumeState::OpenObject& open) {
  for (const auto& [index, upload] : open.uploads) {
    const ObjectId id(++last_object);
    Object& object = objects[id];
    object.item = item;
    object.phase = Phase::kSweeping;
    object.targets.resize(plan.targets.size());
    ++sweeps;
    effects.push_back(AbortUpload{id, index, upload.upload});
  }
}

void CopyCore::Inside::begin(CopyItem item) {
  if (resume.done.count(item_mark(item)) != 0) {
    ++totals.objects_done_before;
    ++totals.objects_done;
    totals.bytes_done += item.source.bytes;
    effects.push_back(ObjectEnded{std::move(item), {}, true, std::nullopt, {}});
    return;
  }
  const ObjectId id(++last_object);
  Object& object = objects[id];
  object.item = std::move(item);
  object.targets.resize(plan.targets.size());
  object.left = plan.targets.size();
  const auto& info = object.item.source;
  for (std::size_t i = 0; i < plan.targets.size(); ++i)
    if (const Status fits = fits_target(object, i); !fits.ok()) return fail(id, fits.error());
  if (const auto open = resume.open.find(info.key); open != resume.open.end()) {
    if (open->second.version == info.version && !plan.server_side) take_up(object, open->second);
    else abandon(object.item, open->second);
    resume.open.erase(open);
  }
  if (object.part_bytes == 0) object.part_bytes = choose_part_bytes(info.bytes);
  if (plan.server_side) return begin_server_copy(id);
  object.whole = info.bytes <= object.part_bytes && !object.taken_up;
  if (object.whole) {
    object.phase = Phase::kMoving;
    make_chunk(id, 1, 0, info.bytes);
  } else {
    object.phase = Phase::kHeading;
    if (const auto head = object.item.head; head && !keeps_tags()) headed(id, *head);
    else ask_head(id, true);
  }
}

Status CopyCore::Inside::fits_target(const Object& object, std::size_t index) const {
  const auto& limits = plan.targets[index];
  const std::string& key = object.item.target_keys[index];
  if (key.size() > limits.key_bytes_most)
    return invalid(fmt::format("the name has {} bytes, the target takes {} at most", key.size(), limits.key_bytes_most));
  if (object.item.source.bytes > limits.object_bytes_most)
    return invalid(fmt::format("it has {} bytes, the target takes {} at most", object.item.source.bytes, limits.object_bytes_most));
  return {};
}

std::uint64_t CopyCore::Inside::choose_part_bytes(std::uint64_t bytes) const {
  std::uint64_t part = plan.part_bytes;
  for (const auto& limits : plan.targets) {
    part = std::max(part, limits.part_bytes_least);
    const std::uint64_t parts_most = static_cast<std::uint64_t>(limits.parts_most);
    if (bytes / parts_most >= part) part = ((bytes / parts_most >> 20) + 1) << 20;
  }
  return part;
}

void CopyCore::Inside::take_up(Object& object, const ResumeState::OpenObject& open) {
  object.taken_up = true;
  object.part_bytes = open.part_bytes;
  for (const auto& [index, upload] : open.uploads) {
    if (index >= object.targets.size()) continue;
    object.targets[index].upload = upload.upload;
    object.targets[index].started = true;
    object.targets[index].parts = upload.parts;
  }
}

// Heads -----------------------------------------------------------------------------------------------------------------

bool CopyCore::Inside::keeps_tags() const {
  return std::any_of(plan.targets.begin(), plan.targets.end(), [](const auto& limits) { return limits.tags; });
}

// Tags are a request of their own, which takes a round trip: it is spared where no target could hold them.
void CopyCore::Inside::ask_head(ObjectId id, bool with_tags) { call(source, HeadSource{id, with_tags && keeps_tags()}); }

void CopyCore::Inside::on(HeadAnswer& told) {
  end_call(source, told.outcome.ok() ? nullptr : &told.outcome.error());
  if (!alive(told.object)) return;
  Object& it = object(told.object);
  if (it.failure) return settle_failed(told.object);
  if (!told.outcome.ok()) {
    const bool with_tags = it.phase != Phase::kRechecking;
    return retry_or_fail(told.object, it.attempts, told.outcome.error(), [this, id = told.object, with_tags] { ask_head(id, with_tags); });
  }
  it.attempts = 0;
  const auto& head = told.outcome.value();
  const auto& expected = it.item.source;
  if (head.info.version != expected.version && !expected.version.empty())
    return fail(told.object, Error(Code::kConflict, "the source changed while it was copied; copy it again"));
  headed(told.object, head);
}

void CopyCore::Inside::headed(ObjectId id, const storage::ObjectHead& head) {
  Object& it = object(id);
  it.source_crc32c = head.info.checksums.crc32c;
  if (it.phase == Phase::kRechecking) return check_source(id);
  keep_properties(it, head.properties, head.info.modified);
  if (it.whole) return put_everywhere(it.first_chunk);  // its tags are known now
  it.phase = Phase::kStarting;
  start_uploads(id);
}

void CopyCore::Inside::keep_properties(Object& it, const storage::Properties& properties, Instant modified) const {
  it.properties = properties;
  const auto& over = plan.overrides;
  const auto lay = [](std::string& value, const std::optional<std::string>& other) {
    if (other) value = *other;
  };
  lay(it.properties.content_type, over.content_type);
  lay(it.properties.content_encoding, over.content_encoding);
  lay(it.properties.content_language, over.content_language);
  lay(it.properties.content_disposition, over.content_disposition);
  lay(it.properties.cache_control, over.cache_control);
  // A class of the source's store means nothing in another; within one store the copy is as the user asks, or standard.
  it.properties.storage_class = over.storage_class.value_or("");
  if (over.drop_metadata) it.properties.metadata.clear();
  for (const auto& [name, value] : over.metadata) it.properties.metadata[name] = value;
  if (plan.target_keeps_mtime && it.properties.metadata.count("mtime") == 0)
    it.properties.metadata["mtime"] = fmt::format("{}.{:09}", modified.unix_nanos() / 1'000'000'000, modified.unix_nanos() % 1'000'000'000);
}

// Uploads -----------------------------------------------------------------------------------------------------------------

void CopyCore::Inside::start_uploads(ObjectId id) {
  Object& it = object(id);
  it.calls = 0;
  for (std::size_t i = 0; i < it.targets.size(); ++i) {
    if (it.targets[i].started) continue;
    ++it.calls;
    call(target[i], StartUpload{id, i});
  }
  if (it.calls == 0) begin_parts(id);
}

void CopyCore::Inside::on(StartAnswer& told) {
  end_call(target[told.target], told.outcome.ok() ? nullptr : &told.outcome.error());
  Object& it = object(told.object);
  --it.calls;
  if (!told.outcome.ok()) {
    it.refused_by_target = true;
    if (it.failure) return settle_failed(told.object);
    return retry_or_fail(told.object, it.attempts, told.outcome.error(), [this, id = told.object, index = told.target] {
      ++object(id).calls;
      call(target[index], StartUpload{id, index});
    });
  }
  it.targets[told.target].upload = std::move(told.outcome).value();
  it.targets[told.target].started = true;
  effects.push_back(UploadStarted{told.object, told.target});
  if (it.failure) return settle_failed(told.object);
  if (it.calls == 0 && std::all_of(it.targets.begin(), it.targets.end(), [](const Target& one) { return one.started; }))
    begin_parts(told.object);
}

void CopyCore::Inside::begin_parts(ObjectId id) {
  Object& it = object(id);
  it.attempts = 0;
  it.phase = Phase::kMoving;
  it.parts_total = static_cast<int>((it.item.source.bytes + it.part_bytes - 1) / it.part_bytes);
  it.next_part = 1;
  for (auto& one : it.targets)
    for (const auto& [number, part] : one.parts) totals.bytes_done += part.bytes / it.targets.size();
  while (it.next_part <= it.parts_total && everywhere(it, it.next_part)) ++it.next_part;
  if (it.next_part <= it.parts_total) moving.push_back(id);
  check_parts(id);
}

bool CopyCore::Inside::everywhere(const Object& it, int number) const {
  return std::all_of(it.targets.begin(), it.targets.end(), [&](const Target& one) { return one.parts.count(number) != 0; });
}

// The next parts of objects under way go before new objects: what is begun is ended.
bool CopyCore::Inside::schedule_parts() {
  while (!moving.empty()) {
    const ObjectId id = moving.front();
    Object& it = object(id);
    while (it.next_part <= it.parts_total && everywhere(it, it.next_part)) ++it.next_part;
    if (it.failure || it.next_part > it.parts_total) {
      moving.pop_front();
      continue;
    }
    const std::uint64_t offset = static_cast<std::uint64_t>(it.next_part - 1) * it.part_bytes;
    const std::uint64_t bytes = std::min(it.part_bytes, it.item.source.bytes - offset);
    if (it.server) {
      if (!schedule_server_part(id, offset, bytes)) return false;
    } else {
      if (!may_read(bytes)) return false;
      make_chunk(id, it.next_part, offset, bytes);
    }
    ++it.next_part;
  }
  return true;
}

// Chunks ------------------------------------------------------------------------------------------------------------------

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

// Ends of objects -----------------------------------------------------------------------------------------------------------

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

// Calls, retries, order -------------------------------------------------------------------------------------------------------

bool CopyCore::Inside::have_room() const {
  return std::all_of(target.begin(), target.end(), [&](const Throttle& one) { return one.has_room(now); });
}

// Whatever goes to a store passes here, so that one that asked to be left alone is.
void CopyCore::Inside::call(Throttle& store, Effect effect) {
  if (now < store.quiet_until()) {
    const Duration spread(static_cast<std::int64_t>(random.uniform() * static_cast<double>(plan.backoff_least.count())));
    retries.emplace(store.quiet_until() + spread, [this, &store, effect = std::move(effect)] { call(store, effect); });
    return;
  }
  store.begin(now, bytes_moved_by(effect));
  if (const auto* read = std::get_if<ReadChunk>(&effect)) chunk(read->chunk).read_since = now;
  effects.push_back(std::move(effect));
}

std::uint64_t CopyCore::Inside::bytes_moved_by(const Effect& effect) {
  if (const auto* read = std::get_if<ReadChunk>(&effect)) return read->bytes;
  if (const auto* whole = std::get_if<PutWhole>(&effect)) return chunk(whole->chunk).bytes;
  if (const auto* part = std::get_if<PutPart>(&effect)) return chunk(part->chunk).bytes;
  return 0;
}

void CopyCore::Inside::end_call(Throttle& throttle, const Error* error, std::uint64_t bytes) {
  if (!error) throttle.end_well(now, bytes);
  else if (is_overload(error->code())) throttle.end_badly(now, bytes, error->retry_after());
  else throttle.end(bytes);
}

// What the store asked for, and then some, so that not all come back in the same moment.
Duration CopyCore::Inside::backoff(int attempts, const Error& error) {
  const Duration ceiling = std::min(plan.backoff_most, plan.backoff_least * (1 << std::min(attempts, 20)));
  return error.retry_after() + ceiling / 2 +
         Duration(static_cast<std::int64_t>(random.uniform() * static_cast<double>(ceiling.count()) / 2));
}

void CopyCore::Inside::retry_or_fail(ObjectId id, int& attempts, const Error& error, std::function<void()> again) {
  if (!may_pass(error.code()) || ++attempts >= plan.attempts_most) return fail(id, error);
  ++totals.retries;
  Object& it = object(id);
  ++it.calls;  // waiting counts as being under way
  retries.emplace(now + backoff(attempts, error), [this, id, again = std::move(again)] {
    --object(id).calls;
    if (object(id).failure) return settle_failed(id);
    again();
  });
}

void CopyCore::Inside::retry_chunk(ChunkId id, const Error& error, std::function<void()> again) {
  Chunk& it = chunk(id);
  if (!may_pass(error.code()) || ++it.attempts >= plan.attempts_most) {
    object(it.object).failure = error;
    return drop_chunk(id);
  }
  ++totals.retries;
  retries.emplace(now + backoff(it.attempts, error), [this, id, again = std::move(again)] {
    const auto found = chunks.find(id);
    if (found == chunks.end()) return;
    if (!object(found->second.object).failure) return again();
    if (found->second.puts == 0 || --found->second.puts == 0) drop_chunk(id);
  });
}

void CopyCore::Inside::retry_due() {
  while (!retries.empty() && retries.begin()->first <= now) {
    const auto again = std::move(retries.begin()->second);
    retries.erase(retries.begin());
    again();
  }
}

void CopyCore::Inside::schedule() {
  const bool parts_ahead = schedule_parts();
  while (parts_ahead && !waiting.empty()) {
    const auto& next = waiting.front().source;
    if (plan.server_side ? !have_room() : !may_read(std::min(next.bytes, choose_part_bytes(next.bytes)))) break;
    CopyItem item = std::move(waiting.front());
    waiting.pop_front();
    begin(std::move(item));
    if (!schedule_parts()) break;
  }
  sweep_unseen();
}

}  // namespace isobar::transfer
