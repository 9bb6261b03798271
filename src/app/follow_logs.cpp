#include "follow_logs.h"

#include <fmt/format.h>

#include "interrupt_watch.h"

namespace isobar::app {

namespace {

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

int follow_logs(Context& context, broker::LogTail tail, const std::string& cluster, const broker::TailLogs& what) {
  std::optional<InterruptWatch> watch(std::in_place);
  const auto end = tail.read([&](std::string_view piece) { context.console().print(piece); }, watch->token());
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
