#include "job_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <map>
#include <set>

namespace isobar::broker {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// What the queue asked for, in words.
std::vector<std::string> words(const std::vector<QueueEffect>& effects) {
  std::vector<std::string> out;
  const auto phase = [](Phase p) { return p == Phase::kSetup ? "setup" : "run"; };
  for (const auto& effect : effects) {
    if (const auto* e = std::get_if<PhaseBegun>(&effect)) out.push_back(fmt::format("begin {} {}", phase(e->phase), e->job));
    if (const auto* e = std::get_if<StartRank>(&effect))
      out.push_back(fmt::format("start {} {} rank {} on {}", phase(e->key.phase), e->key.job, e->rank, e->node));
    if (const auto* e = std::get_if<KillGangRank>(&effect))
      out.push_back(fmt::format("kill {} {} on {}", phase(e->key.phase), e->key.job, e->node));
    if (const auto* e = std::get_if<VerdictReached>(&effect))
      out.push_back(fmt::format("verdict {} {}", e->job, name_of(e->verdict.status)));
    if (const auto* e = std::get_if<JobEnded>(&effect)) out.push_back(fmt::format("end {} {}", e->job, name_of(e->verdict.status)));
  }
  return out;
}

RankEnded ended(std::uint64_t job, int node, std::optional<int> code, Phase phase = Phase::kRun) {
  return {{JobId(job), phase}, node, {code, code ? "" : "gone"}};
}
JobSubmitted submitted(std::uint64_t job, Demand demand) { return {JobId(job), demand}; }

TEST(JobQueue, SetsUpOnAllNodesAndThenRunsOnItsOwn) {
  JobQueue queue({{4, 0}, {4, 0}});
  EXPECT_THAT(words(queue.step(submitted(1, {.num_nodes = 1, .cpus = 1, .has_setup = true}))),
              ElementsAre("begin setup 1", "start setup 1 rank 0 on 0", "start setup 1 rank 1 on 1"));
  EXPECT_THAT(words(queue.step(ended(1, 1, 0, Phase::kSetup))), IsEmpty());
  EXPECT_THAT(words(queue.step(ended(1, 0, 0, Phase::kSetup))), ElementsAre("begin run 1", "start run 1 rank 0 on 0"));
  EXPECT_THAT(words(queue.step(ended(1, 0, 0))), ElementsAre("end 1 SUCCEEDED"));
}

TEST(JobQueue, IsStrictlyFirstInFirstOut) {
  JobQueue queue({{2, 0}});
  EXPECT_THAT(words(queue.step(submitted(1, {.cpus = 2}))), ElementsAre("begin run 1", "start run 1 rank 0 on 0"));
  EXPECT_THAT(words(queue.step(submitted(2, {.cpus = 2}))), IsEmpty());
  EXPECT_THAT(words(queue.step(submitted(3, {.cpus = 0}))), IsEmpty()) << "a small job does not overtake";
  EXPECT_THAT(words(queue.step(ended(1, 0, 0))),
              ElementsAre("end 1 SUCCEEDED", "begin run 2", "start run 2 rank 0 on 0", "begin run 3", "start run 3 rank 0 on 0"));
}

TEST(JobQueue, AJobThatWaitsForLostNodesIsStartedOnceTheNodeIsBack) {
  JobQueue queue({{4, 0}, {4, 0}});
  const Demand gang{.num_nodes = 2, .cpus = 1, .waits_for_lost = true};
  EXPECT_THAT(words(queue.step(NodeLost{1})), IsEmpty());
  EXPECT_THAT(words(queue.step(submitted(1, gang))), IsEmpty());
  EXPECT_EQ(queue.pending(), 1U);
  EXPECT_THAT(words(queue.step(NodeBack{1})), ElementsAre("begin run 1", "start run 1 rank 0 on 0", "start run 1 rank 1 on 1"));
}

TEST(JobQueue, SetupThatWaitsForLostNodesNeedsEveryNode) {
  JobQueue queue({{4, 0}, {4, 0}});
  queue.step(NodeLost{1});
  EXPECT_THAT(words(queue.step(submitted(1, {.cpus = 1, .has_setup = true, .waits_for_lost = true}))), IsEmpty());
  EXPECT_THAT(words(queue.step(NodeBack{1})), ElementsAre("begin setup 1", "start setup 1 rank 0 on 0", "start setup 1 rank 1 on 1"));
}

TEST(JobQueue, AJobThatDoesNotWaitIsStartedOnALostNodeAndFailsThere) {
  JobQueue queue({{4, 0}, {4, 0}});
  queue.step(NodeLost{1});
  queue.step(submitted(1, {.num_nodes = 2, .cpus = 1}));
  const auto effects = queue.step(ended(1, 1, {}));
  EXPECT_THAT(words(effects), ElementsAre("verdict 1 FAILED_DRIVER", "kill run 1 on 0"));
  EXPECT_TRUE(std::get<VerdictReached>(effects[0]).node_lost);
}

TEST(JobQueue, AFailureOnANodeThatIsThereIsNoLoss) {
  JobQueue queue({{4, 0}, {4, 0}});
  queue.step(submitted(1, {.num_nodes = 2, .cpus = 1, .waits_for_lost = true}));
  const auto effects = queue.step(ended(1, 1, 3));
  EXPECT_FALSE(std::get<VerdictReached>(effects.at(0)).node_lost);
}

TEST(JobQueue, NothingIsBegunOnAReplacedNodeUntilItIsReady) {
  JobQueue queue({{4, 0}, {4, 0}});
  queue.step(NodeLost{1, true});
  EXPECT_THAT(words(queue.step(submitted(1, {.num_nodes = 2, .cpus = 1}))), IsEmpty()) << "whatever the job asks";
  EXPECT_THAT(words(queue.step(NodeLost{1, false})), IsEmpty());
  EXPECT_THAT(words(queue.step(NodeBack{1})), ElementsAre("begin run 1", "start run 1 rank 0 on 0", "start run 1 rank 1 on 1"));
}

TEST(JobQueue, WhatRanOnAReplacedNodeHasEndedAndIsNotBegunOnItsSuccessor) {
  JobQueue queue({{4, 0}, {4, 0}});
  queue.step(NodeLost{1, true});
  const auto effects = queue.step(JobRestored{JobId(1), {.num_nodes = 2, .cpus = 1}, Phase::kRun, {{0, {}}, {1, {}}}, {}});
  EXPECT_THAT(words(effects), ElementsAre("start run 1 rank 0 on 0", "verdict 1 FAILED_DRIVER", "kill run 1 on 0"));
  EXPECT_TRUE(std::get<VerdictReached>(effects[1]).node_lost);
  EXPECT_THAT(words(queue.step(ended(1, 0, 143))), ElementsAre("end 1 FAILED_DRIVER"));
}

TEST(JobQueue, AJobWhoseOnlyNodeWasReplacedEndsAtOnce) {
  JobQueue queue({{4, 0}, {4, 0}});
  queue.step(NodeLost{1, true});
  EXPECT_THAT(words(queue.step(JobRestored{JobId(1), {.cpus = 1}, Phase::kRun, {{1, {}}}, {}})),
              ElementsAre("verdict 1 FAILED_DRIVER", "end 1 FAILED_DRIVER"));
}

TEST(JobQueue, TheFirstFailingRankDecides) {
  JobQueue queue({{1, 0}, {1, 0}, {1, 0}});
  queue.step(submitted(1, {.num_nodes = 3, .cpus = 1}));
  EXPECT_THAT(words(queue.step(ended(1, 1, 7))), ElementsAre("verdict 1 FAILED", "kill run 1 on 0", "kill run 1 on 2"));
  EXPECT_THAT(words(queue.step(ended(1, 2, 143))), IsEmpty());
  const auto last = queue.step(ended(1, 0, std::nullopt));
  ASSERT_EQ(last.size(), 1U);
  const auto& verdict = std::get<JobEnded>(last[0]).verdict;
  EXPECT_EQ(verdict.status, JobStatus::kFailed);
  EXPECT_EQ(verdict.exit_code, 7);
  EXPECT_EQ(verdict.failed_rank, 1);
}

TEST(JobQueue, ALostRankIsADriverFailure) {
  JobQueue queue({{1, 0}});
  queue.step(submitted(1, {.cpus = 1}));
  const auto effects = queue.step(ended(1, 0, std::nullopt));
  EXPECT_THAT(words(effects), ElementsAre("verdict 1 FAILED_DRIVER", "end 1 FAILED_DRIVER"));
}

TEST(JobQueue, CancelEndsWaitingJobsAtOnceAndRunningOnesWhenTheyAreGone) {
  JobQueue queue({{1, 0}});
  queue.step(submitted(1, {.cpus = 1}));
  queue.step(submitted(2, {.cpus = 1}));
  EXPECT_THAT(words(queue.step(CancelWanted{JobId(2)})), ElementsAre("end 2 CANCELLED"));
  EXPECT_THAT(words(queue.step(CancelWanted{JobId(1)})), ElementsAre("verdict 1 CANCELLED", "kill run 1 on 0"));
  EXPECT_THAT(words(queue.step(CancelWanted{JobId(1)})), IsEmpty());
  EXPECT_THAT(words(queue.step(ended(1, 0, 143))), ElementsAre("end 1 CANCELLED"));
}

TEST(JobQueue, SharesOfADeviceGatherOnOne) {
  JobQueue queue({{8, 2}});
  for (std::uint64_t job = 1; job <= 3; ++job) queue.step(submitted(job, {.cpus = 1, .gpus = 0.5}));
  EXPECT_EQ(queue.places(JobId(1))->front().gpus, std::vector<int>{0});
  EXPECT_EQ(queue.places(JobId(2))->front().gpus, std::vector<int>{0});
  EXPECT_EQ(queue.places(JobId(3))->front().gpus, std::vector<int>{1});
}

TEST(JobQueue, TellsWhatTheClusterLacks) {
  const JobQueue queue({{4, 1}, {4, 1}});
  EXPECT_TRUE(queue.admit({.num_nodes = 2, .cpus = 4, .gpus = 1}).ok());
  EXPECT_FALSE(queue.admit({.num_nodes = 3}).ok());
  EXPECT_FALSE(queue.admit({.cpus = 5}).ok());
  EXPECT_FALSE(queue.admit({.gpus = 2}).ok());
}

TEST(JobQueue, ARestoredJobGoesOnFromItsPhaseAndVerdict) {
  JobQueue queue({{2, 0}, {2, 0}});
  EXPECT_THAT(words(queue.step(JobRestored{JobId(1), {.num_nodes = 2, .cpus = 2}, Phase::kRun, {{0, {}}, {1, {}}}, {}})),
              ElementsAre("start run 1 rank 0 on 0", "start run 1 rank 1 on 1"));
  EXPECT_THAT(words(queue.step(submitted(2, {.cpus = 1}))), IsEmpty()) << "its resources are held";
  JobQueue other({{2, 0}, {2, 0}});
  EXPECT_THAT(words(other.step(JobRestored{JobId(1), {.num_nodes = 1, .cpus = 1}, Phase::kRun, {{1, {}}}, Verdict{JobStatus::kCancelled}})),
              ElementsAre("start run 1 rank 0 on 1", "kill run 1 on 1"));
}

/// Keeps the books of a cluster beside the queue, by its effects alone.
struct Books {
  struct Job {
    Demand demand;
    std::vector<Place> places;
    Phase phase = Phase::kRun;
    std::set<int> live;
    bool killed = false;
  };
  std::vector<NodeShape> shapes;
  std::map<JobId, Demand> waiting;
  std::map<JobId, Job> active;
  std::map<JobId, JobStatus> over;
  JobId last_started;

  void read(const std::vector<QueueEffect>& effects) {
    for (const auto& effect : effects) std::visit([&](const auto& one) { read(one); }, effect);
    for (int node = 0; node < static_cast<int>(shapes.size()); ++node) check_node(node);
  }
  void read(const PhaseBegun& begun) {
    if (const auto found = waiting.find(begun.job); found != waiting.end()) {
      RC_ASSERT(found == waiting.begin());  // First in, first out.
      active[begun.job] = {found->second, begun.places, begun.phase, {}, false};
      waiting.erase(found);
    }
    active.at(begun.job).phase = begun.phase;
    RC_ASSERT(static_cast<int>(begun.places.size()) == active.at(begun.job).demand.num_nodes);
  }
  void read(const StartRank& start) { RC_ASSERT(active.at(start.key.job).live.insert(start.node).second); }
  void read(const KillGangRank& kill) {
    RC_ASSERT(active.at(kill.key.job).live.contains(kill.node));
    active.at(kill.key.job).killed = true;
  }
  void read(const VerdictReached&) {}
  void read(const JobEnded& end) {
    waiting.erase(end.job);
    if (const auto found = active.find(end.job); found != active.end()) RC_ASSERT(found->second.live.empty());
    active.erase(end.job);
    RC_ASSERT(over.emplace(end.job, end.verdict.status).second);
  }
  /// Never more is given out than there is.
  void check_node(int node) const {
    double cpus = 0;
    std::map<int, double> gpus;
    for (const auto& [id, job] : active)
      for (const auto& place : job.places) {
        if (place.node != node) continue;
        cpus += job.demand.cpus;
        for (const int device : place.gpus) gpus[device] += std::min(job.demand.gpus, 1.0);
      }
    const auto& shape = shapes[static_cast<std::size_t>(node)];
    RC_ASSERT(cpus <= shape.cpus + 1e-6);
    for (const auto& [device, share] : gpus) RC_ASSERT(device < shape.gpus && share <= 1 + 1e-6);
  }
};

TEST(JobQueueProperty, NeverOvercommitsKeepsOrderAndEndsEveryJob) {
  rc::check([] {
    Books books;
    const auto nodes = *rc::gen::inRange(1, 4);
    for (int node = 0; node < nodes; ++node)
      books.shapes.push_back({static_cast<double>(*rc::gen::inRange(1, 5)), *rc::gen::inRange(0, 3)});
    JobQueue queue(books.shapes);
    std::uint64_t next = 1;
    const auto end_one = [&](const std::vector<std::pair<JobId, int>>& live, std::size_t pick, int code) {
      const auto [job, node] = live[pick % live.size()];
      auto& active = books.active.at(job);
      active.live.erase(node);
      books.read(queue.step(RankEnded{{job, active.phase}, node, {code < 0 ? std::nullopt : std::optional(code), ""}}));
    };
    const auto live_ranks = [&] {
      std::vector<std::pair<JobId, int>> live;
      for (const auto& [id, job] : books.active)
        for (const int node : job.live) live.emplace_back(id, node);
      return live;
    };
    const auto moves = *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 1000));
    for (const int move : moves) {
      const auto live = live_ranks();
      if (move % 3 == 0) {
        const Demand demand{1 + move % nodes, (move / 7 % 9) * 0.25, (move / 11 % 5) * 0.5, move % 2 == 0, move % 5 != 0};
        if ((demand.gpus > 1 && demand.gpus != 2) || !queue.admit(demand).ok()) continue;
        books.waiting[JobId(next)] = demand;
        books.read(queue.step(JobSubmitted{JobId(next++), demand}));
      } else if (move % 3 == 1 && !live.empty()) {
        end_one(live, static_cast<std::size_t>(move), move % 10 - 1);
      } else if (next > 1) {
        books.read(queue.step(CancelWanted{JobId(1 + static_cast<std::uint64_t>(move) % (next - 1))}));
      }
    }
    for (auto live = live_ranks(); !live.empty(); live = live_ranks()) end_one(live, 0, 0);
    RC_ASSERT(books.waiting.empty() && books.active.empty());
    RC_ASSERT(books.over.size() == next - 1);
    RC_ASSERT(queue.pending() == 0U);
  });
}

}  // namespace
}  // namespace isobar::broker
