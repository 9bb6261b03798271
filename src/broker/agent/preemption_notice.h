#pragma once

/// What a cloud's metadata service says, on the machine itself, of taking the machine away. Pure.
/// Source   EC2: spot/instance-action, events/recommendations/rebalance (IMDSv2); Compute Engine: instance/preempted;
///          Azure: Scheduled Events 2020-07-01, event type Preempt

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "broker/agent_messages.h"

namespace isobar::broker {

enum class MetadataService { kEc2, kGcp, kAzure };

/// What the node's config says of it: "aws", "gcp" or "azure", and after a space where the service is, if not at its usual address.
struct PreemptionWatchSettings {
  MetadataService service = MetadataService::kEc2;
  std::string base;  ///< "http://169.254.169.254"
};
/// Errors   kInvalidArgument: another word
Result<PreemptionWatchSettings> parse_watch_settings(std::string_view text);

/// The variable of the node's config that turns the watch on, and the one by which jobs learn where the notice will appear.
inline constexpr const char* kWatchVariable = "ISOBAR_PREEMPTION_WATCH";
inline constexpr const char* kNoticeVariable = "ISOBAR_PREEMPTION_NOTICE";

// Each: none when nothing is announced. Errors   kDataLoss: not what the service is documented to say
Result<std::optional<NodeNotice>> parse_instance_action(std::string_view body);
Result<std::optional<NodeNotice>> parse_rebalance(std::string_view body);
/// now   when it was read: a machine goes thirty seconds after it is told
Result<std::optional<NodeNotice>> parse_preempted(std::string_view body, Instant now);
/// machine   by the name that Azure has for it: others' events are told, too
Result<std::optional<NodeNotice>> parse_scheduled_events(std::string_view body, std::string_view machine);

/// What the file of the notice holds: `{"rank": 1, "what": "terminate", "at": "2026-11-27T12:03:10Z"}`, and back.
std::string notice_text(const NodeNotice& notice);
Result<NodeNotice> parse_notice(std::string_view text);

}  // namespace isobar::broker
