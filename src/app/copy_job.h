#pragma once

// One run over one source, as cp, mv and sync have in common.

#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "copy_options.h"
#include "transfer/copy_driver.h"
#include "transfer/overlay_network.h"
#include "transfer_progress.h"

namespace isobar::app {

// One run over one source: everything the driver needs, and what is said at the end.
struct Job {
  std::shared_ptr<storage::Store> source;
  std::vector<std::shared_ptr<storage::Store>> targets;
  std::unique_ptr<transfer::ItemSource> items;
  std::string identity;  // equal for the same request, so that it finds its journal again
};

struct Outcome {
  transfer::CopyCore::Totals totals;
  std::uint64_t removed = 0, same = 0;
  std::vector<transfer::OverlayEdge> edges;  // of the overlay, and what went over them
  transfer::PackedTotals packed;             // for the overlay
  std::vector<std::string> problems;         // of single objects, the first few
  std::uint64_t problems_more = 0;
  std::vector<std::string> conclusions;  // of the job as a whole: never crowded out by the others
  bool interrupted = false;
  bool user_error = false;  // nothing was begun: the request itself is wrong
  void problem(std::string text) {
    if (problems.size() < 20) problems.push_back(std::move(text));
    else ++problems_more;
  }
  void conclude(std::string text) { conclusions.push_back(std::move(text)); }
  void say_problems(const Console& console) const {
    const auto say = [&](const std::string& text) { console.say(fmt::format("{} {}", console.red("isobar:"), text)); };
    for (const auto& problem : problems) say(problem);
    if (problems_more > 0) console.say(fmt::format("and {} more", problems_more));
    for (const auto& conclusion : conclusions) say(conclusion);
  }
  bool good() const { return problems.empty() && conclusions.empty() && !interrupted; }
};

/// Carries a job out, or goes on with it, and looks whether all has arrived.
/// on_done   told of each object that was copied; may be empty
/// means     the gateways that the bytes go over; null: they pass here
Outcome run_job(Context& context, const CopyOptions& options, Job job, std::stop_token stop, ProgressLine& progress,
                const std::function<void(const transfer::CopyItem&)>& on_done, OverlayMeans* means);

void add_up(Outcome& sum, Outcome one);

}  // namespace isobar::app
