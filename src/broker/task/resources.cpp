#include "broker/resources.h"

#include <fmt/format.h>

#include "base/text.h"

namespace isobar::broker {

namespace {

std::string describe(const Amount& amount) { return fmt::format("{:g}{}", amount.value, amount.at_least ? "+" : ""); }

std::string describe(const AcceleratorRequest& accelerator) {
  if (accelerator.memory_gib) return fmt::format("{:g}x any accelerator of {} GiB", accelerator.count, describe(*accelerator.memory_gib));
  return fmt::format("{:g}x {}", accelerator.count, accelerator.name);
}

}  // namespace

std::string describe(const ResourceRequest& request) {
  std::vector<std::string> parts;
  if (request.cloud || request.region || request.zone) {
    std::string place = request.cloud.value_or("*");
    if (request.region || request.zone) place += "/" + request.region.value_or("*");
    if (request.zone) place += "/" + *request.zone;
    parts.push_back(place);
  }
  if (request.instance_type) parts.push_back(*request.instance_type);
  if (request.accelerator) parts.push_back(describe(*request.accelerator));
  if (request.cpus) parts.push_back(describe(*request.cpus) + " vCPUs");
  if (request.memory)
    parts.push_back(describe(request.memory->amount) + (request.memory->per_cpu ? " GiB memory per vCPU" : " GiB memory"));
  if (request.use_spot) parts.push_back("spot");
  if (request.hourly_cost_max) parts.push_back(fmt::format("at most ${:g}/hr", *request.hourly_cost_max));
  return parts.empty() ? "any resources" : join(parts, ", ");
}

}  // namespace isobar::broker
