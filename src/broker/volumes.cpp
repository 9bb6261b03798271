#include "broker/volumes.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/random.h"
#include "base/text.h"
#include "cluster_facts.h"

namespace isobar::broker {

namespace {

constexpr Duration kAskDeadline = std::chrono::seconds(30);
/// What a claim may take to go once nothing mounts it.
constexpr Duration kRemovalDeadline = std::chrono::minutes(2);
constexpr const char* kNamespaceKey = "kubernetes.namespace";

cloud::Volume wanted_volume(const VolumeSpec& spec) {
  return {.name = spec.name,
          .token = secure_random_hex(8),
          .region = spec.region,
          .name_space = spec.name_space,
          .id = {},
          .size_gib = spec.size_gib,
          .storage_class = spec.storage_class,
          .access_mode = spec.access_mode,
          .labels = spec.labels,
          .use_existing = spec.use_existing};
}

// The first thing in which a volume is not as it is asked for; empty: none. What the spec leaves open is as it is.
std::string difference(const VolumeSpec& spec, const cloud::Volume& there) {
  const auto differs = [](const std::string& wanted, const std::string& is) { return !wanted.empty() && wanted != is; };
  if (spec.use_existing != there.use_existing)
    return there.use_existing ? "use_existing: it was there before isobar" : "use_existing: isobar made it";
  if (differs(spec.region, there.region)) return "infra: it is in context " + there.region;
  if (differs(spec.name_space, there.name_space)) return "config.namespace: it is in " + there.name_space;
  if (spec.use_existing) return spec.size_gib > there.size_gib ? fmt::format("size: it has {}Gi", there.size_gib) : "";
  if (spec.size_gib != there.size_gib) return fmt::format("size: it has {}Gi", there.size_gib);
  if (differs(spec.storage_class, there.storage_class)) return "config.storage_class_name: it is of " + there.storage_class;
  if (spec.access_mode != there.access_mode) return "config.access_mode: it is " + there.access_mode;
  return spec.labels != there.labels ? "labels" : "";
}

/// Nobody knows whether it was done.
bool is_unheard(const Error& error) { return error.code() == Code::kUnavailable || error.code() == Code::kDeadlineExceeded; }

std::string claim_of(const cloud::Volume& volume) {
  return fmt::format("claim {} (namespace {} of context {})", volume.id, volume.name_space, volume.region);
}

}  // namespace

Result<ClusterLock> Volumes::hold(const std::string& name) {
  const auto folder = parts_.lock_folder / "volumes";
  TRY(make_folders(folder));
  return ClusterLock::acquire(folder, name, "isobar volumes", parts_.config.lock_deadline.value, parts_.say);
}

Result<cloud::VolumeDriver*> Volumes::driver_of(const std::string& cloud) {
  TRY_ASSIGN(auto* provider, find_provider(parts_, cloud));
  if (auto* driver = provider->volumes()) return driver;
  return invalid(fmt::format("{} has no volumes", cloud));
}

Result<VolumeRecord> Volumes::apply(const VolumeSpec& spec, const std::string& user) {
  TRY_ASSIGN(const auto lock, hold(spec.name));
  TRY_ASSIGN(auto before, parts_.state.volume(spec.name));
  if (before && before->status != VolumeStatus::kReady) {
    TRY(settle(*before));
    TRY_ASSIGN(before, parts_.state.volume(spec.name));
  }
  TRY_ASSIGN(auto* driver, driver_of(spec.cloud));
  if (before) {
    if (const auto what = difference(spec, before->volume); !what.empty())
      return invalid(fmt::format("volume '{}' is there, and cannot be changed in its {}; `isobar volumes delete {}` first", spec.name, what,
                                 spec.name));
    TRY_ASSIGN(const auto there, driver->find(before->volume, kAskDeadline));
    if (there && !there->deleting) return *before;
    return not_found(fmt::format("{} of volume '{}' was deleted by somebody else; `isobar volumes delete {}` forgets it",
                                 claim_of(before->volume), spec.name, spec.name));
  }
  VolumeRecord record{.cloud = spec.cloud, .user = user, .since = parts_.clock.now()};
  TRY_ASSIGN(record.volume, driver->plan(wanted_volume(spec), kAskDeadline));
  return make(std::move(record));
}

// On record first. What the cloud says no to it has not made; of a request without an answer the record stays, for whoever comes next.
Result<VolumeRecord> Volumes::make(VolumeRecord record) {
  TRY_ASSIGN(auto* driver, driver_of(record.cloud));
  record.status = VolumeStatus::kInit;
  TRY(parts_.state.put_volume(record));
  const auto made = driver->make(record.volume, kAskDeadline);
  if (!made.ok() && !is_unheard(made.error())) TRY(parts_.state.remove_volume(record.volume.name));
  TRY(made);
  record.status = VolumeStatus::kReady;
  TRY(parts_.state.put_volume(record));
  parts_.log.info("volume_made", {{"volume", record.volume.name}, {"claim", record.volume.id}});
  return record;
}

// A command was killed: what it had begun to make is there or is not, and what it had begun to remove goes.
Status Volumes::settle(const VolumeRecord& record) {
  parts_.log.warn("volume_repaired", {{"volume", record.volume.name}, {"status", name_of(record.status)}});
  if (record.status == VolumeStatus::kDeleting) return finish_removal(record);
  TRY_ASSIGN(auto* driver, driver_of(record.cloud));
  TRY_ASSIGN(const auto there, driver->find(record.volume, kAskDeadline));
  const bool whole = there && (there->ours || record.volume.use_existing) && !there->deleting;
  if (!whole) return parts_.state.remove_volume(record.volume.name);
  auto ready = record;
  ready.status = VolumeStatus::kReady;
  return parts_.state.put_volume(ready);
}

Result<std::vector<VolumeRecord>> Volumes::list() {
  TRY_ASSIGN(const auto recorded, parts_.state.volumes());
  const auto folder = parts_.lock_folder / "volumes";
  TRY(make_folders(folder));
  for (const auto& record : recorded) {
    if (record.status == VolumeStatus::kReady) continue;
    const auto lock = ClusterLock::try_acquire(folder, record.volume.name, "isobar volumes");
    if (!lock.ok()) continue;  // its command is at work
    TRY_ASSIGN(const auto still, parts_.state.volume(record.volume.name));
    if (!still || still->status == VolumeStatus::kReady) continue;
    // What cannot be asked now is put in order the next time, and must not keep anyone from the rest.
    if (const auto settled = settle(*still); !settled.ok())
      parts_.say(fmt::format("Volume '{}' is not in order yet: {}", record.volume.name, settled.error().message()));
  }
  return parts_.state.volumes();
}

Status Volumes::remove(const std::string& name, IfItFails if_it_fails) {
  TRY_ASSIGN(const auto lock, hold(name));
  TRY_ASSIGN(const auto record, parts_.state.volume(name));
  if (!record) return not_found(fmt::format("there is no volume '{}'; `isobar volumes ls` lists those there are", name));
  const auto& volume = record->volume;
  if (!volume.use_existing && if_it_fails == IfItFails::kKeep) {
    TRY_ASSIGN(auto* driver, driver_of(record->cloud));
    TRY_ASSIGN(auto pods, driver->users(volume, kAskDeadline));
    // Which of our own clusters has it is said by its name.
    TRY(parts_.state.begin_volume_removal(name));
    if (!pods.empty()) {
      TRY(parts_.state.put_volume(*record));
      return invalid(fmt::format("volume '{}' is mounted by {}; end that first", name, join(pods, ", ")));
    }
  } else {
    TRY(parts_.state.begin_volume_removal(name));
  }
  const auto gone = finish_removal(*record);
  if (gone.ok() || if_it_fails == IfItFails::kKeep) return gone;
  parts_.say(
      fmt::format("Forgotten all the same: {}. What may be left of {} is yours to remove.", gone.error().message(), claim_of(volume)));
  return parts_.state.remove_volume(name);
}

Status Volumes::finish_removal(const VolumeRecord& record) {
  const auto& volume = record.volume;
  if (!volume.use_existing) {
    TRY_ASSIGN(auto* driver, driver_of(record.cloud));
    TRY(driver->remove(volume, kRemovalDeadline).context(fmt::format("delete volume '{}'", volume.name)));
  }
  parts_.log.info("volume_removed", {{"volume", volume.name}, {"claim", volume.id}, {"kept", volume.use_existing}});
  return parts_.state.remove_volume(volume.name);
}

Result<std::vector<cloud::VolumeUse>> Volumes::resolve(const std::vector<VolumeMount>& mounts) {
  std::vector<cloud::VolumeUse> uses;
  for (const auto& mount : mounts) {
    cloud::VolumeUse use{.path = mount.path, .volume = {}, .ephemeral = mount.name.empty()};
    if (use.ephemeral) {
      use.volume.size_gib = mount.ephemeral_gb.value_or(1);
      use.volume.storage_class = mount.storage_class;
      use.volume.access_mode = mount.access_mode;
      use.volume.labels = mount.labels;
    } else {
      TRY_ASSIGN(const auto record, parts_.state.volume(mount.name));
      if (!record)
        return not_found(
            fmt::format("volumes.{}: there is no volume '{}'; `isobar volumes apply FILE` makes one, `isobar volumes ls` lists "
                        "those there are",
                        mount.path, mount.name));
      if (record->status != VolumeStatus::kReady)
        return unavailable(fmt::format("volumes.{}: volume '{}' is {}; `isobar volumes ls` puts it in order", mount.path, mount.name,
                                       name_of(record->status)));
      use.volume = record->volume;
    }
    uses.push_back(std::move(use));
  }
  return uses;
}

Result<Task> placed_at_volumes(Task task, const std::vector<cloud::VolumeUse>& uses) {
  const cloud::Volume* first = nullptr;
  for (const auto& use : uses) {
    if (use.ephemeral) continue;
    if (!first) first = &use.volume;
    if (use.volume.region != first->region || use.volume.name_space != first->name_space)
      return invalid(fmt::format("volumes '{}' (context {}, namespace {}) and '{}' (context {}, namespace {}) cannot be mounted together",
                                 first->name, first->region, first->name_space, use.volume.name, use.volume.region, use.volume.name_space));
  }
  if (!first) return task;
  for (auto& alternative : task.resources.alternatives) {
    if (!alternative.cloud) alternative.cloud = "kubernetes";
    if (*alternative.cloud != "kubernetes") continue;
    if (alternative.region && *alternative.region != "*" && *alternative.region != first->region)
      return invalid(fmt::format("volume '{}' is in context {}, the task asks for {}", first->name, first->region, *alternative.region));
    alternative.region = first->region;
  }
  const auto wanted = task.config.find(kNamespaceKey);
  if (wanted != task.config.end() && trim(wanted->second) != first->name_space)
    return invalid(fmt::format("volume '{}' is in namespace {}, config.{} asks for {}", first->name, first->name_space, kNamespaceKey,
                               trim(wanted->second)));
  task.config[kNamespaceKey] = first->name_space;
  return task;
}

std::string no_volumes_here(const std::vector<cloud::VolumeUse>& uses) {
  return fmt::format("mounts no volumes ({}); Kubernetes does", uses.at(0).path);
}

Status check_volumes(cloud::Provider& driver, const std::vector<cloud::VolumeUse>& uses, int nodes) {
  if (uses.empty()) return {};
  if (const auto* volumes = driver.volumes()) return volumes->check(uses, nodes);
  return invalid(no_volumes_here(uses));
}

}  // namespace isobar::broker
