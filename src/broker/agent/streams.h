#pragma once

/// The answers that come in many parts: a listing of jobs, a job's log, the output of a rank.

#include "head.h"
#include "log_follower.h"
#include "session.h"

namespace isobar::broker {

class JobListing final : public Stream {
 public:
  JobListing(const JobStore& store, ListJobs what) : store_(store), what_(std::move(what)) {}
  bool pump(Session& session, std::uint64_t request) override;

 private:
  const JobStore& store_;
  ListJobs what_;
  std::uint64_t sent_ = 0;
  std::optional<JobId> below_;
};

class LogStream final : public Stream {
 public:
  LogStream(const Head& head, const JobRecord& job, const TailLogs& what)
      : head_(head), job_(job.id), follow_(what.follow), follower_(head.log_of(job), what, job.num_nodes) {}
  bool pump(Session& session, std::uint64_t request) override;
  bool is_about(JobId job) const override { return job == job_; }

 private:
  const Head& head_;
  JobId job_;
  bool follow_;
  LogFollower follower_;
};

}  // namespace isobar::broker
