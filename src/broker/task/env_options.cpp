// Variables from the command line: --env NAME=VALUE, --env NAME, and dotenv files.

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "broker/task.h"

namespace isobar::broker {

namespace {

Status check_name(std::string_view name, std::string_view where) {
  const auto part = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (c >= '0' && c <= '9'); };
  if (name.empty() || (name[0] >= '0' && name[0] <= '9') || !std::all_of(name.begin(), name.end(), part))
    return invalid(
        fmt::format("{}: '{}' is no variable's name; it is made of letters, digits and _, and does not begin with a digit", where, name));
  return {};
}

// What stands between double quotes, with \n, \t, \", \\ and \$ unescaped.
std::string unescape(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      out += text[i];
      continue;
    }
    const char next = text[++i];
    if (next == 'n') out += '\n';
    else if (next == 't') out += '\t';
    else if (next == 'r') out += '\r';
    else if (next == '"' || next == '\\' || next == '$') out += next;
    else (out += '\\') += next;
  }
  return out;
}

// Where a double-quoted value that begins at `at` ends; npos when it does not.
std::size_t closing_quote(std::string_view text, std::size_t at, char quote) {
  for (; at < text.size(); ++at) {
    if (quote == '"' && text[at] == '\\') ++at;
    else if (text[at] == quote) return at;
  }
  return std::string_view::npos;
}

}  // namespace

Result<EnvVar> parse_env_option(std::string_view text, std::string_view option, const std::map<std::string, std::string>& environment) {
  const auto equals = text.find('=');
  EnvVar variable{std::string(text.substr(0, equals)), std::nullopt};
  TRY(check_name(variable.name, option));
  if (equals != std::string_view::npos) {
    variable.value = std::string(text.substr(equals + 1));
    return variable;
  }
  const auto found = environment.find(variable.name);
  if (found == environment.end())
    return invalid(
        fmt::format("{} {}: the environment has no such variable; write {} {}=VALUE", option, variable.name, option, variable.name));
  variable.value = found->second;
  return variable;
}

Result<std::vector<EnvVar>> parse_dotenv(std::string_view text, const std::string& file_name) {
  std::vector<EnvVar> variables;
  int line_number = 0;
  while (!text.empty()) {
    ++line_number;
    const auto newline = text.find('\n');
    std::string_view line = trim(text.substr(0, newline));
    std::string_view rest = newline == std::string_view::npos ? std::string_view() : text.substr(newline + 1);
    if (line.starts_with("export ")) line = trim(line.substr(7));
    const std::string where = fmt::format("{}:{}", file_name, line_number);
    if (!line.empty() && line[0] != '#') {
      const auto equals = line.find('=');
      if (equals == std::string_view::npos) return invalid(where + ": expected NAME=VALUE");
      EnvVar variable{std::string(trim(line.substr(0, equals))), std::nullopt};
      TRY(check_name(variable.name, where));
      std::string_view value = trim(line.substr(equals + 1));
      if (!value.empty() && (value[0] == '"' || value[0] == '\'')) {
        // A quoted value may go on over several lines, so its end is sought in the whole rest of the file.
        const char quote = value[0];
        const auto start = static_cast<std::size_t>(value.data() - text.data()) + 1;
        const auto end = closing_quote(text, start, quote);
        if (end == std::string_view::npos) return invalid(fmt::format("{}: the quote {} is not closed", where, quote));
        const std::string_view body = text.substr(start, end - start);
        variable.value = quote == '"' ? unescape(body) : std::string(body);
        line_number += static_cast<int>(std::count(body.begin(), body.end(), '\n'));
        const auto after = text.find('\n', end);
        rest = after == std::string_view::npos ? std::string_view() : text.substr(after + 1);
      } else {
        variable.value = std::string(trim(value.substr(0, value.find(" #"))));
      }
      variables.push_back(std::move(variable));
    }
    text = rest;
  }
  return variables;
}

}  // namespace isobar::broker
