#include "transfer/copy_core.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>

#include "copy_state.h"

namespace isobar::transfer {

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
