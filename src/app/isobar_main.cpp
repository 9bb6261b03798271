// isobar: the wiring diagram. Every part is built in Context, in order, and handed what it needs; this file only says
// which commands there are.

#include "command.h"

int main(int argc, char** argv) {
  using namespace isobar::app;
  Context context;
  Commands commands;
  add_launch_commands(commands);
  add_cluster_commands(commands);
  add_ssh_commands(commands);
  add_db_commands(commands);
  add_features_commands(commands);
  add_fuzz_commands(commands);
  add_job_commands(commands);
  add_task_commands(commands);
  add_catalog_commands(commands);
  add_copy_commands(commands);
  add_object_commands(commands);
  add_storage_commands(commands);
  add_volume_commands(commands);
  add_transfer_commands(commands);
  add_generate_commands(commands);
  return commands.run(argc, argv, context);
}
