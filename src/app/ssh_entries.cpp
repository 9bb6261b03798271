#include "ssh_entries.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.h"

namespace isobar::app {

namespace {

/// What of a machine's own entry holds under another name, too: how it is reached and who it is.
constexpr std::array<std::string_view, 8> kTaken = {
    "hostname", "port", "user", "proxyjump", "proxycommand", "identityfile", "userknownhostsfile", "hostkeyalias"};

}  // namespace

std::string ssh_entry(const std::string& name, const cloud::SshTarget& target, std::string_view resolved) {
  std::string entry = fmt::format("Host {}\n", name);
  bool alias = false;
  for (const auto line : split(resolved, '\n')) {
    const auto space = line.find(' ');
    const auto key = line.substr(0, space);
    if (space == std::string_view::npos || std::find(kTaken.begin(), kTaken.end(), key) == kTaken.end()) continue;
    if (key == "proxyjump" && trim(line.substr(space)) == "none") continue;
    alias = alias || key == "hostkeyalias";
    entry += fmt::format("  {}\n", trim(line));
  }
  // The key is remembered under the machine's name, not under the cluster's, which another machine may have tomorrow.
  if (!alias) entry += fmt::format("  hostkeyalias {}\n", target.host);
  return entry;
}

Status SshEntries::include() const {
  const auto line = fmt::format("Include \"{}/*\"", folder_.string());
  const auto before = read_file(user_config_, 4 << 20);
  if (!before.ok() && before.error().code() != Code::kNotFound) return before.error();
  if (before.ok() && before->find(line) != std::string::npos) return {};
  TRY(make_folders(user_config_.parent_path()));
  std::error_code ignored;
  // A link stays one: what it points to is written.
  const auto target = fs::is_symlink(user_config_, ignored) ? fs::canonical(user_config_, ignored) : user_config_;
  return write_file(target, fmt::format("# Clusters of isobar, by name: ssh CLUSTER\n{}\n\n{}", line, before.ok() ? *before : ""),
                    Durability::kDisk, 0600);
}

Status SshEntries::write(const std::string& cluster, const std::vector<cloud::Instance>& instances,
                         const std::vector<std::string>& resolved) const {
  std::string text;
  for (std::size_t i = 0; i < instances.size() && i < resolved.size(); ++i) {
    if (instances[i].ssh.host.empty()) continue;
    const auto name = instances[i].rank == 0 ? cluster : fmt::format("{}-worker{}", cluster, instances[i].rank);
    text += ssh_entry(name, instances[i].ssh, resolved[i]) + "\n";
  }
  if (text.empty()) return {};
  TRY(make_folders(folder_));
  TRY(write_file(folder_ / cluster, text, Durability::kCache, 0600));
  return include();
}

Status SshEntries::remove(const std::string& cluster) const {
  std::error_code failure;
  fs::remove(folder_ / cluster, failure);
  return failure ? Status(errno_error("remove " + (folder_ / cluster).string(), failure.value())) : Status();
}

}  // namespace isobar::app
