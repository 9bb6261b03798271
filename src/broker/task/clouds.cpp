// The names a task file may use for clouds, and for clusters.

#include <fmt/format.h>

#include <algorithm>

#include "broker/task.h"

namespace isobar::broker {

const std::vector<std::string>& known_clouds() {
  static const std::vector<std::string> kClouds = {
      "aws",       "azure",   "cudo",   "do",   "fluidstack", "gcp",        "hyperbolic",     "ibm",    "kubernetes", "lambda",
      "local",     "mithril", "nebius", "oci",  "openstack",  "paperspace", "primeintellect", "runpod", "scp",        "seeweb",
      "shadeform", "slurm",   "ssh",    "vast", "verda",      "vsphere",    "yotta"};
  return kClouds;
}

Status check_cluster_name(std::string_view name) {
  constexpr std::size_t kNameMax = 63;
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  const auto inside = [&](char c) { return letter(c) || digit(c) || c == '-' || c == '_' || c == '.'; };
  const bool fits = !name.empty() && name.size() <= kNameMax && letter(name.front()) && (letter(name.back()) || digit(name.back())) &&
                    std::all_of(name.begin(), name.end(), inside);
  if (fits) return {};
  return invalid(fmt::format(
      "'{}' is no cluster's name; it begins with a letter, goes on with letters, digits, '-', '_' or '.', ends with a letter or digit, "
      "and is {} long at most",
      name, kNameMax));
}

}  // namespace isobar::broker
