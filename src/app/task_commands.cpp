// task check, task show.

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "broker/task.h"
#include "command.h"

namespace isobar::app {

namespace {

int check_files(Context& context, const std::vector<std::string>& files) {
  int exit_code = kOk;
  for (const auto& path : files) {
    const auto file = broker::load_task_file(path);
    if (!file.ok()) {
      context.console().say(file.error().message());
      exit_code = kUserError;
      continue;
    }
    for (const auto& warning : file->warnings) context.console().say("warning: " + warning);
    const auto available = broker::require_available(*file);
    const std::string count = file->tasks.size() == 1 ? "" : fmt::format(" ({} tasks)", file->tasks.size());
    context.console().print(fmt::format("{}: ok{}\n", path, count));
    if (!available.ok()) context.console().say("note: " + available.error().message());
    const auto values = broker::require_all_values(*file);
    if (!values.ok()) context.console().say("note: " + values.error().message());
  }
  return exit_code;
}

int show_file(Context& context, const std::string& path) {
  const auto file = broker::load_task_file(path);
  if (!file.ok()) return context.console().fail(file.error());
  std::string text;
  if (!file->pipeline_name.empty())
    text += fmt::format("name: {}\n{}---\n", file->pipeline_name,
                        file->execution == broker::Execution::kParallel ? "execution: parallel\n" : "");
  for (std::size_t i = 0; i < file->tasks.size(); ++i) text += (i > 0 ? "---\n" : "") + broker::show_task(file->tasks[i]);
  context.console().print(text);
  return kOk;
}

}  // namespace

void add_task_commands(Commands& commands) {
  CLI::App* task = commands.group(nullptr, "task", "Check task files, and show what they mean.");
  auto files = std::make_shared<std::vector<std::string>>();
  CLI::App* check = commands.add(task, "check", "Report every error of task files, with line and column.",
                                 [files](Context& context) { return check_files(context, *files); });
  check->add_option("FILE", *files, "Task files.")->required();
  auto path = std::make_shared<std::string>();
  CLI::App* show = commands.add(task, "show", "Print a task file normalised: shorthands spelt out, secrets redacted.",
                                [path](Context& context) { return show_file(context, *path); });
  show->add_option("FILE", *path, "Task file.")->required();
}

}  // namespace isobar::app
