#include "plugin_text.h"

#include <cstdio>
#include <cstdlib>
#include <optional>
#include <set>

#include "base/file.h"
#include "base/text.h"
#include "fuzz/domain_text.h"

namespace isobar::fuzz {
namespace {

constexpr size_t kArgumentBytesMax = 100'000;  // Linux takes 128 KiB

Result<std::string> read_own_domains(const std::vector<std::string>& files) {
  std::string all;
  std::set<std::string> names;
  for (const std::string& path : files) {
    TRY_ASSIGN(const std::string text, read_file(path).context("--domain-file"));
    const auto read = read_domains(text);
    if (const auto* error = std::get_if<TextError>(&read))
      return invalid(path + ":" + std::to_string(error->line) + ":" + std::to_string(error->column) + ": " + error->message);
    for (const OwnDomain& domain : std::get<std::vector<OwnDomain>>(read))
      if (!names.insert(domain.name).second) return invalid(path + ": there is a domain " + domain.name + " in another file, too");
    all += text + "\n";
  }
  return all;
}

struct Said {
  int status;
  std::string output;
};

Said run(const std::string& command) {
  FILE* pipe = popen(command.c_str(), "re");
  if (pipe == nullptr) return {-1, ""};
  std::string output;
  char buffer[65536];
  for (size_t length = 0; (length = fread(buffer, 1, sizeof buffer, pipe)) > 0;) output.append(buffer, length);
  return {pclose(pipe), output};
}

Result<std::string> ask_git(const std::string& range, const fs::path& folder) {
  std::string words;
  for (const std::string_view word : split(range, ' '))
    if (!word.empty()) words += " " + shell_quote(word);
  const std::string command = "git -C " + shell_quote(folder.string()) +
                              " -c core.quotePath=false diff -U0 --no-color --no-ext-diff --src-prefix=a/ --dst-prefix=b/" + words;
  const Said said = run(command + " 2>&1");
  if (said.status != 0) return invalid("--diff " + range + ": " + std::string(trim(said.output.substr(0, 500))));
  return said.output;
}

Result<std::string> changed_lines(const std::string& range, const std::string& source) {
  fs::path folder = fs::path(source).parent_path();
  if (folder.empty()) folder = ".";
  TRY_ASSIGN(const std::string diff, ask_git(range, folder));
  const std::string changed = changed_lines_of(diff);
  if (changed.empty()) return invalid("--diff " + range + ": no line changed there");
  if (changed.size() <= kArgumentBytesMax) return changed;
  const fs::path file = fs::temp_directory_path() / ("isobar-changed-" + std::to_string(std::hash<std::string>()(changed)));
  std::error_code ignored;
  if (!fs::exists(file, ignored)) TRY(write_file(file, changed, Durability::kCache));
  return "@" + file.string();
}

// "@@ -3,0 +4,2 @@" → from 4, 2 lines.
std::optional<std::pair<unsigned long, unsigned long>> lines_of_hunk(std::string_view line) {
  const size_t plus = line.find(" +");
  if (plus == std::string_view::npos) return std::nullopt;
  const std::string rest(line.substr(plus + 2, 40));
  char* end = nullptr;
  const unsigned long first = std::strtoul(rest.c_str(), &end, 10);
  const unsigned long count = *end == ',' ? std::strtoul(end + 1, nullptr, 10) : 1;
  return std::pair(first, count);
}

}  // namespace

std::string changed_lines_of(std::string_view diff) {
  std::string changed;
  std::string file;
  unsigned long body = 0;  // lines of the hunk that are still to come: they may look like anything
  for (const std::string_view line : split(diff, '\n')) {
    if (body > 0 && (line.starts_with('+') || line.starts_with('-') || line.starts_with('\\'))) {
      if (!line.starts_with('\\')) --body;
      continue;
    }
    if (line.starts_with("+++ b/")) file = trim(line.substr(6));
    if (line.starts_with("+++ /dev/null")) file.clear();
    if (!line.starts_with("@@ ")) continue;
    const auto hunk = lines_of_hunk(line);
    if (!hunk) continue;
    const size_t comma = line.find(',');
    const bool many = comma != std::string_view::npos && comma < line.find(" +");
    body = hunk->second + (many ? std::strtoul(std::string(line.substr(comma + 1, 12)).c_str(), nullptr, 10) : 1);
    if (file.empty()) continue;
    const unsigned long last = hunk->second == 0 ? hunk->first + 1 : hunk->first + hunk->second - 1;
    changed += (changed.empty() ? "" : ";") + file + ":" + std::to_string(hunk->first) + "-" + std::to_string(last);
  }
  return changed;
}

Result<PluginText> plugin_text(const Invocation& invocation) {
  PluginText text;
  if (!invocation.has_sources) return text;
  TRY_ASSIGN(text.own_domains, read_own_domains(invocation.own.own_domains));
  if (!invocation.own.diff.empty()) {
    TRY_ASSIGN(text.changed, changed_lines(invocation.own.diff, invocation.source));
  }
  return text;
}

}  // namespace isobar::fuzz
