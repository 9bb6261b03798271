// A rehearsal's report, for people and for programs.

#include <fmt/format.h>

#include <boost/json.hpp>

#include "broker/rehearsal.h"

namespace isobar::broker {

namespace {

std::string clock_text(Duration at) {
  const auto seconds = static_cast<std::int64_t>(to_seconds(at));
  const std::string days = seconds >= 86400 ? fmt::format("{}d ", seconds / 86400) : "";
  return fmt::format("{}{:02}:{:02}:{:02}", days, seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
}

}  // namespace

std::string render_rehearsal(const RehearsalReport& report) {
  std::string text = "SIMULATED: nothing was launched; clouds, times and faults are those of the plan.\n";
  for (const auto& entry : report.timeline) text += fmt::format("[{}] {}: {}\n", clock_text(entry.at), entry.task, entry.what);
  text += fmt::format("\n{} after {}; cost $ {:.2f}; {} attempts, {} preemptions, {} recoveries (all simulated)\n",
                      report.succeeded ? "Finished" : "Failed", format_duration(report.finished_after), report.cost, report.attempts,
                      report.preemptions, report.recoveries);
  if (!report.succeeded) text += report.failure + "\n";
  for (const auto& rule : report.violations) text += "BUG: a rule was broken: " + rule + "\n";
  return text;
}

std::string rehearsal_json(const RehearsalReport& report) {
  namespace json = boost::json;
  json::array timeline;
  for (const auto& entry : report.timeline)
    timeline.push_back(json::object{{"at_seconds", to_seconds(entry.at)}, {"task", entry.task}, {"what", entry.what}});
  return json::serialize(json::object{{"simulated", true},
                                      {"succeeded", report.succeeded},
                                      {"failure", report.failure},
                                      {"cost", report.cost},
                                      {"finished_after_seconds", to_seconds(report.finished_after)},
                                      {"attempts", report.attempts},
                                      {"preemptions", report.preemptions},
                                      {"recoveries", report.recoveries},
                                      {"timeline", std::move(timeline)}});
}

}  // namespace isobar::broker
