// A task as a normalised task file: every field that differs from its default, in a fixed order, alternatives spelt out.

#include <fmt/format.h>

#include <algorithm>

#include "broker/task.h"

namespace isobar::broker {

namespace {

YamlNode plain(std::string text) {
  YamlNode node;
  node.text = std::move(text);
  return node;
}

class MapWriter {
 public:
  MapWriter() { map_.kind = YamlNode::Kind::kMap; }
  void add(std::string key, YamlNode value) { map_.fields.push_back({yaml_string(std::move(key)), std::move(value)}); }
  void text(std::string key, const std::string& value) {
    if (!value.empty()) add(std::move(key), yaml_string(value));
  }
  void number(std::string key, double value) { add(std::move(key), plain(fmt::format("{:.17g}", value))); }
  void integer(std::string key, std::int64_t value) { add(std::move(key), plain(std::to_string(value))); }
  void seconds(std::string key, Duration value) { add(std::move(key), plain(fmt::format("{:g}", to_seconds(value)))); }
  void boolean(std::string key, bool value) { add(std::move(key), plain(value ? "true" : "false")); }
  void texts(std::string key, const std::map<std::string, std::string>& values) {
    if (values.empty()) return;
    MapWriter inner;
    for (const auto& [name, value] : values) inner.add(name, yaml_string(value));
    add(std::move(key), inner.take());
  }
  bool empty() const { return map_.fields.empty(); }
  YamlNode take() { return std::move(map_); }

 private:
  YamlNode map_;
};

YamlNode list_of(std::vector<YamlNode> items) {
  YamlNode node;
  node.kind = YamlNode::Kind::kSequence;
  node.items = std::move(items);
  return node;
}

std::string amount_text(const Amount& amount) { return fmt::format("{:.17g}{}", amount.value, amount.at_least ? "+" : ""); }

constexpr const char* kDiskTiers[] = {"low", "medium", "high", "ultra", "best"};
constexpr const char* kNetworkTiers[] = {"standard", "best"};
constexpr const char* kWaits[] = {"jobs_and_ssh", "jobs", "none"};
constexpr const char* kMountModes[] = {"MOUNT", "COPY", "MOUNT_CACHED"};
constexpr const char* kHookEvents[] = {"stop", "preemption", "down"};

YamlNode show_ports(const std::vector<PortRange>& ports) {
  std::vector<YamlNode> items;
  for (const auto& port : ports)
    items.push_back(port.first == port.last ? plain(std::to_string(port.first)) : yaml_string(fmt::format("{}-{}", port.first, port.last)));
  return list_of(std::move(items));
}

void show_place(const ResourceRequest& request, MapWriter& map) {
  if (!request.cloud && !request.region && !request.zone) return;
  std::string infra = request.cloud.value_or("*");
  if (request.region || request.zone) infra += "/" + request.region.value_or("*");
  if (request.zone) infra += "/" + *request.zone;
  map.text("infra", infra);
}

YamlNode show_autostop(const Autostop& autostop) {
  MapWriter inner;
  const auto seconds = static_cast<std::int64_t>(to_seconds(autostop.idle));
  if (seconds % 60 != 0 && !autostop.down && autostop.wait_for == IdleWait::kJobsAndSsh) return yaml_string(fmt::format("{}s", seconds));
  inner.integer("idle_minutes", seconds / 60);
  if (autostop.down) inner.boolean("down", true);
  if (autostop.wait_for != IdleWait::kJobsAndSsh) inner.text("wait_for", kWaits[static_cast<int>(autostop.wait_for)]);
  return inner.take();
}

void show_volumes(const ResourceRequest& request, MapWriter& map) {
  if (request.volumes.empty()) return;
  std::vector<YamlNode> items;
  for (const auto& volume : request.volumes) {
    MapWriter inner;
    inner.text("name", volume.name);
    inner.text("path", volume.path);
    if (volume.disk_size_gb) inner.integer("disk_size", static_cast<std::int64_t>(*volume.disk_size_gb));
    inner.text("disk_tier", volume.disk_tier);
    inner.text("storage_type", volume.storage_type);
    inner.text("attach_mode", volume.attach_mode);
    if (volume.auto_delete) inner.boolean("auto_delete", true);
    items.push_back(inner.take());
  }
  map.add("volumes", list_of(std::move(items)));
}

void show_disks(const ResourceRequest& request, MapWriter& map) {
  if (request.disk_size_gb) map.integer("disk_size", static_cast<std::int64_t>(*request.disk_size_gb));
  if (request.disk_tier) map.text("disk_tier", kDiskTiers[static_cast<int>(*request.disk_tier)]);
  if (request.local_disk)
    map.text("local_disk",
             (request.local_disk->mode.empty() ? "" : request.local_disk->mode + ":") + amount_text(request.local_disk->size_gb));
  if (request.network_tier) map.text("network_tier", kNetworkTiers[static_cast<int>(*request.network_tier)]);
  if (request.ephemeral_storage_gb) map.integer("ephemeral_storage", static_cast<std::int64_t>(*request.ephemeral_storage_gb));
}

void show_job_recovery(const JobRecovery& recovery, MapWriter& map) {
  MapWriter inner;
  if (recovery.replace_lost_nodes) inner.add("replace_lost_nodes", plain("true"));
  if (!recovery.is_of_managed_jobs) return map.add("job_recovery", inner.take());
  inner.text("strategy", recovery.strategy);
  inner.integer("max_restarts_on_errors", recovery.restarts_on_errors_max);
  std::vector<YamlNode> codes;
  for (const int code : recovery.recover_on_exit_codes) codes.push_back(plain(std::to_string(code)));
  if (!codes.empty()) inner.add("recover_on_exit_codes", list_of(std::move(codes)));
  map.add("job_recovery", inner.take());
}

YamlNode show_request(const ResourceRequest& request) {
  MapWriter map;
  show_place(request, map);
  if (request.instance_type) map.text("instance_type", *request.instance_type);
  if (request.accelerator) {
    const auto& accelerator = *request.accelerator;
    const std::string name = accelerator.memory_gib
                                 ? fmt::format("{:.17g}GB{}", accelerator.memory_gib->value, accelerator.memory_gib->at_least ? "+" : "")
                                 : accelerator.name;
    map.text("accelerators", fmt::format("{}:{:.17g}", name, accelerator.count));
  }
  map.texts("accelerator_args", request.accelerator_args);
  if (request.cpus) map.text("cpus", amount_text(*request.cpus));
  if (request.memory)
    map.text("memory", fmt::format("{:.17g}{}{}", request.memory->amount.value, request.memory->per_cpu ? "x" : "",
                                   request.memory->amount.at_least ? "+" : ""));
  if (request.use_spot) map.boolean("use_spot", true);
  show_disks(request, map);
  if (request.hourly_cost_max) map.number("max_hourly_cost", *request.hourly_cost_max);
  if (!request.ports.empty()) map.add("ports", show_ports(request.ports));
  if (request.image_id) map.text("image_id", *request.image_id);
  map.texts("image_id", request.region_images);
  map.texts("labels", request.labels);
  if (request.autostop) map.add("autostop", show_autostop(*request.autostop));
  if (request.job_recovery) show_job_recovery(*request.job_recovery, map);
  if (request.priority) map.integer("priority", *request.priority);
  if (request.priority_class) map.text("priority_class", *request.priority_class);
  show_volumes(request, map);
  return map.take();
}

void show_resources(const ResourceChoice& choice, MapWriter& map) {
  if (choice.alternatives.size() == 1) {
    YamlNode one = show_request(choice.alternatives[0]);
    if (!one.fields.empty()) map.add("resources", std::move(one));
    return;
  }
  std::vector<YamlNode> items;
  for (const auto& alternative : choice.alternatives) items.push_back(show_request(alternative));
  MapWriter inner;
  inner.add(choice.preference == Preference::kOrdered ? "ordered" : "any_of", list_of(std::move(items)));
  map.add("resources", inner.take());
}

YamlNode show_mount(const FileMount& mount) {
  if (!mount.is_bucket()) return yaml_string(mount.local_source);
  MapWriter inner;
  inner.text("name", mount.bucket_name);
  std::vector<YamlNode> sources;
  for (const auto& source : mount.bucket_sources) sources.push_back(yaml_string(source));
  if (!sources.empty()) inner.add("source", list_of(std::move(sources)));
  inner.text("store", mount.store);
  inner.text("mode", kMountModes[static_cast<int>(mount.mode)]);
  inner.text("type", mount.preset);
  if (!mount.persistent) inner.boolean("persistent", false);
  inner.texts("config", mount.settings);
  return inner.take();
}

void show_mounts(const Task& task, MapWriter& map) {
  if (!task.file_mounts.empty()) {
    MapWriter mounts;
    for (const auto& mount : task.file_mounts) mounts.add(mount.destination, show_mount(mount));
    map.add("file_mounts", mounts.take());
  }
  if (task.volumes.empty()) return;
  MapWriter volumes;
  for (const auto& volume : task.volumes) {
    MapWriter inner;
    inner.text("name", volume.name);
    if (volume.ephemeral_gb) inner.text("size", fmt::format("{}Gi", *volume.ephemeral_gb));
    inner.texts("labels", volume.labels);
    MapWriter config;
    config.text("storage_class_name", volume.storage_class);
    if (volume.access_mode != VolumeMount().access_mode) config.text("access_mode", volume.access_mode);
    if (!config.empty()) inner.add("config", config.take());
    volumes.add(volume.path, inner.take());
  }
  map.add("volumes", volumes.take());
}

void show_variables(std::string key, const std::vector<EnvVar>& variables, bool secret, MapWriter& map) {
  if (variables.empty()) return;
  MapWriter inner;
  for (const auto& variable : variables)
    inner.add(variable.name, !variable.value ? plain("null") : yaml_string(secret ? "<redacted>" : *variable.value));
  map.add(std::move(key), inner.take());
}

YamlNode show_policy(const ReplicaPolicy& policy) {
  MapWriter map;
  map.integer("min_replicas", policy.replicas_min);
  if (policy.replicas_max) map.integer("max_replicas", *policy.replicas_max);
  if (policy.target_qps_per_replica) map.number("target_qps_per_replica", *policy.target_qps_per_replica);
  if (!policy.target_qps_by_accelerator.empty()) {
    MapWriter inner;
    for (const auto& [name, qps] : policy.target_qps_by_accelerator) inner.number(name, qps);
    map.add("target_qps_per_replica", inner.take());
  }
  if (policy.overprovision != 0) map.integer("num_overprovision", policy.overprovision);
  if (policy.dynamic_ondemand_fallback) map.boolean("dynamic_ondemand_fallback", true);
  if (policy.base_ondemand_fallback_replicas != 0) map.integer("base_ondemand_fallback_replicas", policy.base_ondemand_fallback_replicas);
  map.text("spot_placer", policy.spot_placer);
  map.seconds("upscale_delay_seconds", policy.upscale_delay);
  map.seconds("downscale_delay_seconds", policy.downscale_delay);
  return map.take();
}

YamlNode show_service(const Service& service) {
  MapWriter probe;
  probe.text("path", service.probe.path);
  probe.text("post_data", service.probe.post_data);
  probe.texts("headers", service.probe.headers);
  probe.seconds("initial_delay_seconds", service.probe.initial_delay);
  probe.seconds("timeout_seconds", service.probe.timeout);
  probe.seconds("endpoint_probe_interval_seconds", service.probe.interval);
  probe.seconds("consecutive_failure_threshold_timeout", service.probe.failure_threshold);
  MapWriter map;
  map.add("readiness_probe", probe.take());
  map.add("replica_policy", show_policy(service.policy));
  map.text("load_balancing_policy", service.load_balancing_policy);
  if (!service.ports.empty()) map.add("ports", show_ports(service.ports));
  if (service.stream_timeout) {
    MapWriter balancer;
    balancer.seconds("stream_timeout_seconds", *service.stream_timeout);
    map.add("load_balancer", balancer.take());
  }
  if (!service.tls_keyfile.empty()) {
    MapWriter tls;
    tls.text("keyfile", service.tls_keyfile);
    tls.text("certfile", service.tls_certfile);
    map.add("tls", tls.take());
  }
  return map.take();
}

YamlNode show_pool(const Pool& pool) {
  MapWriter map;
  map.integer("min_workers", pool.workers_min);
  if (pool.workers_max) map.integer("max_workers", *pool.workers_max);
  map.integer("queue_length_threshold", pool.queue_length_threshold);
  map.seconds("upscale_delay_seconds", pool.upscale_delay);
  map.seconds("downscale_delay_seconds", pool.downscale_delay);
  return map.take();
}

void show_config(const Task& task, MapWriter& map) {
  if (task.config.empty() && task.hooks.empty()) return;
  MapWriter config;
  for (const auto& [key, text] : task.config) {
    // The text was written by write_yaml, so it reads back.
    auto value = read_yaml(text, key);
    CHECK(value.ok(), key);
    const auto dot = key.find('.');
    if (dot == std::string::npos) {
      config.add(key, std::move((*value)[0]));
      continue;
    }
    MapWriter inner;
    inner.add(key.substr(dot + 1), std::move((*value)[0]));
    config.add(key.substr(0, dot), inner.take());
  }
  std::vector<YamlNode> hooks;
  for (const auto& hook : task.hooks) {
    MapWriter inner;
    inner.text("run", hook.run);
    std::vector<YamlNode> events;
    for (const auto event : hook.events) events.push_back(yaml_string(kHookEvents[static_cast<int>(event)]));
    inner.add("events", list_of(std::move(events)));
    inner.seconds("timeout", hook.timeout);
    hooks.push_back(inner.take());
  }
  if (!hooks.empty()) config.add("hooks", list_of(std::move(hooks)));
  // Keys of one section that stand in several entries become one map.
  YamlNode merged;
  merged.kind = YamlNode::Kind::kMap;
  for (auto& field : config.take().fields) {
    auto same =
        std::find_if(merged.fields.begin(), merged.fields.end(), [&](const YamlField& other) { return other.key.text == field.key.text; });
    if (same == merged.fields.end()) merged.fields.push_back(std::move(field));
    else same->value.fields.insert(same->value.fields.end(), field.value.fields.begin(), field.value.fields.end());
  }
  map.add("config", std::move(merged));
}

void show_data(std::string key, const std::optional<DataEstimate>& data, MapWriter& map) {
  if (!data) return;
  MapWriter inner;
  inner.number(data->uri, data->gb);
  map.add(std::move(key), inner.take());
}

void show_managed_secrets(const Task& task, MapWriter& map) {
  std::vector<YamlNode> items;
  for (const auto& secret : task.managed_secrets) {
    if (secret.mount_path.empty()) {
      items.push_back(yaml_string(secret.name));
      continue;
    }
    MapWriter place, inner;
    place.text("mount_path", secret.mount_path);
    inner.add(secret.name, place.take());
    items.push_back(inner.take());
  }
  if (!items.empty()) map.add("managed_secrets", list_of(std::move(items)));
}

}  // namespace

std::string show_task(const Task& task) {
  MapWriter map;
  map.text("name", task.name);
  if (task.workdir && task.workdir->git_url.empty()) map.text("workdir", task.workdir->path);
  if (task.workdir && !task.workdir->git_url.empty()) {
    MapWriter inner;
    inner.text("url", task.workdir->git_url);
    inner.text("ref", task.workdir->git_ref);
    map.add("workdir", inner.take());
  }
  if (task.num_nodes != 1) map.integer("num_nodes", task.num_nodes);
  show_resources(task.resources, map);
  show_mounts(task, map);
  show_variables("envs", task.envs, false, map);
  show_variables("secrets", task.secrets, true, map);
  show_managed_secrets(task, map);
  show_data("inputs", task.inputs, map);
  show_data("outputs", task.outputs, map);
  if (task.has_depends_on) {
    std::vector<YamlNode> names;
    for (const auto& name : task.depends_on) names.push_back(yaml_string(name));
    map.add("depends_on", list_of(std::move(names)));
  }
  if (task.service) map.add("service", show_service(*task.service));
  if (task.pool) map.add("pool", show_pool(*task.pool));
  show_config(task, map);
  map.text("event_callback", task.event_callback);
  if (!task.api_server_access) map.boolean("api_server_access", false);
  map.text("setup", task.setup);
  map.text("run", task.run);
  return write_yaml(map.take());
}

}  // namespace isobar::broker
