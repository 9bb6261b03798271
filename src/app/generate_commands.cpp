// completion, man: made from the command tree itself, so that they cannot fall behind it.

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>

#include "base/text.h"
#include "command.h"
#include "version.h"

namespace isobar::app {

namespace {

std::vector<const CLI::App*> visible_commands(const CLI::App& app) {
  std::vector<const CLI::App*> commands;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; }))
    if (!command->get_group().empty()) commands.push_back(command);
  return commands;
}

std::vector<std::string> option_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const auto& name : option->get_lnames()) names.push_back("--" + name);
    for (const auto& name : option->get_snames()) names.push_back("-" + name);
  }
  return names;
}

// Calls visit(path, command) for every command below the root; path is "catalog import".
template <class Visit>
void walk(const CLI::App& app, const std::string& path, const Visit& visit) {
  for (const CLI::App* command : visible_commands(app)) {
    const std::string inner = path.empty() ? command->get_name() : path + " " + command->get_name();
    visit(inner, *command);
    walk(*command, inner, visit);
  }
}

std::string words_of(const CLI::App& app) {
  std::vector<std::string> words;
  for (const CLI::App* command : visible_commands(app)) words.push_back(command->get_name());
  const auto options = option_names(app);
  words.insert(words.end(), options.begin(), options.end());
  return join(words, " ");
}

// Commands whose argument is a cluster; its names are asked of isobar while completing.
bool takes_cluster(const CLI::App& app) { return app.get_option_no_throw("CLUSTER") != nullptr; }

std::string bash_completion(const CLI::App& root) {
  std::string cases, cluster_cases;
  walk(root, "", [&](const std::string& path, const CLI::App& command) {
    cases += fmt::format("    '{}') words='{}' ;;\n", path, words_of(command));
    if (takes_cluster(command)) cluster_cases += (cluster_cases.empty() ? "" : "|") + fmt::format("'{}'", path);
  });
  std::vector<std::string> groups;
  for (const CLI::App* command : visible_commands(root))
    if (!visible_commands(*command).empty()) groups.push_back(command->get_name());
  return fmt::format(R"BASH(# bash completion for isobar; install as /usr/share/bash-completion/completions/isobar
_isobar() {{
  local current=${{COMP_WORDS[COMP_CWORD]}} path=${{COMP_WORDS[1]}} words=
  case $path in {}) [ "$COMP_CWORD" -gt 2 ] && path="$path ${{COMP_WORDS[2]}}" ;; esac
  [ "$COMP_CWORD" -eq 1 ] && path=
  case $path in
    '') words='{}' ;;
{}  esac
  case $path in {})
    [[ $current != -* ]] && words="$words $(isobar status -o json 2>/dev/null | grep -o '"name":"[^"]*"' | cut -d'"' -f4)" ;;
  esac
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
  [[ $current != -* ]] && mapfile -t -O "${{#COMPREPLY[@]}}" COMPREPLY < <(compgen -f -- "$current")
}}
complete -o filenames -F _isobar isobar
)BASH",
                     groups.empty() ? "''" : join(groups, "|"), words_of(root), cases, cluster_cases.empty() ? "''" : cluster_cases);
}

std::string quote_for_zsh(std::string text) {
  std::string out;
  for (const char c : text) {
    if (c == '\'') out += "'\\''";
    else if (c == '[' || c == ']' || c == ':') (out += '\\') += c;
    else out += c;
  }
  return out;
}

std::string zsh_completion(const CLI::App& root) {
  std::string body;
  const auto list = [&](const std::string& path, const CLI::App& app) {
    std::string entries;
    for (const CLI::App* command : visible_commands(app))
      entries += fmt::format(" '{}:{}'", command->get_name(), quote_for_zsh(command->get_description()));
    for (const CLI::Option* option : app.get_options())
      for (const auto& name : option->get_lnames()) entries += fmt::format(" '--{}:{}'", name, quote_for_zsh(option->get_description()));
    body += fmt::format("    '{}') items=({} ) ;;\n", path, entries);
  };
  list("", root);
  walk(root, "", list);
  return fmt::format(R"ZSH(#compdef isobar
_isobar() {{
  local path= word
  local -a items
  for word in ${{words[2,CURRENT-1]}}; do
    [[ $word == -* ]] && continue
    case "$path $word" in
      ' '*|' catalog '*|' gpus '*|' task '*|'catalog '*|'gpus '*|'task '*) path="${{path:+$path }}$word" ;;
    esac
  done
  case $path in
{}  esac
  _describe 'isobar' items
  _files
}}
_isobar "$@"
)ZSH",
                     body);
}

std::string fish_completion(const CLI::App& root) {
  std::string text = "# fish completion for isobar\ncomplete -c isobar -f\n";
  const auto quoted = [](const std::string& words) { return shell_quote(words); };
  const auto list = [&](const std::string& path, const CLI::App& app) {
    std::string condition = "__fish_use_subcommand";
    if (!path.empty()) {
      condition.clear();
      for (const auto part : split(path, ' '))
        condition += (condition.empty() ? "" : "; and ") + fmt::format("__fish_seen_subcommand_from {}", part);
    }
    for (const CLI::App* command : visible_commands(app))
      text +=
          fmt::format("complete -c isobar -n {} -a {} -d {}\n", quoted(condition), command->get_name(), quoted(command->get_description()));
    for (const CLI::Option* option : app.get_options())
      for (const auto& name : option->get_lnames())
        text += fmt::format("complete -c isobar -n {} -l {} -d {}\n", quoted(condition), name, quoted(option->get_description()));
    if (app.get_option_no_throw("TASK") || app.get_option_no_throw("FILE"))
      text += fmt::format("complete -c isobar -n {} -F\n", quoted(condition));
  };
  list("", root);
  walk(root, "", list);
  return text;
}

std::string roff(std::string text) {
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
    text += fmt::format(".SS \"isobar {}\"\n{}\n", roff(path), roff(command.get_description()));
    for (const CLI::Option* option : command.get_options()) {
      if (option->get_group().empty()) continue;
      text += fmt::format(".TP\n\\fB{}\\fR\n{}\n", roff(option->get_name(true)), roff(option->get_description()));
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
