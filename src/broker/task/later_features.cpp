// What a file may ask for and this version does not act on yet. A task that uses one of these is refused before
// anything is started, and told so by name: silently ignoring a field would be worse than refusing it.

#include <fmt/format.h>

#include <algorithm>

#include "readers.h"

namespace isobar::broker {

namespace {

// By what isobar-node reads.
bool is_fetched(std::string_view source) {
  for (const std::string_view scheme : {"s3://", "gs://", "az://", "https://", "http://"})
    if (source.starts_with(scheme)) return true;
  return false;
}

bool is_made_by_us(const std::string& store) { return store.empty() || store == "S3" || store == "GCS" || store == "AZURE"; }

bool any_alternative(const Task& task, bool (*asks)(const ResourceRequest&)) {
  for (const auto& alternative : task.resources.alternatives)
    if (asks(alternative)) return true;
  return false;
}

/// Of the keys that a task may set, those that a driver reads (cloud/kubernetes/kube_wishes.h).
bool is_acted_on(const std::string& key) {
  static const std::vector<std::string> kKeys = {"kubernetes.custom_metadata",
                                                 "kubernetes.namespace",
                                                 "kubernetes.pod_config",
                                                 "kubernetes.ports",
                                                 "kubernetes.provision_timeout",
                                                 "kubernetes.remote_identity",
                                                 "kubernetes.set_pod_resource_limits"};
  return std::find(kKeys.begin(), kKeys.end(), key) != kKeys.end();
}

}  // namespace

std::vector<LaterFeature> find_later_features(const YamlNode& document, const Task& task) {
  std::vector<LaterFeature> later;
  const auto mark_of = [&](std::string_view key) {
    const YamlNode* value = document.find(key);
    return value ? value->mark : YamlMark{};
  };
  const auto add = [&](bool asked, std::string field, std::string_view top, std::string reason) {
    if (asked) later.push_back({std::move(field), mark_of(top), std::move(reason)});
  };
  for (const auto& mount : task.file_mounts) {
    const std::string field = "file_mounts." + mount.destination;
    if (!mount.is_bucket()) continue;
    if (mount.is_made()) {
      add(!is_made_by_us(mount.store), field, "file_mounts",
          fmt::format("making a bucket of {} is not available yet; there are S3, GCS and AZURE", mount.store));
      continue;
    }
    add(mount.mode != MountMode::kCopy && mount.bucket_sources.size() > 1, field, "file_mounts",
        "several sources in one mount are not available yet; mount each at a place of its own");
    for (const auto& source : mount.bucket_sources)
      add(!is_fetched(source), field, "file_mounts",
          fmt::format("'{}' cannot be {} a node; what can is s3://, gs:// and az://{}", source,
                      mount.mode == MountMode::kCopy ? "copied to" : "mounted on",
                      mount.mode == MountMode::kCopy ? ", and https:// of one file" : ""));
  }
  add(!task.managed_secrets.empty(), "managed_secrets", "managed_secrets", "secrets held by a server are not available yet; use secrets");
  add(task.service.has_value(), "service", "service", "serving replicas is not available yet");
  add(task.pool.has_value(), "pool", "pool", "pools of workers are not available yet");
  for (const auto& [key, value] : task.config)
    add(!is_acted_on(key), "config." + key, "config", "overriding this configuration for one task is not available yet");
  add(!task.hooks.empty(), "config.hooks", "config", "lifecycle hooks are not available yet");
  add(!task.event_callback.empty(), "event_callback", "event_callback", "managed jobs, and their event_callback, are not available yet");
  add(any_alternative(task, [](const ResourceRequest& r) { return r.job_recovery && r.job_recovery->is_of_managed_jobs; }),
      "resources.job_recovery", "resources", "managed jobs, which recover, are not available yet (isobar rehearse acts on it)");
  add(any_alternative(task, [](const ResourceRequest& r) { return r.priority || r.priority_class; }), "resources.priority", "resources",
      "managed jobs, which have priorities, are not available yet");
  add(any_alternative(task, [](const ResourceRequest& r) { return !r.volumes.empty(); }), "resources.volumes", "resources",
      "VM volumes are not available yet");
  return later;
}

}  // namespace isobar::broker
