#include "cloud/cloud_machine.h"

#include <fmt/format.h>

#include <charconv>

namespace isobar::cloud {

namespace {

template <class Number>
Number number_of(const std::string& text, Number most, Number otherwise) {
  Number number{};
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  return failure == std::errc() && end == text.data() + text.size() && number >= 0 && number <= most ? number : otherwise;
}

std::string tag(const std::map<std::string, std::string>& tags, const char* name) {
  const auto found = tags.find(name);
  return found == tags.end() ? std::string() : found->second;
}

}  // namespace

Mark mark_for(const CreateOrder& order, const std::string& owner, int rank, const std::string& login) {
  return {.cluster = order.cluster,
          .rank = rank,
          .nodes = order.count,
          .token = order.token,
          .generation = order.generation,
          .owner = owner,
          .zone = order.offer.zone,
          .login = login,
          .vcpus = order.offer.vcpus,
          .gpus = order.offer.accelerator_count};
}

std::map<std::string, std::string> tags_of(const Mark& mark) {
  std::map<std::string, std::string> tags = {{kClusterTag, mark.cluster},
                                             {kRankTag, std::to_string(mark.rank)},
                                             {kNodesTag, std::to_string(mark.nodes)},
                                             {kTokenTag, mark.token},
                                             {kOwnerTag, mark.owner},
                                             {kZoneTag, mark.zone},
                                             {kLoginTag, mark.login},
                                             {kVcpusTag, fmt::format("{:g}", mark.vcpus)},
                                             {kGpusTag, fmt::format("{:g}", mark.gpus)}};
  if (mark.generation > 0) tags[kGenerationTag] = std::to_string(mark.generation);
  std::erase_if(tags, [](const auto& tag) { return tag.second.empty(); });
  return tags;
}

Mark read_mark(const std::map<std::string, std::string>& tags) {
  return {.cluster = tag(tags, kClusterTag),
          .rank = number_of(tag(tags, kRankTag), kNodesMost - 1, -1),
          .nodes = number_of(tag(tags, kNodesTag), kNodesMost, 0),
          .token = tag(tags, kTokenTag),
          .generation = number_of(tag(tags, kGenerationTag), kGenerationsMost, 0),
          .owner = tag(tags, kOwnerTag),
          .zone = tag(tags, kZoneTag),
          .login = tag(tags, kLoginTag),
          .vcpus = number_of(tag(tags, kVcpusTag), 1e6, 0.0),
          .gpus = number_of(tag(tags, kGpusTag), 1e6, 0.0)};
}

Instance instance_of(const CloudMachine& machine, const fs::path& identity_file) {
  Instance instance{.id = machine.id, .cluster = machine.mark.cluster, .rank = machine.mark.rank, .state = machine.state};
  instance.region = machine.region;
  instance.zone = machine.mark.zone.empty() ? machine.zone : machine.mark.zone;
  instance.address = machine.private_address;
  const bool told = machine.state == InstanceState::kUnreachable || machine.state == InstanceState::kTerminated || machine.taken_away;
  if (told) instance.problem = machine.reason;
  instance.ssh = {.host = machine.public_address.empty() ? machine.private_address : machine.public_address,
                  .user = machine.mark.login,
                  .identity_file = identity_file,
                  .port = machine.ssh_port};
  instance.ssh_machine = machine.id;
  return instance;
}

std::vector<std::string> ids_of(const std::vector<CloudMachine>& machines) {
  std::vector<std::string> ids;
  for (const auto& machine : machines) ids.push_back(machine.id);
  return ids;
}

}  // namespace isobar::cloud
