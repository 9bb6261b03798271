// The `service` and `pool` sections.

#include <fmt/format.h>

#include "readers.h"

namespace isobar::broker {

namespace {

void read_probe(FieldReader& fields, ReadinessProbe& probe) {
  const YamlNode* node = fields.get("readiness_probe");
  if (!node) {
    fields.report("readiness_probe", "a service needs a readiness_probe, such as /health");
    return;
  }
  if (node->kind == YamlNode::Kind::kScalar) {
    probe.path = node->text;
  } else {
    FieldReader inner(*node, fields.path_of("readiness_probe"), fields.problems());
    if (!inner.text("path", probe.path)) inner.report("path", "a probe needs a path, such as /health");
    if (const YamlNode* data = inner.get("post_data"))
      probe.post_data = data->kind == YamlNode::Kind::kScalar ? data->text : write_yaml(*data);
    inner.text_map("headers", probe.headers);
    inner.seconds("initial_delay_seconds", probe.initial_delay);
    inner.seconds("timeout_seconds", probe.timeout);
    inner.seconds("endpoint_probe_interval_seconds", probe.interval);
    inner.seconds("consecutive_failure_threshold_timeout", probe.failure_threshold);
    inner.finish();
  }
  if (!probe.path.empty() && probe.path[0] != '/')
    fields.report("readiness_probe", fmt::format("the path must begin with /, got '{}'", probe.path));
}

void read_target_qps(FieldReader& inner, ReplicaPolicy& policy) {
  const YamlNode* node = inner.get("target_qps_per_replica");
  if (!node) return;
  if (node->kind == YamlNode::Kind::kMap) {
    FieldReader by_accelerator(*node, inner.path_of("target_qps_per_replica"), inner.problems());
    for (const auto& field : by_accelerator.free_fields())
      by_accelerator.number(field.key.text, policy.target_qps_by_accelerator[field.key.text], 0);
    return;
  }
  double qps = 0;
  if (inner.number("target_qps_per_replica", qps, 0)) policy.target_qps_per_replica = qps;
}

void read_policy(FieldReader& fields, ReplicaPolicy& policy) {
  const YamlNode* node = fields.get("replica_policy");
  if (!node) return;
  FieldReader inner(*node, fields.path_of("replica_policy"), fields.problems());
  if (!inner.integer("min_replicas", policy.replicas_min, 0, 100'000)) inner.report("min_replicas", "a replica_policy needs min_replicas");
  int most = 0;
  if (inner.integer("max_replicas", most, 0, 100'000)) policy.replicas_max = most;
  if (policy.replicas_max && *policy.replicas_max < policy.replicas_min) inner.report("max_replicas", "max_replicas is below min_replicas");
  read_target_qps(inner, policy);
  inner.integer("num_overprovision", policy.overprovision, 0, 100'000);
  inner.boolean("dynamic_ondemand_fallback", policy.dynamic_ondemand_fallback);
  inner.integer("base_ondemand_fallback_replicas", policy.base_ondemand_fallback_replicas, 0, 100'000);
  if (inner.choice("spot_placer", {"dynamic_fallback"})) policy.spot_placer = "dynamic_fallback";
  inner.seconds("upscale_delay_seconds", policy.upscale_delay);
  inner.seconds("downscale_delay_seconds", policy.downscale_delay);
  inner.finish();
  const bool scales = policy.target_qps_per_replica || !policy.target_qps_by_accelerator.empty();
  if (policy.replicas_max && *policy.replicas_max != policy.replicas_min && !scales)
    inner.report("max_replicas", "replicas that scale need target_qps_per_replica");
}

void read_tls(FieldReader& fields, Service& service) {
  const YamlNode* node = fields.get("tls");
  if (!node) return;
  FieldReader inner(*node, fields.path_of("tls"), fields.problems());
  if (!inner.text("keyfile", service.tls_keyfile)) inner.report("keyfile", "tls needs keyfile and certfile");
  if (!inner.text("certfile", service.tls_certfile)) inner.report("certfile", "tls needs keyfile and certfile");
  inner.finish();
}

}  // namespace

Service read_service(const YamlNode& node, const std::string& path, Problems& problems) {
  FieldReader fields(node, path, problems);
  Service service;
  read_probe(fields, service.probe);
  int replicas = 1;
  const bool fixed = fields.integer("replicas", replicas, 1, 100'000);
  if (fixed) service.policy.replicas_min = replicas;
  if (fixed && fields.has("replica_policy")) fields.report("replicas", "replicas and replica_policy do not go together; use one of them");
  read_policy(fields, service.policy);
  if (const YamlNode* ports = fields.get("ports")) service.ports = read_ports(*ports, fields.path_of("ports"), problems);
  const std::vector<std::string> policies = {"round_robin", "least_load", "instance_aware_least_load"};
  if (auto policy = fields.choice("load_balancing_policy", policies)) service.load_balancing_policy = policies[*policy];
  if (const YamlNode* balancer = fields.get("load_balancer")) {
    FieldReader inner(*balancer, fields.path_of("load_balancer"), problems);
    Duration timeout{};
    if (inner.seconds("stream_timeout_seconds", timeout)) service.stream_timeout = timeout;
    inner.finish();
  }
  read_tls(fields, service);
  fields.finish();
  return service;
}

Pool read_pool(const YamlNode& node, const std::string& path, Problems& problems) {
  FieldReader fields(node, path, problems);
  Pool pool;
  int workers = 0, most = 0;
  if (fields.integer("workers", workers, 1, 100'000)) {
    pool.workers_min = workers;
    if (fields.has("min_workers") || fields.has("max_workers"))
      fields.report("workers", "workers and min_workers/max_workers do not go together");
  } else {
    fields.integer("min_workers", pool.workers_min, 0, 100'000);
    if (fields.integer("max_workers", most, 1, 100'000)) pool.workers_max = most;
    if (pool.workers_max && *pool.workers_max < pool.workers_min) fields.report("max_workers", "max_workers is below min_workers");
  }
  fields.integer("queue_length_threshold", pool.queue_length_threshold, 1, INT32_MAX);
  fields.seconds("upscale_delay_seconds", pool.upscale_delay);
  fields.seconds("downscale_delay_seconds", pool.downscale_delay);
  fields.finish();
  return pool;
}

}  // namespace isobar::broker
