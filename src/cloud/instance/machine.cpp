#include "cloud/machine.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <thread>

#include "base/bytes.h"
#include "base/file.h"
#include "base/text.h"
#include "cloud/gpu_names.h"

namespace isobar::cloud {

namespace {

double cpus_by_affinity() {
  cpu_set_t set;
  if (::sched_getaffinity(0, sizeof(set), &set) == 0) return CPU_COUNT(&set);
  return std::max(1U, std::thread::hardware_concurrency());
}

/// A container's CPU limit: "max 100000" or "200000 100000" under version 2, two files under version 1.
double cpus_by_quota() {
  if (const auto text = read_file("/sys/fs/cgroup/cpu.max"); text.ok()) {
    double quota = 0, period = 0;
    if (std::sscanf(text->c_str(), "%lf %lf", &quota, &period) == 2 && period > 0) return quota / period;
  }
  const auto quota = read_file("/sys/fs/cgroup/cpu/cpu.cfs_quota_us"), period = read_file("/sys/fs/cgroup/cpu/cpu.cfs_period_us");
  if (quota.ok() && period.ok() && std::atof(quota->c_str()) > 0 && std::atof(period->c_str()) > 0)
    return std::atof(quota->c_str()) / std::atof(period->c_str());
  return HUGE_VAL;
}

double memory_gib() {
  const auto bytes = static_cast<double>(::sysconf(_SC_PHYS_PAGES)) * static_cast<double>(::sysconf(_SC_PAGESIZE));
  return std::round(bytes / static_cast<double>(kGiB) * 10) / 10;
}

/// Each accelerator's model as its driver says it: "NVIDIA A100-SXM4-80GB".
std::vector<std::string> nvidia_models(const fs::path& proc) {
  std::vector<std::string> models;
  std::error_code absent;
  for (const auto& entry : fs::directory_iterator(proc / "driver/nvidia/gpus", absent)) {
    const auto text = read_file(entry.path() / "information");
    if (!text.ok()) continue;
    for (const auto line : split(*text, '\n'))
      if (line.starts_with("Model:")) models.emplace_back(trim(line.substr(6)));
  }
  return models;
}

/// The catalog's name of a model, from the driver's: without the maker's names, and with "RTX 4090" in one word.
std::string catalog_name(std::string_view model) {
  std::string words;
  for (const auto word : split(model, ' ')) {
    if (word == "NVIDIA" || word == "Tesla" || word == "GeForce" || word.empty()) continue;
    words += (words.empty() || words.ends_with("RTX") ? "" : "-") + std::string(word);
  }
  return accelerator_name(words);
}

}  // namespace

Offer machine_offer(const fs::path& proc) {
  Offer offer{.cloud = "local", .region = "local", .instance_type = "this-machine", .hourly_price = 0};
  offer.vcpus = std::max(1.0, std::min(cpus_by_affinity(), cpus_by_quota()));
  offer.memory_gib = memory_gib();
  if (const auto models = nvidia_models(proc); !models.empty()) {
    offer.accelerator = catalog_name(models.front());
    offer.accelerator_count = static_cast<double>(models.size());
  }
#if defined(__aarch64__)
  offer.architecture = "arm64";
#endif
  return offer;
}

std::string interface_address() {
  ifaddrs* all = nullptr;
  if (::getifaddrs(&all) != 0) return {};
  std::string found;
  for (const ifaddrs* each = all; each && found.empty(); each = each->ifa_next) {
    if (!each->ifa_addr || each->ifa_addr->sa_family != AF_INET || (each->ifa_flags & IFF_LOOPBACK) != 0) continue;
    std::array<char, INET_ADDRSTRLEN> text{};
    ::inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(each->ifa_addr)->sin_addr, text.data(), text.size());
    found = text.data();
  }
  ::freeifaddrs(all);
  return found;
}

}  // namespace isobar::cloud
