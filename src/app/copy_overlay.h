#pragma once

// Copies over gateways: which, how they are started, and what the plan costs.

#include <memory>
#include <optional>

#include "copy_job.h"

namespace isobar::app {

/// None: the bytes pass here.   Errors   kInvalidArgument, and as of listing the sources
Result<std::optional<OverlayMeans>> means_for(const Context& context, StoreOpener& opener, CopyOptions& options);

/// What it would cost, and how long it would take.
Status tell_price(const Context& context, const OverlayMeans& means);

/// The overlay that a job's bytes go over. The plan and its price are told before anything is started.
Result<std::unique_ptr<transfer::OverlayNetwork>> start_overlay(const CopyOptions& options, const Job& job, OverlayMeans& means,
                                                                transfer::CopyPlan& plan);

void tell_plan(const Context& context, const transfer::OverlayNetwork& network, const CopyOptions& options);

}  // namespace isobar::app
