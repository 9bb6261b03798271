#include "project.h"

#include <algorithm>

#include "base/text.h"

namespace isobar::cloud::gcp {

bool is_project(std::string_view text) {
  const auto fits = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == ':'; };
  return !text.empty() && text.size() <= 200 && std::all_of(text.begin(), text.end(), fits);
}

std::string project_in_config(std::string_view text) {
  bool in_core = false;
  for (auto line : split(text, '\n')) {
    line = trim(line);
    if (line.starts_with('[')) in_core = line == "[core]";
    const auto equals = line.find('=');
    if (!in_core || equals == line.npos || trim(line.substr(0, equals)) != "project") continue;
    const auto project = trim(line.substr(equals + 1));
    if (is_project(project)) return std::string(project);
  }
  return "";
}

std::string configured_project(const storage::Surroundings& surroundings) {
  const std::string folder = surroundings.variable_or("CLOUDSDK_CONFIG", surroundings.path("~/.config/gcloud"));
  std::string active = surroundings.variable_or("CLOUDSDK_ACTIVE_CONFIG_NAME");
  if (active.empty())
    if (const auto named = surroundings.read_file(folder + "/active_config"); named.ok()) active = std::string(trim(*named));
  const auto text = surroundings.read_file(folder + "/configurations/config_" + (active.empty() ? "default" : active));
  return text.ok() ? project_in_config(*text) : "";
}

}  // namespace isobar::cloud::gcp
