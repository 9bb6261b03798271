// The `config` section: lifecycle hooks, and overrides of a whitelist of configuration keys for this task alone.

#include <fmt/format.h>

#include <algorithm>

#include "base/bytes.h"
#include "base/text.h"
#include "readers.h"

namespace isobar::broker {

namespace {

constexpr std::size_t kHooksMax = 32;
constexpr std::size_t kHookBytesMax = 16 * kKiB;

const std::vector<std::string> kOverridable = {
    "active_workspace",
    "azure.remote_identity",
    "azure.vpc_name",
    "docker.run_options",
    "gcp.enable_gpu_direct",
    "gcp.enable_gvnic",
    "gcp.managed_instance_group",
    "gcp.placement_policy",
    "gcp.subnet_names",
    "gcp.vpc_name",
    "kubernetes.custom_metadata",
    "kubernetes.dws",
    "kubernetes.enable_docker",
    "kubernetes.kueue",
    "kubernetes.namespace",
    "kubernetes.pod_config",
    "kubernetes.ports",
    "kubernetes.provision_timeout",
    "kubernetes.quota",
    "kubernetes.remote_identity",
    "kubernetes.set_pod_resource_limits",
    "nvidia_gpus.disable_ecc",
    "slurm.cpu_partition",
    "slurm.quota",
    "slurm.sbatch_options",
    "ssh.custom_metadata",
    "ssh.pod_config",
    "ssh.provision_timeout",
    "vast.create_instance_kwargs",
    "vast.datacenter_only",
};

void read_hook(const YamlNode& node, const std::string& path, Task& task, Problems& problems) {
  FieldReader fields(node, path, problems);
  LifecycleHook hook;
  if (!fields.text("run", hook.run)) fields.report("run", "a hook needs the command to run");
  if (hook.run.size() > kHookBytesMax) fields.report("run", "a hook's command may be 16 KiB at most; put it in a file of the workdir");
  std::vector<std::string> events;
  if (fields.text_list("events", events)) {
    hook.events.clear();
    for (const auto& event : events) {
      const std::vector<std::string> names = {"stop", "preemption", "down"};
      const auto found = std::find(names.begin(), names.end(), event);
      if (found == names.end()) fields.report("events", fmt::format("expected stop, preemption or down, got '{}'", event));
      else hook.events.push_back(static_cast<HookEvent>(found - names.begin()));
    }
  }
  fields.seconds("timeout", hook.timeout);
  fields.finish();
  task.hooks.push_back(std::move(hook));
}

void read_hooks(const YamlNode& node, const std::string& path, Task& task, Problems& problems) {
  if (node.kind != YamlNode::Kind::kSequence || node.items.size() > kHooksMax) {
    problems.add(node.mark, path, fmt::format("expected a list of at most {} hooks, got {}", kHooksMax, describe_node(node)));
    return;
  }
  for (std::size_t i = 0; i < node.items.size(); ++i) read_hook(node.items[i], fmt::format("{}[{}]", path, i), task, problems);
}

void refuse(const YamlNode& key, const std::string& dotted, const std::string& path, Problems& problems) {
  std::string message = "this key may not be set for one task";
  if (const auto near = closest(dotted, kOverridable)) message += fmt::format("; did you mean {}?", *near);
  else message += "; the keys are hooks, " + join(kOverridable, ", ");
  problems.add(key.mark, path, message);
}

}  // namespace

void read_config(const YamlNode& node, const std::string& path, Task& task, Problems& problems) {
  FieldReader fields(node, path, problems);
  for (const auto& field : fields.free_fields()) {
    const std::string& name = field.key.text;
    const auto allowed = [](const std::string& key) {
      return std::find(kOverridable.begin(), kOverridable.end(), key) != kOverridable.end();
    };
    if (name == "hooks") {
      read_hooks(field.value, fields.path_of(name), task, problems);
    } else if (allowed(name)) {
      task.config[name] = write_yaml(field.value);
    } else if (field.value.kind == YamlNode::Kind::kMap) {
      for (const auto& inner : field.value.fields) {
        const std::string dotted = name + "." + inner.key.text;
        if (allowed(dotted)) task.config[dotted] = write_yaml(inner.value);
        else refuse(inner.key, dotted, fields.path_of(dotted), problems);
      }
    } else {
      refuse(field.key, name, fields.path_of(name), problems);
    }
  }
}

}  // namespace isobar::broker
