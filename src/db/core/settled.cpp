// Entries, by the first letter of their keys:
//   k key → the newest version of the key              v bucket key → nothing: it is one of the bucket's
//   b bucket → the bucket's sum
//   d id → a transaction with its certificate          c id → of how many keys here it wrote the newest version, if of several
//   m → the form, how many buckets, and until when

#include "db/settled.h"

#include <fmt/format.h>

#include <map>
#include <set>

#include "db/seeded_bugs.h"

namespace isobar::db {

namespace {

constexpr std::uint32_t kForm = 2;

struct Meta {
  std::uint32_t form = kForm, buckets = 0;
  std::uint64_t until = 0;
};
template <class Io>
void describe(Io& io, Like<Meta> auto& meta) {
  io(meta.form)(meta.buckets)(meta.until);
}

struct Count {
  std::uint32_t keys = 0;
};
template <class Io>
void describe(Io& io, Like<Count> auto& count) {
  io(count.keys);
}

std::string with_bucket(char kind, std::uint32_t bucket) { return {kind, static_cast<char>(bucket >> 8), static_cast<char>(bucket)}; }

std::string place_of(std::string_view key) { return "k" + std::string(key); }

std::string with_id(char kind, const TxId& id) { return kind + std::string(id.hash.begin(), id.hash.end()); }

}  // namespace

struct Settled::Changes {
  std::vector<KeyValues::Change> entries;
  std::map<TxId, std::int64_t> keys_of;  // more or fewer
  std::set<std::uint32_t> buckets;
};

Result<std::unique_ptr<Settled>> Settled::open(std::unique_ptr<KeyValues> values, std::uint32_t buckets) {
  std::unique_ptr<Settled> settled(new Settled(std::move(values), buckets));
  TRY(settled->load().context("read what is settled"));
  return settled;
}

Status Settled::load() {
  TRY_ASSIGN(const auto meta, read<Meta>("m", "its beginning"));
  if (meta && (meta->form != kForm || meta->buckets != buckets()))
    return Error(Code::kDataLoss,
                 fmt::format("it has form {} and {} buckets, not form {} and {}", meta->form, meta->buckets, kForm, buckets()));
  for (std::uint32_t bucket = 0; meta && bucket < buckets(); ++bucket) {
    TRY_ASSIGN(const auto bytes, values_->get(with_bucket('b', bucket)));
    if (bytes && !digest_.restore(bucket, *bytes)) return Error(Code::kDataLoss, fmt::format("the digest of bucket {} is damaged", bucket));
  }
  state_ = {meta ? meta->until : 0, digest_.leaves()};
  return {};
}

template <class T>
Result<std::optional<T>> Settled::read(const std::string& key, std::string_view what) const {
  TRY_ASSIGN(const auto bytes, values_->get(key));
  if (!bytes) return std::optional<T>();
  auto value = decode<T>(*bytes);
  if (!value.ok()) return Error(Code::kDataLoss, fmt::format("{} is damaged: {}", what, value.error().message()));
  return std::optional<T>(std::move(*value));
}

std::string Settled::bucket_place_of(const std::string& key) const { return with_bucket('v', bucket_of(key, buckets())) + key; }

Result<SettledState> Settled::apply(const SettleBatch& batch) {
  Changes changes;
  for (const auto& [key, version] : batch.versions) TRY(replace(key, version, changes));
  TRY(count_writers(batch, changes));
  for (const auto bucket : changes.buckets) changes.entries.push_back({with_bucket('b', bucket), digest_.bucket(bucket)});
  changes.entries.push_back({"m", encode(Meta{kForm, buckets(), batch.until})});
  TRY(values_->write(changes.entries));
  state_ = {batch.until, digest_.leaves()};
  return state_;
}

Status Settled::replace(const std::string& key, const SettledVersion& version, Changes& changes) {
  const std::string place = place_of(key);
  TRY_ASSIGN(const auto old, read<SettledVersion>(place, "a version"));
  if (old && !(old->version < version.version) && !seeded(Bug::kSettledOlderWins)) return {};
  if (old) {
    digest_.remove(key, *old);
    --changes.keys_of[old->writer];
  }
  digest_.add(key, version);
  ++changes.keys_of[version.writer];
  changes.buckets.insert(bucket_of(key, buckets()));
  changes.entries.push_back({place, encode(version)});
  if (!old) changes.entries.push_back({bucket_place_of(key), ""});
  return {};
}

/// A transaction is kept as long as it is what somebody may have to be shown.
Status Settled::count_writers(const SettleBatch& batch, Changes& changes) const {
  for (const auto& [id, more] : changes.keys_of) {
    TRY_ASSIGN(const std::int64_t before, newest_of(id, more));
    const std::int64_t keys = before + more;
    if (keys > 1) changes.entries.push_back({with_id('c', id), encode(Count{static_cast<std::uint32_t>(keys)})});
    else if (before > 1) changes.entries.push_back({with_id('c', id), std::nullopt});
    if (keys <= 0) changes.entries.push_back({with_id('d', id), std::nullopt});
  }
  for (const auto& decided : batch.writers)
    if (const auto keys = changes.keys_of.find(decided.certificate.tx); keys != changes.keys_of.end() && keys->second > 0)
      changes.entries.push_back({with_id('d', decided.certificate.tx), encode(decided)});
  return {};
}

/// Of how many keys it wrote what is there. All that it wrote comes at once; so one that has more has had nothing, and one that has fewer
/// has.
Result<std::int64_t> Settled::newest_of(const TxId& id, std::int64_t more) const {
  if (more > 0) return std::int64_t{0};
  TRY_ASSIGN(const auto count, read<Count>(with_id('c', id), "a count"));
  return static_cast<std::int64_t>(count ? count->keys : 1);
}

void Settled::note(const Error& why) const {
  const std::scoped_lock lock(mutex_);
  if (!failure_) failure_ = why;
  failed_ = true;
}

std::optional<Error> Settled::failure() const {
  if (!failed_) return std::nullopt;
  const std::scoped_lock lock(mutex_);
  return failure_;
}

std::optional<SettledVersion> Settled::find(const std::string& key) const {
  auto found = read<SettledVersion>(place_of(key), "a version");
  if (!found.ok()) return note(found.error()), std::nullopt;
  return std::move(*found);
}

std::optional<Decided> Settled::decided(const TxId& id) const {
  auto found = read<Decided>(with_id('d', id), "a transaction");
  if (!found.ok()) return note(found.error()), std::nullopt;
  return std::move(*found);
}

void Settled::visit(std::string_view from, std::string_view until, bool backward, const Visitor& visitor) const {
  bool sound = true;
  const Status visited = values_->visit(place_of(from), place_of(until), backward, [&](std::string_view place, std::string_view bytes) {
    auto version = decode<SettledVersion>(bytes);
    sound = version.ok();
    return sound && visitor(place.substr(1), std::move(*version));
  });
  if (!visited.ok()) note(visited.error());
  if (!sound) note(Error(Code::kDataLoss, "a version is damaged"));
}

Settled::Part Settled::bucket(std::uint32_t bucket, const std::string& after, std::size_t bytes_most) const {
  Part part;
  if (bucket >= buckets()) return part;
  const std::string prefix = with_bucket('v', bucket);
  const auto entries = values_->scan(prefix, prefix + after, bytes_most);
  if (!entries.ok()) return note(entries.error()), part;
  std::size_t bytes = 0;
  for (const auto& [place, nothing] : *entries) {
    std::string key = place.substr(prefix.size());
    auto version = find(key);
    if (!version) return note(Error(Code::kDataLoss, "a version is missing")), Part{};
    bytes += key.size() + (version->value ? version->value->size() : 0);
    part.versions.emplace_back(std::move(key), std::move(*version));
    if (bytes >= bytes_most) break;
  }
  if (!part.versions.empty()) part.next = part.versions.back().first;
  return part;
}

Result<std::vector<KeyValues::Entry>> KeyValues::scan(std::string_view prefix, std::string_view after, std::size_t bytes_most) const {
  std::vector<Entry> found;
  std::size_t bytes = 0;
  std::string behind(prefix);
  while (!behind.empty() && behind.back() == '\xff') behind.pop_back();
  if (!behind.empty()) ++behind.back();
  TRY(visit(after, behind, false, [&](std::string_view key, std::string_view value) {
    if (key == after) return true;
    bytes += key.size() + value.size();
    found.emplace_back(key, value);
    return bytes < bytes_most;
  }));
  return found;
}

}  // namespace isobar::db
