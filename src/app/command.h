#pragma once

// The command tree. Each source adds its commands with what they do; the tree is also what the man page and the shell
// completions are made from.

#include <functional>
#include <memory>
#include <string>

#include "context.h"

namespace CLI {
class App;
}

namespace isobar::app {

/// The command that was chosen, run after the whole command line was understood.
using Action = std::function<int(Context&)>;

class Commands {
 public:
  Commands();
  ~Commands();

  /// Adds a command below `parent` (nullptr: the top). The action runs if it is the one chosen.
  CLI::App* add(CLI::App* parent, const std::string& name, const std::string& description, Action action);
  /// A command that only groups others.
  CLI::App* group(CLI::App* parent, const std::string& name, const std::string& description);

  CLI::App& root() { return *root_; }
  /// Parses and runs; returns the exit code.
  int run(int argc, char** argv, Context& context);

 private:
  std::unique_ptr<CLI::App> root_;
  Action chosen_;
};

void add_launch_commands(Commands& commands);    // launch, exec, optimize
void add_cluster_commands(Commands& commands);   // status, start, stop, down, autostop, cost
void add_job_commands(Commands& commands);       // queue, logs, cancel
void add_task_commands(Commands& commands);      // task check, task show
void add_catalog_commands(Commands& commands);   // gpus, catalog, check
void add_copy_commands(Commands& commands);      // cp, mv, sync
void add_object_commands(Commands& commands);    // ls, du, cat, rm, mb, rb
void add_transfer_commands(Commands& commands);  // transfer …
void add_ssh_commands(Commands& commands);       // ssh up, status, down
void add_db_commands(Commands& commands);        // db …
void add_features_commands(Commands& commands);  // features …
void add_fuzz_commands(Commands& commands);      // fuzz …
void add_storage_commands(Commands& commands);   // storage ls, delete
void add_volume_commands(Commands& commands);    // volumes apply, ls, delete
void add_generate_commands(Commands& commands);  // completion, man

void add_db_bench_commands(Commands& commands, CLI::App* db_group);                // status, bench
void add_db_evidence_commands(Commands& commands, CLI::App* db_group);             // evidence
void add_db_planner_commands(Commands& commands, CLI::App* db_group);              // planner
void add_db_gateway_commands(Commands& commands, CLI::App* db_group);              // gateway
void add_db_demo_command(Commands& commands, CLI::App* db_group);                  // demo
void add_features_plan_command(Commands& commands, CLI::App* features_group);      // plan
void add_features_training_command(Commands& commands, CLI::App* features_group);  // training-set
void add_features_apply_command(Commands& commands, CLI::App* features_group);     // apply
void add_features_serve_command(Commands& commands, CLI::App* features_group);     // serve
void add_features_skew_command(Commands& commands, CLI::App* features_group);      // skew
void add_features_demo_command(Commands& commands, CLI::App* features_group);      // demo
void add_fuzz_triage_commands(Commands& commands, CLI::App* fuzz_group);           // triage, minimize, show
void add_fuzz_corpus_commands(Commands& commands, CLI::App* fuzz_group);           // cmin, import, export, coverage
void add_transfer_plan_commands(Commands& commands, CLI::App* transfer_group);     // plan, regions
void add_transfer_measure_commands(Commands& commands, CLI::App* transfer_group);  // measure, profile
void add_transfer_netem_commands(Commands& commands, CLI::App* transfer_group);    // netem …

}  // namespace isobar::app
