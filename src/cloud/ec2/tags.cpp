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
  tags.merge(cloud::tags_of(mark_for(order, owner, rank, login_user)));
  return tags;
}

std::string client_token_of(const std::string& order_token, int rank) {
  const std::string suffix = "-" + std::to_string(rank);
  const bool fits = order_token.size() + suffix.size() <= 64 &&
                    std::all_of(order_token.begin(), order_token.end(), [](char c) { return c > ' ' && c < 0x7f; });
  return (fits ? order_token : crypto::to_hex(crypto::sha256(order_token)).substr(0, 48)) + suffix;
}

CloudMachine machine_of(const Machine& machine, const std::string& region) {
  return {.id = machine.id,
          .state = state_of(machine.state),
          .region = region,
          .zone = machine.zone,
          .private_address = machine.private_address,
          .public_address = machine.public_address,
          .spot = machine.spot,
          .reason_code = machine.reason_code,
          .reason = machine.reason,
          .taken_away = machine.is_gone() && machine.reason_code.starts_with("Server.Spot"),
          .mark = read_mark(machine.tags)};
}

std::vector<Filter> all_that_is(const Wanted& wanted) {
  std::vector<Filter> filters = {tagged(kOwnerTag, wanted.owner)};
  if (wanted.cluster) filters.push_back(tagged(kClusterTag, *wanted.cluster));
  if (wanted.token) filters.push_back(tagged(kTokenTag, *wanted.token));
  // Those of a launch carry none.
  if (wanted.generation.value_or(0) > 0) filters.push_back(tagged(kGenerationTag, std::to_string(*wanted.generation)));
  if (!wanted.cluster && !wanted.token) filters.push_back({"tag-key", {kClusterTag}});
  return filters;
}

std::vector<Filter> machines_that_are(const Wanted& wanted) {
  auto filters = all_that_is(wanted);
  if (wanted.live_only) filters.push_back({"instance-state-name", {"pending", "running", "stopping", "stopped"}});
  return filters;
}

}  // namespace isobar::cloud::ec2
