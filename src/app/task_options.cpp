#include "task_options.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "base/text.h"

namespace isobar::app {

std::shared_ptr<TaskOptions> add_task_options(CLI::App& command) {
  auto options = std::make_shared<TaskOptions>();
  TaskOptions& o = *options;
  command.add_option("-n,--name", o.name, "Name of the task.");
  command.add_option("--workdir", o.workdir, "Folder to mirror to ~/sky_workdir on every node.");
  command.add_option("--git-url", o.git_url, "Repository to put into ~/sky_workdir on every node, in place of a folder.");
  command.add_option("--git-ref", o.git_ref, "Its branch, tag or full commit id; its default branch when not given.");
  command.add_option("--num-nodes", o.num_nodes, "Number of nodes.");
  command.add_option("--infra", o.infra, "Where: cloud[/region[/zone]]; * for any part.");
  command.add_option("--gpus", o.gpus, "Accelerators of each node, such as A100:8.");
  command.add_option("-t,--instance-type", o.instance_type, "Exact machine type.");
  command.add_option("--cpus", o.cpus, "vCPUs of each node: 4, or 4+ for at least 4.");
  command.add_option("--memory", o.memory, "GiB of memory of each node: 16, 16+, or 4x for 4 GiB per vCPU.");
  command.add_flag(
      "--use-spot,!--no-use-spot", [&o](std::int64_t count) { (count > 0 ? o.use_spot : o.no_use_spot) = true; },
      "Ask for spot machines, or for on-demand ones.");
  command.add_option("--max-hourly-cost", o.max_hourly_cost, "Never pay more than this for a node and hour, in $.");
  command.add_option("--image-id", o.image_id, "Machine image, or docker:IMAGE.");
  command.add_option("--disk-size", o.disk_size, "Disk of each node, in GB.");
  command.add_option("--disk-tier", o.disk_tier, "low, medium, high, ultra or best.");
  command.add_option("--local-disk", o.local_disk, "Instance storage: nvme, ssd, 200+, or nvme:200+.");
  command.add_option("--network-tier", o.network_tier, "standard or best.");
  command.add_option("--ports", o.ports, "Port or range to open; may be repeated.");
  command.add_option("--env", o.envs, "NAME=VALUE, or NAME to take the value from the environment; may be repeated.");
  command.add_option("--env-file", o.env_files, "A dotenv file of variables.");
  command.add_option("--secret", o.secrets, "Like --env, but never shown, logged or stored in clear.");
  command.add_option("--secret-file", o.secret_files, "A dotenv file of secrets.");
  return options;
}

namespace {

// Files first, so that single options override them.
Result<std::vector<broker::EnvVar>> read_variables(const std::vector<std::string>& files, const std::vector<std::string>& options,
                                                   std::string_view name, const Context& context) {
  std::vector<broker::EnvVar> variables;
  for (const auto& file : files) {
    const auto text = read_file(file, 4 << 20);
    if (!text.ok()) return invalid(fmt::format("{}-file: {}", name, text.error().message()));
    TRY_ASSIGN(auto read, broker::parse_dotenv(*text, file));
    variables.insert(variables.end(), read.begin(), read.end());
  }
  for (const auto& option : options) {
    TRY_ASSIGN(auto variable, broker::parse_env_option(option, name, context.environment()));
    variables.push_back(std::move(variable));
  }
  return variables;
}

Result<broker::TaskOverrides> overrides_of(const TaskOptions& o, const Context& context) {
  broker::TaskOverrides overrides;
  TRY_ASSIGN(overrides.envs, read_variables(o.env_files, o.envs, "--env", context));
  TRY_ASSIGN(overrides.secrets, read_variables(o.secret_files, o.secrets, "--secret", context));
  if (!o.name.empty()) overrides.name = o.name;
  if (!o.workdir.empty()) overrides.workdir = o.workdir;
  if (!o.git_url.empty()) overrides.git_url = o.git_url;
  if (!o.git_ref.empty()) overrides.git_ref = o.git_ref;
  if (!o.num_nodes.empty()) overrides.num_nodes = o.num_nodes;
  const std::pair<const char*, const std::string&> fields[] = {{"infra", o.infra},
                                                               {"accelerators", o.gpus},
                                                               {"instance_type", o.instance_type},
                                                               {"cpus", o.cpus},
                                                               {"memory", o.memory},
                                                               {"image_id", o.image_id},
                                                               {"disk_size", o.disk_size},
                                                               {"disk_tier", o.disk_tier},
                                                               {"local_disk", o.local_disk},
                                                               {"network_tier", o.network_tier},
                                                               {"max_hourly_cost", o.max_hourly_cost}};
  for (const auto& [field, text] : fields)
    if (!text.empty()) overrides.resources.emplace_back(field, text);
  if (!o.ports.empty()) overrides.resources.emplace_back("ports", "[" + join(o.ports, ", ") + "]");
  if (o.use_spot) overrides.resources.emplace_back("use_spot", "true");
  if (o.no_use_spot) overrides.resources.emplace_back("use_spot", "false");
  return overrides;
}

bool is_file_name(const std::string& entry) { return entry.ends_with(".yaml") || entry.ends_with(".yml"); }

}  // namespace

Result<broker::TaskFile> load_task(const TaskOptions& options, Context& context) {
  TRY_ASSIGN(const auto overrides, overrides_of(options, context));
  if (options.entry.size() == 1 && is_file_name(options.entry[0])) return broker::load_task_file(options.entry[0], overrides);
  // A command: the task that has it as its run section.
  TRY_ASSIGN(auto file, broker::parse_task_file("run:", "command line", overrides));
  file.tasks[0].run = join(options.entry, " ");
  return file;
}

Result<broker::Task> load_runnable_task(const TaskOptions& options, Context& context) {
  TRY_ASSIGN(auto file, load_task(options, context));
  for (const auto& warning : file.warnings) context.console().say("warning: " + warning);
  TRY(broker::require_available(file));
  TRY(broker::require_all_values(file));
  if (file.tasks.size() > 1)
    return invalid(fmt::format(
        "{}: running a pipeline is not available yet; `isobar optimize {}` plans it, and each of its {} tasks runs as a file of its own",
        file.path, file.path, file.tasks.size()));
  return file.tasks[0];
}

}  // namespace isobar::app
