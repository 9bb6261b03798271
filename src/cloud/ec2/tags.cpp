#include "tags.h"

#include <fmt/format.h>

#include <algorithm>

#include "aws_client.h"
#include "base/text.h"
#include "crypto/digest.h"
#include "crypto/encoding.h"
#include "storage/refusal.h"

namespace isobar::cloud::ec2 {

namespace {

constexpr std::size_t kLabelsMost = 40, kKeyMost = 128, kValueMost = 256;  // EC2 takes 50 tags; ten are ours
constexpr int kNodesMost = 1000;

InstanceState state_of(const std::string& state) {
  if (state == "pending") return InstanceState::kPending;
  if (state == "running") return InstanceState::kRunning;
  if (state == "stopping") return InstanceState::kStopping;
  if (state == "stopped") return InstanceState::kStopped;
  return InstanceState::kTerminated;
}

/// In a filter * and ? stand for others; here they are meant as they are.
std::string literal(const std::string& text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '*' || c == '?' || c == '\\') escaped += '\\';
    escaped += c;
  }
  return escaped;
}

Filter tagged(const char* tag, const std::string& value) { return {fmt::format("tag:{}", tag), {literal(value)}}; }

Status check_label(const std::string& key, const std::string& value) {
  if (key.empty() || key.size() > kKeyMost || value.size() > kValueMost || !is_utf8(key) || !is_utf8(value))
    return invalid(
        fmt::format("the label '{}': EC2 takes keys of 1 to {} bytes and values of at most {}, in UTF-8", key, kKeyMost, kValueMost));
  if (to_lower(key).starts_with("aws:")) return invalid(fmt::format("the label '{}': keys that begin with aws: belong to AWS", key));
  if (key.starts_with("isobar-") || key == "Name") return invalid(fmt::format("the label '{}' belongs to isobar; choose another key", key));
  return {};
}

}  // namespace

Status check_order(const CreateOrder& order) {
  if (order.cluster.empty() || order.cluster.size() > kValueMost)
    return invalid(fmt::format("'{}' cannot name a cluster on aws", order.cluster));
  if (order.token.empty() || order.token.size() > kValueMost) return invalid("an order to aws needs a token of at most 256 characters");
  if (!is_region_name(order.offer.region)) return invalid(fmt::format("'{}' is no region of aws", order.offer.region));
  if (order.count < 1 || order.count > kNodesMost)
    return invalid(fmt::format("a cluster on aws has 1 to {} nodes, not {}", kNodesMost, order.count));
  if (order.labels.size() > kLabelsMost) return invalid(fmt::format("{} labels; aws takes at most {}", order.labels.size(), kLabelsMost));
  for (const auto& [key, value] : order.labels) TRY(check_label(key, value));
  return {};
}

Tags tags_of(const CreateOrder& order, const std::string& owner, int rank, const std::string& login_user) {
  Tags tags = order.labels;
  tags["Name"] = fmt::format("{}-{}", order.cluster, rank);
  tags[kClusterTag] = order.cluster;
  tags[kRankTag] = std::to_string(rank);
  tags[kNodesTag] = std::to_string(order.count);
  tags[kTokenTag] = order.token;
  tags[kOwnerTag] = owner;
  tags[kZoneTag] = order.offer.zone;
  tags[kLoginTag] = login_user;
  tags[kVcpusTag] = fmt::format("{:g}", order.offer.vcpus);
  tags[kGpusTag] = fmt::format("{:g}", order.offer.accelerator_count);
  return tags;
}

std::string client_token_of(const std::string& order_token, int rank) {
  const std::string suffix = "-" + std::to_string(rank);
  const bool fits = order_token.size() + suffix.size() <= 64 &&
                    std::all_of(order_token.begin(), order_token.end(), [](char c) { return c > ' ' && c < 0x7f; });
  return (fits ? order_token : crypto::to_hex(crypto::sha256(order_token)).substr(0, 48)) + suffix;
}

int rank_of(const Machine& machine) {
  const auto rank = storage::parse_count(machine.tag(kRankTag));
  return rank.ok() && *rank < kNodesMost ? static_cast<int>(*rank) : -1;
}

Instance instance_of(const Machine& machine, const std::string& region) {
  Instance instance{.id = machine.id, .cluster = machine.tag(kClusterTag), .rank = rank_of(machine), .state = state_of(machine.state)};
  instance.region = region;
  instance.zone = machine.tag(kZoneTag).empty() ? machine.zone : machine.tag(kZoneTag);
  instance.address = machine.private_address;
  instance.ssh = {.host = machine.public_address.empty() ? machine.private_address : machine.public_address,
                  .user = machine.tag(kLoginTag),
                  .identity_file = {}};
  instance.ssh_machine = machine.id;
  return instance;
}

std::vector<Filter> all_of_owner(const std::string& owner) { return {tagged(kOwnerTag, owner), {"tag-key", {kClusterTag}}}; }
std::vector<Filter> all_of_cluster(const std::string& owner, const std::string& cluster) {
  return {tagged(kOwnerTag, owner), tagged(kClusterTag, cluster)};
}
std::vector<Filter> all_of_token(const std::string& owner, const std::string& token) {
  return {tagged(kOwnerTag, owner), tagged(kTokenTag, token)};
}

std::vector<Filter> live(std::vector<Filter> filters) {
  filters.push_back({"instance-state-name", {"pending", "running", "stopping", "stopped"}});
  return filters;
}

}  // namespace isobar::cloud::ec2
