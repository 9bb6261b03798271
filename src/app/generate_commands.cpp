// completion, man: made from the command tree itself, so that they cannot fall behind it.

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>

#include "base/text.h"
#include "command.h"
#include "later_options.h"
#include "version.h"

namespace isobar::app {

namespace {

std::vector<const CLI::App*> visible_commands(const CLI::App& app) {
  std::vector<const CLI::App*> commands;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; }))
    if (!command->get_group().empty()) commands.push_back(command);
  return commands;
}

// Calls visit(path, command) for the root, whose path is empty, and every command below it; path is "catalog import".
template <class Visit>
void walk(const CLI::App& app, const std::string& path, const Visit& visit) {
  visit(path, app);
  for (const CLI::App* command : visible_commands(app))
    walk(*command, path.empty() ? command->get_name() : path + " " + command->get_name(), visit);
}

std::vector<const CLI::Option*> visible_options(const CLI::App& app) {
  return app.get_options([](const CLI::Option* option) { return !option->get_group().empty(); });
}

// Without those that would be refused.
std::vector<const CLI::Option*> offered_options(const CLI::App& app) {
  return app.get_options([](const CLI::Option* option) { return !option->get_group().empty() && option->get_group() != kLaterGroup; });
}

// -c --cluster; empty for a positional argument.
std::vector<std::string> flag_names(const CLI::Option& option) {
  std::vector<std::string> names;
  for (const auto& name : option.get_snames()) names.push_back("-" + name);
  for (const auto& name : option.get_lnames()) names.push_back("--" + name);
  return names;
}

// What may stand as the value of an option or argument.
struct Values {
  enum Kind { kNone, kAnything, kWords, kClusters, kFiles } kind = kNone;
  std::string words;
};

Values values_of(const CLI::Option& option) {
  if (option.get_items_expected_max() == 0) return {};
  const std::string type = option.get_type_name();  // "TEXT:{table,json}" where the choice is closed
  if (const auto brace = type.find('{'); brace != std::string::npos) {
    std::string words = type.substr(brace + 1, type.find('}') - brace - 1);
    std::replace(words.begin(), words.end(), ',', ' ');
    return {Values::kWords, words};
  }
  const std::string name = to_lower(option.get_lnames().empty() ? option.get_name() : option.get_lnames()[0]);
  if (name == "cluster") return {Values::kClusters, ""};
  const bool is_file =
      name == "task" || name == "file" || name == "path" || name == "workdir" || name == "faults" || name.ends_with("-file");
  return {is_file ? Values::kFiles : Values::kAnything, ""};
}

// What the positional arguments of a command may be.
Values argument_of(const CLI::App& app) {
  Values found;
  for (const CLI::Option* option : offered_options(app))
    if (flag_names(*option).empty() && (found.kind == Values::kNone || found.kind == Values::kAnything)) found = values_of(*option);
  return found;
}

// The patterns by which bash and zsh tell which command is meant, word for word: ' launch'|'catalog import'.
std::string known_paths(const CLI::App& root) {
  std::vector<std::string> patterns;
  walk(root, "", [&](const std::string& path, const CLI::App&) {
    if (!path.empty()) patterns.push_back(fmt::format("'{}{}'", path.find(' ') == std::string::npos ? " " : "", path));
  });
  return join(patterns, "|");
}

// One shell variable set by a case: the words to choose from, or `clusters=1`, or `files=1`.
std::string assignment(const Values& values) {
  switch (values.kind) {
    case Values::kWords: return fmt::format(" words='{}'", values.words);
    case Values::kClusters: return " clusters=1";
    case Values::kFiles: return " files=1";
    default: return "";
  }
}

std::string words_of(const CLI::App& app) {
  std::vector<std::string> words;
  for (const CLI::App* command : visible_commands(app)) words.push_back(command->get_name());
  return join(words, " ");
}

// The names of the user's clusters, asked of isobar while completing.
constexpr const char* kClusterNames = R"(isobar status -o json 2>/dev/null | grep -o '"name":"[^"]*"' | cut -d'"' -f4)";

std::string bash_completion(const CLI::App& root) {
  std::string commands, values;
  walk(root, "", [&](const std::string& path, const CLI::App& app) {
    std::vector<std::string> options;
    for (const CLI::Option* option : offered_options(app)) {
      const auto names = flag_names(*option);
      options.insert(options.end(), names.begin(), names.end());
      const auto value = values_of(*option);
      if (names.empty() || value.kind == Values::kNone) continue;
      std::vector<std::string> patterns;
      patterns.reserve(names.size());
      for (const auto& name : names) patterns.push_back(fmt::format("'{} {}'", path, name));
      values += fmt::format("    {}) words='' clusters='' files=''{} ;;\n", join(patterns, "|"), assignment(value));
    }
    const auto argument = visible_commands(app).empty() ? argument_of(app) : Values{Values::kWords, words_of(app)};
    commands += fmt::format("    '{}') options='{}'{} ;;\n", path, join(options, " "), assignment(argument));
  });
  return fmt::format(R"BASH(# bash completion for isobar; install as /usr/share/bash-completion/completions/isobar
_isobar() {{
  local current=${{COMP_WORDS[COMP_CWORD]}} at='' options='' words='' clusters='' files='' i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$at ${{COMP_WORDS[i]}}" in
      {}) at="${{at:+$at }}${{COMP_WORDS[i]}}" ;;
    esac
  done
  case $at in
{}  esac
  # The value of an option.
  case "$at ${{COMP_WORDS[COMP_CWORD - 1]}}" in
{}    *) [[ $current == -* ]] && words=$options clusters='' files='' ;;
  esac
  [ -n "$clusters" ] && words=$({})
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
  if [ -n "$files" ]; then
    compopt -o filenames 2>/dev/null
    mapfile -t -O "${{#COMPREPLY[@]}}" COMPREPLY < <(compgen -f -- "$current")
  fi
}}
complete -F _isobar isobar
)BASH",
                     known_paths(root), commands, values, kClusterNames);
}

std::string quote_for_zsh(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\'') out += "'\\''";
    else if (c == ':') out += "\\:";
    else out += c;
  }
  return out;
}

std::string zsh_completion(const CLI::App& root) {
  std::string commands;
  walk(root, "", [&](const std::string& path, const CLI::App& app) {
    std::string options, words;
    for (const CLI::Option* option : offered_options(app))
      for (const auto& name : flag_names(*option)) options += fmt::format(" '{}:{}'", name, quote_for_zsh(option->get_description()));
    for (const CLI::App* command : visible_commands(app))
      words += fmt::format(" '{}:{}'", command->get_name(), quote_for_zsh(command->get_description()));
    const auto argument = argument_of(app);
    if (argument.kind == Values::kWords) words = " " + argument.words;
    commands += fmt::format("    '{}') options=({} ) words_here=({} ){} ;;\n", path, options, words,
                            argument.kind == Values::kWords ? "" : assignment(argument));
  });
  return fmt::format(R"ZSH(#compdef isobar
_isobar() {{
  local at='' clusters='' files='' word
  local -a options words_here
  for word in ${{words[2,CURRENT-1]}}; do
    case "$at $word" in
      {}) at="${{at:+$at }}$word" ;;
    esac
  done
  case $at in
{}  esac
  if [[ ${{words[CURRENT]}} == -* ]]; then
    _describe -o 'option' options
    return
  fi
  (( $#words_here )) && _describe 'command' words_here
  [[ -n $clusters ]] && compadd -- $({})
  [[ -n $files || ${{words[CURRENT-1]}} == -* ]] && _files
}}
_isobar "$@"
)ZSH",
                     known_paths(root), commands, kClusterNames);
}

// When fish should offer what belongs to a command: its words were seen, and none of the commands below it.
std::string fish_condition(const std::string& path, const CLI::App& app) {
  if (path.empty()) return "__fish_use_subcommand";
  std::string condition;
  for (const auto part : split(path, ' '))
    condition += fmt::format("{}__fish_seen_subcommand_from {}", condition.empty() ? "" : "; and ", part);
  const auto below = words_of(app);
  return below.empty() ? condition : condition + "; and not __fish_seen_subcommand_from " + below;
}

std::string fish_values(const Values& values) {
  switch (values.kind) {
    case Values::kNone: return "";
    case Values::kAnything: return " -x";
    case Values::kWords: return " -x -a " + shell_quote(values.words);
    case Values::kClusters: return " -x -a '(__isobar_clusters)'";
    case Values::kFiles: return " -r -F";
  }
  return "";
}

std::string fish_completion(const CLI::App& root) {
  std::string text =
      fmt::format("# fish completion for isobar\nfunction __isobar_clusters\n  {}\nend\ncomplete -c isobar -f\n", kClusterNames);
  walk(root, "", [&](const std::string& path, const CLI::App& app) {
    const std::string start = fmt::format("complete -c isobar -n {}", shell_quote(fish_condition(path, app)));
    for (const CLI::App* command : visible_commands(app))
      text += fmt::format("{} -a {} -d {}\n", start, command->get_name(), shell_quote(command->get_description()));
    for (const CLI::Option* option : offered_options(app)) {
      std::string names;
      for (const auto& name : option->get_snames()) names += " -s " + name;
      for (const auto& name : option->get_lnames()) names += " -l " + name;
      if (!names.empty())
        text += fmt::format("{}{}{} -d {}\n", start, names, fish_values(values_of(*option)), shell_quote(option->get_description()));
    }
    const auto argument = argument_of(app);
    if (argument.kind == Values::kFiles) text += start + " -F\n";
    else if (argument.kind == Values::kWords || argument.kind == Values::kClusters) text += start + fish_values(argument) + "\n";
  });
  return text;
}

std::string roff(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\') out += "\\e";
    else if (c == '-') out += "\\-";
    else out += c;
  }
  if (!out.empty() && (out[0] == '.' || out[0] == '\'')) out = "\\&" + out;
  return out;
}

std::string man_page(const CLI::App& root) {
  std::string text = fmt::format(
      ".TH ISOBAR 1 \"\" \"isobar {}\" \"User Commands\"\n.SH NAME\nisobar \\- {}\n.SH SYNOPSIS\n.B isobar\n.I "
      "COMMAND\n[\\fIOPTIONS\\fR]\n.SH DESCRIPTION\n"
      "isobar runs jobs described in task files where they cost least or start soonest, and brings them back when machines vanish.\n.SH "
      "COMMANDS\n",
      kVersion, roff(root.get_description()));
  walk(root, "", [&](const std::string& path, const CLI::App& command) {
    if (path.empty()) return;
    text += fmt::format(".SS \"isobar {}\"\n{}\n", roff(path), roff(command.get_description()));
    for (const CLI::Option* option : visible_options(command)) {
      const auto names = flag_names(*option);
      text += fmt::format(".TP\n\\fB{}\\fR\n{}\n", roff(names.empty() ? option->get_name() : join(names, ", ")),
                          roff(option->get_description()));
    }
  });
  text +=
      ".SH ENVIRONMENT\n.TP\n\\fBISOBAR_HOME\\fR\nWhere state, imported catalogs and the instances of this machine are kept "
      "(~/.isobar).\n.TP\n\\fBNO_COLOR\\fR\nNo colours, also on a terminal.\n"
      ".SH EXIT STATUS\n0 for success, 1 for what could not be done, 2 for what was asked wrongly, 100 for a job that failed.\n";
  return text;
}

}  // namespace

void add_generate_commands(Commands& commands) {
  auto shell = std::make_shared<std::string>();
  CLI::App* completion =
      commands.add(nullptr, "completion", "Print the completion of a shell: bash, zsh or fish.", [shell, &commands](Context& context) {
        const auto& root = commands.root();
        context.console().print(*shell == "zsh" ? zsh_completion(root) : *shell == "fish" ? fish_completion(root) : bash_completion(root));
        return kOk;
      });
  completion->add_option("SHELL", *shell, "bash, zsh or fish.")->required()->check(CLI::IsMember({"bash", "zsh", "fish"}));
  CLI::App* man = commands.add(nullptr, "man", "Print the manual page.", [&commands](Context& context) {
    context.console().print(man_page(commands.root()));
    return kOk;
  });
  man->group("");
}

}  // namespace isobar::app
