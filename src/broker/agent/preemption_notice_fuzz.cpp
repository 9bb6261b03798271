// What a metadata service says, and whoever takes its address.

#include <cstdint>
#include <string_view>

#include "preemption_notice.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace isobar::broker;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)parse_instance_action(text).ok();
  (void)parse_rebalance(text).ok();
  (void)parse_preempted(text, isobar::Instant()).ok();
  (void)parse_scheduled_events(text, "m").ok();
  (void)parse_watch_settings(text).ok();
  if (const auto notice = parse_notice(text); notice.ok()) (void)parse_notice(notice_text(*notice)).value();
  return 0;
}
