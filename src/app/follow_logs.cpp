#include "follow_logs.h"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <stop_token>
#include <thread>

namespace isobar::app {

namespace {

// Turns Ctrl-C into a stop request for as long as it lives. The signal is taken by a thread of its own, so that nothing
// has to be safe in a signal handler; a second Ctrl-C ends the program at once.
class InterruptWatch {
 public:
  InterruptWatch() {
    sigemptyset(&signals_);
    sigaddset(&signals_, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals_, &before_);
    thread_ = std::jthread([this](const std::stop_token& done) {
      const timespec slice{0, 50'000'000};
      while (!done.stop_requested()) {
        if (sigtimedwait(&signals_, nullptr, &slice) != SIGINT) continue;
        if (source_.stop_requested()) ::_exit(130);
        source_.request_stop();
      }
    });
  }
  ~InterruptWatch() {
    thread_.request_stop();
    thread_.join();
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  std::stop_token token() const { return source_.get_token(); }

 private:
  sigset_t signals_{}, before_{};
  std::stop_source source_;
  std::jthread thread_;
};

int exit_code_of(const broker::JobRecord& job, bool followed) {
  if (job.status == broker::JobStatus::kSucceeded || (!followed && !broker::is_terminal(job.status))) return kOk;
  return kJobFailed;
}

std::string ending(const broker::JobRecord& job) {
  std::string text = fmt::format("Job {} {}", job.id, broker::name_of(job.status));
  if (job.exit_code && *job.exit_code != 0) text += fmt::format(", exit code {}", *job.exit_code);
  if (job.failed_rank && job.num_nodes > 1) text += fmt::format(" of rank {}", *job.failed_rank);
  if (!job.reason.empty()) text += ": " + job.reason;
  return text + ".";
}

}  // namespace

int follow_logs(Context& context, broker::AgentClient& head, const std::string& cluster, const broker::TailLogs& what) {
  std::optional<InterruptWatch> watch(std::in_place);
  const auto end = head.tail_logs(
      what, [&](std::string_view piece) { context.console().print(piece); }, watch->token());
  const bool interrupted = watch->token().stop_requested();
  watch.reset();
  if (interrupted) {
    const std::string job = what.job.value() == 0 ? "" : fmt::format(" {}", what.job);
    context.console().say(fmt::format("\nDetached; the job goes on.\n  come back:  isobar logs {0}{1}\n  end it:     isobar cancel {0}{1}",
                                      cluster, job.empty() ? "" : job));
    return kOk;
  }
  if (!end.ok()) return context.console().fail("logs", end.error());
  if (broker::is_terminal(end->status)) context.console().say(ending(*end));
  return exit_code_of(*end, what.follow);
}

}  // namespace isobar::app
