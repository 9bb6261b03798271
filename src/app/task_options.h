#pragma once

// The options that launch, exec, optimize and task share: which task, and what is laid over it.

#include <memory>
#include <string>
#include <vector>

#include "broker/task.h"
#include "context.h"

namespace CLI {
class App;
}

namespace isobar::app {

struct TaskOptions {
  std::vector<std::string> entry;  ///< a file, or the words of a command
  std::string name, workdir, git_url, git_ref, num_nodes;
  std::vector<std::string> envs, env_files, secrets, secret_files;
  bool use_spot = false, no_use_spot = false;
  /// Options that stand for fields of `resources`: field → text, empty when not given.
  std::string infra, gpus, instance_type, cpus, memory, image_id, disk_size, disk_tier, local_disk, network_tier, max_hourly_cost;
  std::vector<std::string> ports;
};

/// Adds the options to a command. The result lives as long as the command's action holds it.
std::shared_ptr<TaskOptions> add_task_options(CLI::App& command);

/// Reads the task. An entry that ends in .yaml or .yml is a file; anything else is a command to run.
/// Errors   kInvalidArgument: every problem of the file or the options
Result<broker::TaskFile> load_task(const TaskOptions& options, Context& context);

/// A single task that this version can run now, with all its values; warnings are said.
Result<broker::Task> load_runnable_task(const TaskOptions& options, Context& context);

}  // namespace isobar::app
