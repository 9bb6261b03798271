#include "streams.h"

#include <algorithm>

namespace isobar::broker {

namespace {

constexpr std::uint64_t kPageJobs = 500;

}  // namespace

bool JobListing::pump(Session& session, std::uint64_t request) {
  while (session.room()) {
    const auto size = what_.limit == 0 ? kPageJobs : std::min(kPageJobs, what_.limit - sent_);
    auto jobs = store_.list(what_, size, below_);
    if (!jobs.ok()) return session.refuse(request, jobs.error()), true;
    sent_ += jobs->size();
    if (!jobs->empty()) below_ = jobs->back().id;
    const bool last = jobs->size() < size || (what_.limit != 0 && sent_ >= what_.limit);
    session.reply(request, JobPage{std::move(*jobs), last});
    if (last) return true;
  }
  return false;
}

bool LogStream::pump(Session& session, std::uint64_t request) {
  // Asked for before the log is read: a job that has ended has its whole log on disk.
  auto job = head_.store().find(job_);
  if (!job.ok()) return session.refuse(request, job.error()), true;
  const bool complete = !follow_ || is_terminal((*job)->status);
  while (session.room()) {
    auto next = follower_.next(complete);
    if (!next.ok()) return session.refuse(request, next.error()), true;
    if (!next->text.empty()) session.reply(request, LogChunk{std::move(next->text)});
    if (!next->at_end) continue;
    if (complete) session.reply(request, LogEnd{std::move(**job)});
    return complete;
  }
  return false;
}

}  // namespace isobar::broker
