#include "preemption_notice.h"

#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>

#include "base/text.h"

namespace isobar::broker {

namespace json = boost::json;

namespace {

constexpr std::size_t kBytesMost = 1 << 20;
constexpr std::size_t kWordMost = 100;
constexpr auto kGcpNotice = std::chrono::seconds(30);
constexpr const char* kIso = "%Y-%m-%dT%H:%M:%S";

struct Known {
  std::string_view name;
  MetadataService service;
  std::string_view base;
};
constexpr std::array kServices = {Known{"aws", MetadataService::kEc2, "http://169.254.169.254"},
                                  Known{"gcp", MetadataService::kGcp, "http://metadata.google.internal"},
                                  Known{"azure", MetadataService::kAzure, "http://169.254.169.254"}};

Error not_documented(std::string_view what) {
  return {Code::kDataLoss, fmt::format("the metadata service says of {} what it is not documented to", what)};
}

Result<json::object> parse(std::string_view body, std::string_view what) {
  if (body.size() > kBytesMost) return not_documented(what);
  boost::system::error_code failure;
  const auto value = json::parse(json::string_view(body.data(), body.size()), failure);
  if (failure || !value.is_object()) return not_documented(what);
  return value.as_object();
}

std::string text_at(const json::object& from, std::string_view name) {
  const auto* value = from.if_contains(json::string_view(name.data(), name.size()));
  if (value == nullptr || !value->is_string() || value->as_string().size() > kWordMost) return {};
  return std::string(value->as_string());
}

std::optional<Instant> read_time(const std::string& text, const char* form) {
  tm parts{};
  if (::strptime(text.c_str(), form, &parts) == nullptr) return std::nullopt;
  return Instant::from_unix_seconds(::timegm(&parts));
}

}  // namespace

Result<PreemptionWatchSettings> parse_watch_settings(std::string_view text) {
  const auto space = text.find(' ');
  const auto name = text.substr(0, space);
  const auto known = std::find_if(kServices.begin(), kServices.end(), [&](const Known& each) { return each.name == name; });
  if (known == kServices.end())
    return invalid(fmt::format("{}: '{}' has no metadata service that is known", kWatchVariable, name.substr(0, kWordMost)));
  return PreemptionWatchSettings{known->service, std::string(space == text.npos ? known->base : trim(text.substr(space)))};
}

Result<std::optional<NodeNotice>> parse_instance_action(std::string_view body) {
  TRY_ASSIGN(const auto told, parse(body, "spot/instance-action"));
  NodeNotice notice{.rank = 0, .at = read_time(text_at(told, "time"), kIso), .what = text_at(told, "action")};
  if (!notice.at || notice.what.empty()) return not_documented("spot/instance-action");
  return std::optional(notice);
}

Result<std::optional<NodeNotice>> parse_rebalance(std::string_view body) {
  TRY_ASSIGN(const auto told, parse(body, "events/recommendations/rebalance"));
  if (!read_time(text_at(told, "noticeTime"), kIso)) return not_documented("events/recommendations/rebalance");
  return std::optional(NodeNotice{.rank = 0, .at = {}, .what = "rebalance"});
}

Result<std::optional<NodeNotice>> parse_preempted(std::string_view body, Instant now) {
  const auto word = trim(body);
  if (word == "FALSE") return std::optional<NodeNotice>();
  if (word != "TRUE") return not_documented("instance/preempted");
  return std::optional(NodeNotice{.rank = 0, .at = now + kGcpNotice, .what = "preempted"});
}

Result<std::optional<NodeNotice>> parse_scheduled_events(std::string_view body, std::string_view machine) {
  TRY_ASSIGN(const auto told, parse(body, "scheduled events"));
  const auto* events = told.if_contains("Events");
  if (events == nullptr || !events->is_array()) return not_documented("scheduled events");
  for (const auto& entry : events->as_array()) {
    const auto* event = entry.if_object();
    const auto* resources = event == nullptr ? nullptr : event->if_contains("Resources");
    if (resources == nullptr || !resources->is_array() || text_at(*event, "EventType") != "Preempt") continue;
    const bool ours = std::any_of(resources->as_array().begin(), resources->as_array().end(), [&](const json::value& each) {
      return each.is_string() && to_lower(std::string(each.as_string())) == to_lower(std::string(machine));
    });
    if (!ours) continue;
    // One that has begun has no time any more.
    return std::optional(NodeNotice{.rank = 0, .at = read_time(text_at(*event, "NotBefore"), "%a, %d %b %Y %H:%M:%S"), .what = "preempt"});
  }
  return std::optional<NodeNotice>();
}

std::string notice_text(const NodeNotice& notice) {
  json::object object{{"rank", notice.rank}, {"what", notice.what}, {"at", nullptr}};
  if (notice.at) {
    const time_t seconds = notice.at->unix_seconds();
    tm parts{};
    ::gmtime_r(&seconds, &parts);
    std::array<char, 32> text{};
    const auto size = ::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
    object["at"] = json::string_view(text.data(), size);
  }
  return json::serialize(object) + "\n";
}

Result<NodeNotice> parse_notice(std::string_view text) {
  TRY_ASSIGN(const auto told, parse(text, "a notice"));
  NodeNotice notice{.rank = 0, .at = read_time(text_at(told, "at"), kIso), .what = text_at(told, "what")};
  if (const auto* rank = told.if_contains("rank"); rank != nullptr && rank->is_int64()) notice.rank = static_cast<int>(rank->as_int64());
  return notice;
}

}  // namespace isobar::broker
