#include "command.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "base/text.h"
#include "version.h"

namespace isobar::app {

Commands::Commands() : root_(std::make_unique<CLI::App>("One platform that makes many clouds one commodity.", "isobar")) {
  root_->require_subcommand(0, 1);
  root_->set_version_flag("--version", std::string("isobar ") + kVersion, "Print the version and exit.");
  root_->set_help_flag("-h,--help", "Print this help and exit.");
  root_->footer("Start with:  isobar launch examples/hello.yaml\nEach command has its own --help.");
}

Commands::~Commands() = default;

CLI::App* Commands::group(CLI::App* parent, const std::string& name, const std::string& description) {
  CLI::App* command = (parent ? parent : root_.get())->add_subcommand(name, description);
  command->set_help_flag("-h,--help", "Print this help and exit.");
  return command;
}

CLI::App* Commands::add(CLI::App* parent, const std::string& name, const std::string& description, Action action) {
  CLI::App* command = group(parent, name, description);
  command->final_callback([this, command, act = std::move(action)] {
    if (command->get_subcommands().empty()) chosen_ = act;
  });
  return command;
}

namespace {

// "launhc": which command may have been meant. CLI11 reports the first word that it could not place.
std::string suggestion(const CLI::App& root, int argc, char** argv) {
  const CLI::App* at = &root;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word.starts_with("-")) continue;
    std::vector<std::string> names;
    const CLI::App* next = nullptr;
    for (const CLI::App* command : at->get_subcommands([](const CLI::App*) { return true; })) {
      names.push_back(command->get_name());
      if (command->get_name() == word) next = command;
    }
    if (next) {
      at = next;
      continue;
    }
    if (names.empty()) return "";
    const auto near = closest(word, names);
    return fmt::format("there is no command '{}'{}", word,
                       near ? fmt::format("; did you mean `{}`?", *near) : "; `isobar --help` lists them");
  }
  return "";
}

}  // namespace

int Commands::run(int argc, char** argv, Context& context) {
  try {
    root_->parse(argc, argv);
  } catch (const CLI::Success& asked) {
    return root_->exit(asked);  // --help, --version
  } catch (const CLI::ParseError& error) {
    const std::string better = dynamic_cast<const CLI::ExtrasError*>(&error) || dynamic_cast<const CLI::RequiredError*>(&error)
                                   ? suggestion(*root_, argc, argv)
                                   : "";
    context.console().say(fmt::format("isobar: {}", better.empty() ? std::string(error.what()) + " (see --help)" : better));
    return kUserError;
  }
  if (!chosen_) {
    // Only groups were named: show what they hold.
    const CLI::App* at = root_.get();
    while (!at->get_subcommands().empty()) at = at->get_subcommands()[0];
    context.console().print(at->help());
    return at == root_.get() ? kOk : kUserError;
  }
  return chosen_(context);
}

}  // namespace isobar::app
