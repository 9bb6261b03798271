// Buckets and volumes that tasks mount, in the state.

#include <array>

#include "database.h"
#include "mounts_text.h"

namespace isobar::broker {

std::string_view name_of(StorageStatus status) {
  static constexpr std::array<std::string_view, 3> kNames = {"INIT", "READY", "DELETING"};
  return kNames[static_cast<std::size_t>(status)];
}

Result<std::vector<StorageRecord>> StateStore::storages() {
  StateStatement row(database_->handle,
                     "SELECT location, status, made, persistent, region, cluster, source, since FROM storages ORDER BY location");
  std::vector<StorageRecord> found;
  while (row.next()) {
    StorageRecord storage;
    storage.location = row.text();
    storage.status = static_cast<StorageStatus>(row.integer());
    storage.made = row.integer() != 0;
    storage.persistent = row.integer() != 0;
    storage.region = row.text();
    storage.cluster = row.text();
    storage.source = row.text();
    storage.since = row.instant();
    found.push_back(std::move(storage));
  }
  if (row.failed()) return database_->failure("list buckets");
  return found;
}

Status StateStore::put_storage(const StorageRecord& storage) {
  StateStatement statement(database_->handle,
                           "INSERT OR REPLACE INTO storages(location, status, made, persistent, region, cluster, source, since) "
                           "VALUES(?,?,?,?,?,?,?,?)");
  statement.bind(storage.location).bind(static_cast<int>(storage.status)).bind(storage.made).bind(storage.persistent);
  statement.bind(storage.region).bind(storage.cluster).bind(storage.source).bind(storage.since);
  if (!statement.done()) return database_->failure("record a bucket");
  return {};
}

Status StateStore::remove_storage(const std::string& location) {
  StateStatement statement(database_->handle, "DELETE FROM storages WHERE location = ?");
  if (!statement.bind(location).done()) return database_->failure("forget a bucket");
  return {};
}

std::string_view name_of(VolumeStatus status) {
  static constexpr std::array<std::string_view, 3> kNames = {"INIT", "READY", "DELETING"};
  return kNames[static_cast<std::size_t>(status)];
}

namespace {

constexpr std::string_view kVolumeColumns =
    "name, status, cloud, token, region, name_space, id, size_gib, storage_class, access_mode, labels, use_existing, user, since";

Result<VolumeRecord> read_volume(StateStatement& row) {
  VolumeRecord record;
  auto& volume = record.volume;
  volume.name = row.text();
  record.status = static_cast<VolumeStatus>(row.integer());
  record.cloud = row.text();
  volume.token = row.text();
  volume.region = row.text();
  volume.name_space = row.text();
  volume.id = row.text();
  volume.size_gib = static_cast<std::uint64_t>(row.integer());
  volume.storage_class = row.text();
  volume.access_mode = row.text();
  TRY_ASSIGN(volume.labels, decode_labels(row.text()));
  volume.use_existing = row.integer() != 0;
  record.user = row.text();
  record.since = row.instant();
  return record;
}

/// The first cluster that mounts a volume; empty: none does.
Result<std::string> cluster_with(StateStore& state, const std::string& volume) {
  TRY_ASSIGN(const auto clusters, state.clusters());
  for (const auto& cluster : clusters)
    for (const auto& mount : cluster.volumes)
      if (mount.name == volume) return cluster.name;
  return std::string();
}

}  // namespace

Result<std::vector<VolumeRecord>> StateStore::volumes() {
  StateStatement row(database_->handle, fmt::format("SELECT {} FROM volumes ORDER BY name", kVolumeColumns));
  std::vector<VolumeRecord> found;
  while (row.next()) {
    TRY_ASSIGN(found.emplace_back(), read_volume(row));
  }
  if (row.failed()) return database_->failure("list volumes");
  return found;
}

Result<std::optional<VolumeRecord>> StateStore::volume(const std::string& name) {
  StateStatement row(database_->handle, fmt::format("SELECT {} FROM volumes WHERE name = ?", kVolumeColumns));
  row.bind(name);
  if (row.next()) {
    TRY_ASSIGN(auto record, read_volume(row));
    return std::optional(std::move(record));
  }
  if (row.failed()) return database_->failure("find a volume");
  return std::optional<VolumeRecord>();
}

Status StateStore::put_volume(const VolumeRecord& record) {
  const auto& volume = record.volume;
  StateStatement statement(database_->handle,
                           fmt::format("INSERT OR REPLACE INTO volumes({}) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?)", kVolumeColumns));
  statement.bind(volume.name).bind(static_cast<int>(record.status)).bind(record.cloud).bind(volume.token).bind(volume.region);
  statement.bind(volume.name_space).bind(volume.id).bind(static_cast<std::int64_t>(volume.size_gib)).bind(volume.storage_class);
  statement.bind(volume.access_mode).bind(encode_labels(volume.labels)).bind(volume.use_existing).bind(record.user).bind(record.since);
  if (!statement.done()) return database_->failure("record a volume");
  return {};
}

Status StateStore::begin_volume_removal(const std::string& name) {
  StateTransaction transaction(database_->handle);
  if (!transaction.open()) return database_->failure("record a volume's end");
  TRY_ASSIGN(const auto user, cluster_with(*this, name));
  if (!user.empty()) return invalid(fmt::format("volume '{}' is mounted by cluster '{}'; `isobar down {}` first", name, user, user));
  {
    StateStatement statement(database_->handle, "UPDATE volumes SET status = ? WHERE name = ?");
    if (!statement.bind(static_cast<int>(VolumeStatus::kDeleting)).bind(name).done()) return database_->failure("record a volume's end");
  }
  if (!transaction.commit()) return database_->failure("record a volume's end");
  return {};
}

Status StateStore::remove_volume(const std::string& name) {
  StateStatement statement(database_->handle, "DELETE FROM volumes WHERE name = ?");
  if (!statement.bind(name).done()) return database_->failure("forget a volume");
  return {};
}

Status require_volumes(StateStore::Database& database, const ClusterRecord& cluster) {
  for (const auto& mount : cluster.volumes) {
    if (mount.name.empty()) continue;
    StateStatement row(database.handle, "SELECT status FROM volumes WHERE name = ?");
    row.bind(mount.name);
    if (!row.next())
      return row.failed() ? database.failure("find a volume") : not_found(fmt::format("there is no volume '{}'", mount.name));
    const auto status = static_cast<VolumeStatus>(row.integer());
    if (status != VolumeStatus::kReady)
      return unavailable(fmt::format("volume '{}' is {}; `isobar volumes ls` puts it in order", mount.name, name_of(status)));
  }
  return {};
}

}  // namespace isobar::broker
