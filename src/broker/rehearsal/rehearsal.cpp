// The driver of a rehearsal: it feeds the machines with what the simulated clouds answer, carries their effects out on
// the scheduler, and watches what they promise.

#include "broker/rehearsal.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <set>

#include "base/text.h"
#include "simulated_cloud.h"

namespace isobar::broker {

namespace {

// How long it takes until a lost machine is noticed: one heartbeat timeout.
constexpr Duration kDetectionDelay = 10s;

class Rehearsal {
 public:
  Rehearsal(std::span<const RehearsedTask> tasks, const FaultPlan& plan)
      : tasks_(tasks),
        plan_(plan),
        scheduler_(plan.seed),
        clouds_(scheduler_, plan, [this](const std::string& cluster) { on_preempted(cluster); }) {}

  RehearsalReport run() {
    begin_task();
    scheduler_.run_until(Instant() + plan_.horizon);
    if (!over_) fail(fmt::format("not over after {}", format_duration(plan_.horizon)));
    if (report_.finished_after == Duration::zero()) report_.finished_after = elapsed();
    report_.cost = clouds_.cost();
    if (over_ && clouds_.live_machines() > 0) violation(fmt::format("no machine is left behind: {} still run", clouds_.live_machines()));
    return std::move(report_);
  }

 private:
  const RehearsedTask& task() const { return tasks_[current_]; }
  Duration elapsed() const { return scheduler_.now() - Instant(); }
  void note(std::string what) { report_.timeline.push_back({elapsed(), task().name, std::move(what)}); }
  void violation(std::string rule) { report_.violations.push_back(std::move(rule)); }

  void begin_task() {
    recovery_ = std::make_unique<RecoveryMachine>(task().goal, task().strategy);
    progress_ = Duration::zero();
    carry_out(recovery_->step(recovery::Start{}));
  }

  void fail(std::string why) {
    report_.succeeded = false;
    report_.failure = std::move(why);
  }

  // ---- recovery: what to do next
  void carry_out(const std::optional<recovery::Effect>& effect) {
    if (!effect) return;
    if (const auto* start = std::get_if<recovery::Launch>(&*effect)) {
      auto goal = start->goal;
      goal.removals_most = 0;  // whoever manages a job stays until all is gone
      launch_ = std::make_unique<LaunchMachine>(std::move(goal), fmt::format("{}-{}", task().name, ++launches_));
      tried_.clear();
      carry_out(launch_->step(launch::Start{}, scheduler_.now()));
    } else if (std::holds_alternative<recovery::CleanUp>(*effect)) {
      clean_up();
    } else {
      finish_task(std::get<recovery::Finish>(*effect));
    }
  }

  void finish_task(const recovery::Finish& finish) {
    report_.recoveries += recovery_->recoveries();
    if (finish.error) {
      note("gave up: " + std::string(split(finish.error->message(), '\n')[0]));
      over_ = true;
      return fail(finish.error->message());
    }
    note("finished");
    if (current_ + 1 < tasks_.size()) {
      ++current_;
      return begin_task();
    }
    over_ = report_.succeeded = true;
    report_.finished_after = elapsed();
  }

  // A cloud that does not answer is asked again until it does.
  void clean_up() {
    clouds_.terminate(task().goal.cluster, running_on_.offer.cloud, [this](bool done) {
      if (done) carry_out(recovery_->step(recovery::Cleaned{}));
      else clean_up();
    });
  }

  // ---- launch: one placement after another
  void carry_out(const std::vector<launch::Effect>& effects) {
    for (const auto& effect : effects) carry_out(effect);
  }

  void feed(const launch::Event& event) { carry_out(launch_->step(event, scheduler_.now())); }

  void carry_out(const launch::Effect& effect) {
    if (const auto* intent = std::get_if<launch::RecordIntent>(&effect)) {
      check_attempt(intent->placement);
      scheduler_.after(Duration::zero(), [this] { feed(launch::IntentRecorded{}); });
    } else if (const auto* create = std::get_if<launch::Create>(&effect)) {
      attempt(create->placement);
    } else if (const auto* terminate = std::get_if<launch::Terminate>(&effect)) {
      clouds_.terminate(task().goal.cluster, terminate->cloud, [this](bool done) {
        feed(done ? launch::Event(launch::Terminated{}) : launch::Event(launch::TerminateFailed{unavailable("the cloud does not answer")}));
      });
    } else if (const auto* timer = std::get_if<launch::SetTimer>(&effect)) {
      if (timer->after >= task().goal.backoff_least) {
        note(fmt::format("nothing to be had; trying again in {}", format_duration(timer->after)));
        tried_.clear();
      }
      scheduler_.after(timer->after, [this] { feed(launch::TimerFired{}); });
    } else if (const auto* up = std::get_if<launch::Succeeded>(&effect)) {
      on_up(*up);
    } else {
      carry_out(recovery_->step(recovery::LaunchFailed{std::get<launch::Failed>(effect).error}));
    }
  }

  void check_attempt(const Placement& placement) {
    const auto& bound = task().goal.hourly_cost_max;
    if (bound && placement.hourly_price > *bound)
      violation(fmt::format("no placement above the price bound is tried: {} at ${}", describe(placement), placement.hourly_price));
    if (!tried_.insert(describe(placement)).second) violation("no placement is tried twice in a pass: " + describe(placement));
    if (clouds_.live_machines(task().goal.cluster) > 0)
      violation("at most one incarnation lives: machines ran when a new attempt began at " + describe(placement));
  }

  void attempt(const Placement& placement) {
    ++report_.attempts;
    note(fmt::format("trying {} at ${:.4g}/hr", describe(placement), placement.hourly_price * task().goal.num_nodes));
    clouds_.create(task().goal.cluster, placement, task().goal.num_nodes, [this](const cloud::CreateOutcome& outcome) {
      if (outcome.failure) note("  failed: " + outcome.failure->error.message());
      feed(outcome.failure ? launch::Event(launch::CreateFailed{*outcome.failure}) : launch::Event(launch::Created{outcome.instances}));
    });
  }

  // ---- the job itself
  void on_up(const launch::Succeeded& up) {
    running_on_ = up.placement;
    running_ = true;
    started_ = scheduler_.now();
    const Duration left = plan_.work - progress_;
    note(progress_ > Duration::zero() ? fmt::format("up; resumes with {} of work left", format_duration(left))
                                      : fmt::format("up; {} of work", format_duration(left)));
    carry_out(recovery_->step(recovery::LaunchSucceeded{up.placement}));
    done_event_ = scheduler_.after(left, [this] {
      running_ = false;
      progress_ = plan_.work;
      carry_out(recovery_->step(recovery::WorkDone{}));
    });
  }

  void on_preempted(const std::string& cluster) {
    if (!running_ || cluster != task().goal.cluster) return;
    running_ = false;
    ++report_.preemptions;
    scheduler_.cancel(done_event_);
    const Duration ran = progress_ + (scheduler_.now() - started_);
    const Duration step = plan_.checkpoint_every;
    progress_ = step > Duration::zero() ? std::max(progress_, step * (ran / step)) : Duration::zero();
    note(fmt::format("preempted on {}; {} of work is kept", describe(running_on_), format_duration(progress_)));
    scheduler_.after(kDetectionDelay, [this] { carry_out(recovery_->step(recovery::Preempted{})); });
  }

  std::span<const RehearsedTask> tasks_;
  const FaultPlan& plan_;
  sim::Scheduler scheduler_;
  SimulatedClouds clouds_;
  RehearsalReport report_;
  std::size_t current_ = 0;
  std::unique_ptr<RecoveryMachine> recovery_;
  std::unique_ptr<LaunchMachine> launch_;
  std::set<std::string> tried_;  // in this pass
  int launches_ = 0;
  bool running_ = false, over_ = false;
  Placement running_on_;
  Instant started_;
  Duration progress_{};
  sim::Scheduler::EventId done_event_ = 0;
};

}  // namespace

RehearsalReport rehearse(std::span<const RehearsedTask> tasks, const FaultPlan& plan) {
  CHECK(!tasks.empty());
  return Rehearsal(tasks, plan).run();
}

}  // namespace isobar::broker
