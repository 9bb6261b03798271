#include "features/store.h"

#include <fmt/format.h>

#include "commit_queue.h"
#include "group_writer.h"
#include "reads.h"
#include "registry_record.h"
#include "store_keys.h"

namespace isobar::features {

namespace {

template <class T, class Format>
Status check_knob(const Knob<T>& knob, std::string_view name, Format format) {
  if (knob.least <= knob.value && knob.value <= knob.most) return {};
  return invalid(fmt::format("{}: {} is out of its bounds, {} to {}", name, format(knob.value), format(knob.least), format(knob.most)));
}

Status check_config(const StoreConfig& config) {
  TRY(check_knob(config.group_delay, "group_delay", format_duration));
  TRY(check_knob(config.group_bytes, "group_bytes", format_bytes));
  TRY(check_knob(config.queue_bytes, "queue_bytes", format_bytes));
  TRY(check_knob(config.push_memory, "push_memory", format_duration));
  return check_knob(config.cache_bytes, "cache_bytes", format_bytes);
}

Lifetimes lifetimes_of(const Registry& registry) {
  Lifetimes lifetimes;
  for (const auto& view : registry.views) lifetimes.emplace(view.id, view.lifetime);
  return lifetimes;
}

class RocksStore final : public Store {
 public:
  RocksStore(std::unique_ptr<Expiry> expiry, std::unique_ptr<Rocks> rocks)
      : expiry_(std::move(expiry)), rocks_(std::move(rocks)), writer_(*rocks_, *expiry_) {}

  Status begin(const StoreConfig& config) {
    TRY(load_registry());
    TRY(writer_.load());
    queue_.emplace(config, [this](std::span<const PendingCommit> group) {
      const MutexLock lock(writing_);
      return writer_.write(group);
    });
    return {};
  }

  Result<std::future<Result<Outcome>>> submit(Commit commit) override { return queue_->push(std::move(commit)); }

  Result<Registry> apply(std::string definition, std::span<const ViewSpec> views) override {
    const MutexLock lock(writing_);
    const RegistryRecord before = record();
    TRY_ASSIGN(RegistryRecord next, next_registry(before, std::move(definition), views));
    if (next.registry.version == before.registry.version) return before.registry;
    rocksdb::WriteBatch batch;
    TRY(rocks_->put(batch, Family::kRegistry, registry_key(next.registry.version), encode_registry(next)));
    for (const ViewId view : dropped_views(before.registry, next.registry)) TRY(rocks_->erase_view(batch, view));
    const MutexLock together(reading_);
    TRY(rocks_->write(batch));
    set(next);
    return next.registry;
  }
  Registry registry() const override { return record().registry; }
  Result<Registry> registry(std::uint64_t version) const override {
    TRY_ASSIGN(const auto stored, rocks_->get(Family::kRegistry, registry_key(version)));
    if (!stored)
      return not_found(fmt::format("the store has no version {} of its definition; the newest is {}", version, registry().version));
    TRY_ASSIGN(auto found, decode_registry(*stored));
    return std::move(found.registry);
  }

  Result<std::vector<LatestRow>> latest(std::span<const RowKey> keys) const override {
    return ReadPoint{*rocks_, nullptr, expiry_->now(), expiry_->lifetimes()}.latest(keys);
  }
  std::unique_ptr<const Snapshot> snapshot() const override {
    const MutexLock lock(reading_);  // lifetimes and tables change together
    return make_snapshot(*rocks_, *expiry_);
  }

  Status checkpoint(const fs::path& folder) override {
    TRY(rocks_->flush());  // while commits go on, so that they wait for little
    const MutexLock lock(writing_);
    return rocks_->checkpoint(folder);
  }
  Status compact() override { return rocks_->compact(); }
  std::uint64_t disk_bytes() const override { return rocks_->disk_bytes(); }

 private:
  RegistryRecord record() const {
    const MutexLock lock(reading_);
    return record_;
  }
  void set(RegistryRecord record) REQUIRES(reading_) {
    expiry_->set(lifetimes_of(record.registry));
    record_ = std::move(record);
  }
  Status load_registry() {
    TRY_ASSIGN(const auto newest, rocks_->last(Family::kRegistry));
    if (!newest) return {};
    TRY_ASSIGN(auto found, decode_registry(*newest));
    const MutexLock lock(reading_);
    set(std::move(found));
    return {};
  }

  std::unique_ptr<Expiry> expiry_;  // the tables' compaction asks it until they are closed
  std::unique_ptr<Rocks> rocks_;
  Mutex writing_;  ///< whoever writes has it from what it reads to what it wrote
  GroupWriter writer_ GUARDED_BY(writing_);
  mutable Mutex reading_;
  RegistryRecord record_ GUARDED_BY(reading_);
  std::optional<CommitQueue> queue_;  // last, so that it is first to end
};

}  // namespace

Result<std::unique_ptr<Store>> Store::open(const fs::path& folder, const StoreConfig& config, const Clock& clock) {
  TRY(check_config(config).context("open the feature store"));
  TRY_ASSIGN(auto taken, StoreFolder::take(folder).context("open the feature store"));
  auto expiry = std::make_unique<Expiry>(clock, config.push_memory.value);
  TRY_ASSIGN(auto rocks, Rocks::open(std::move(taken), *expiry, config.cache_bytes.value).context("open the feature store"));
  auto store = std::make_unique<RocksStore>(std::move(expiry), std::move(rocks));
  TRY(store->begin(config).context("open the feature store"));
  return std::unique_ptr<Store>(std::move(store));
}

Result<Outcome> Store::commit(Commit commit) {
  TRY_ASSIGN(auto done, submit(std::move(commit)));
  return done.get();
}

}  // namespace isobar::features
