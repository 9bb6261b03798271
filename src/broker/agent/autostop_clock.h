#pragma once

/// When an idle cluster ends itself. A core: it is told what happens and says when to fire.
///
/// A cluster is idle from the last of: its boot, a job's submission or end, and any (re)setting of autostop. A job not
/// yet ended, whichever phase it is in, is activity; under `wait_for: none` jobs count for nothing. Persistence is the
/// driver's: it hands in the latest of each kind when the agent starts again.

#include <algorithm>
#include <optional>

#include "base/time.h"
#include "broker/resources.h"

namespace isobar::broker {

class AutostopClock {
 public:
  explicit AutostopClock(Instant booted) : quiet_since_(booted), job_activity_(booted) {}

  void set(const std::optional<Autostop>& autostop, Instant at) {
    autostop_ = autostop;
    quiet_since_ = std::max(quiet_since_, at);
  }
  /// A job was submitted or ended. active  the jobs not yet ended after that
  void jobs_changed(std::size_t active, Instant at) {
    active_jobs_ = active;
    job_activity_ = std::max(job_activity_, at);
  }

  const std::optional<Autostop>& autostop() const { return autostop_; }

  /// None while something that counts as activity goes on.
  std::optional<Instant> idle_since() const {
    if (autostop_ && autostop_->wait_for == IdleWait::kNone) return quiet_since_;
    if (active_jobs_ > 0) return std::nullopt;
    return std::max(quiet_since_, job_activity_);
  }

  /// When to fire if nothing else happens; none while autostop is off or the cluster is active.
  std::optional<Instant> fires_at() const {
    const auto idle = idle_since();
    if (!autostop_ || !idle) return std::nullopt;
    return *idle + autostop_->idle;
  }

 private:
  std::optional<Autostop> autostop_;
  Instant quiet_since_;   // boot, or the last setting
  Instant job_activity_;  // the last submission or end
  std::size_t active_jobs_ = 0;
};

}  // namespace isobar::broker
