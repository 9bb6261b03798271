#include "broker/optimizer.h"

#include <gmock/gmock.h>

#include "broker/plan_table.h"
#include "market_for_tests.h"

namespace isobar::broker {
namespace {

using testing::HasSubstr;

/// Two clouds: in "cheap" everything costs half as much as in "aws".
Market two_clouds() {
  using O = OfferBuilder;
  return a_market({O("aws", "us-east-1", "", "m6i.2xlarge", 8, 1.0), O("cheap", "here", "", "box", 8, 0.5),
                   O("gcp", "us-central1", "us-central1-a", "n2-standard-8", 8, 0.8)});
}

TaskNode a_task(std::string name, std::vector<std::size_t> parents = {}) {
  TaskNode task;
  task.name = std::move(name);
  task.parents = std::move(parents);
  return task;
}

std::vector<std::string> clouds_of(const Result<Plan>& plan) {
  std::vector<std::string> clouds;
  EXPECT_TRUE(plan.ok()) << (plan.ok() ? "" : plan.error().message());
  if (plan.ok())
    for (const PlannedTask& task : plan->tasks) clouds.emplace_back(task.candidate().shape->cloud);
  return clouds;
}

TEST(Optimizer, ASingleTaskGoesWhereItIsCheapest) {
  TaskNode task = a_task("train");
  task.num_nodes = 3;
  task.runtime = [](const Candidate&) { return 2h; };
  const auto plan = optimize({task}, two_clouds());
  EXPECT_EQ(clouds_of(plan), std::vector<std::string>{"cheap"});
  EXPECT_NEAR(plan->total_cost(), 0.5 * 2 * 3, 1e-9);
  EXPECT_EQ(plan->time, 2h);
  EXPECT_EQ(plan->tasks[0].candidates->ranked.size(), 3U) << "failover goes on with the others";
}

TEST(Optimizer, ATaskStaysBesideItsInputWhenMovingItCostsMore) {
  TaskNode task = a_task("train");
  task.input = DataSource{"aws", 4};  // 4 GB · $.09 < the $.50 saved
  EXPECT_EQ(clouds_of(optimize({task}, two_clouds())), std::vector<std::string>{"cheap"});
  task.input->gigabytes = 10;
  EXPECT_EQ(clouds_of(optimize({task}, two_clouds())), std::vector<std::string>{"aws"});
}

TEST(Optimizer, AChainMovesOnceAtTheCheapestPlace) {
  TaskNode first = a_task("prepare"), second = a_task("train", {0}), third = a_task("evaluate", {1});
  first.input = DataSource{"aws", 1000};
  first.output_gb = 1;
  second.output_gb = 1000;
  const auto plan = optimize({first, second, third}, two_clouds());
  EXPECT_EQ(clouds_of(plan), (std::vector<std::string>{"aws", "cheap", "cheap"}));
  EXPECT_NEAR(plan->compute_cost, 2.0, 1e-9);
  EXPECT_NEAR(plan->egress_cost, 0.09, 1e-9);
  EXPECT_EQ(plan->method, Method::kDynamicProgramming);
}

TEST(Optimizer, ADiamondIsSolvedExactlyByTheIntegerProgram) {
  TaskNode source = a_task("source"), left = a_task("left", {0}), right = a_task("right", {0}), join = a_task("join", {1, 2});
  source.input = DataSource{"aws", 100};
  source.output_gb = left.output_gb = right.output_gb = 4;
  const auto plan = optimize({source, left, right, join}, two_clouds());
  EXPECT_EQ(plan->method, Method::kIntegerProgram);
  EXPECT_EQ(plan->gap, 0);
  EXPECT_EQ(clouds_of(plan), (std::vector<std::string>{"aws", "cheap", "cheap", "cheap"}));
  EXPECT_NEAR(plan->total_cost(), 1 + 3 * 0.5 + 2 * 4 * .09, 1e-6);
}

TEST(Optimizer, ForTimeTheFastestMachineWinsAndTransfersCount) {
  TaskNode task = a_task("train");
  task.runtime = [](const Candidate& c) -> Duration { return c.shape->cloud == "gcp" ? 30min : 1h; };
  OptimizeOptions fastest;
  fastest.objective = Objective::kTime;
  EXPECT_EQ(clouds_of(optimize({task}, two_clouds(), fastest)), std::vector<std::string>{"gcp"});
  task.input = DataSource{"aws", 10000};  // 8000 s to move
  const auto stays = optimize({task}, two_clouds(), fastest);
  EXPECT_EQ(clouds_of(stays), std::vector<std::string>{"aws"});
  EXPECT_EQ(stays->time, 1h);
}

TEST(Optimizer, OfEquallyFastPlansTheCheapestIsTaken) {
  OptimizeOptions fastest;
  fastest.objective = Objective::kTime;
  EXPECT_EQ(clouds_of(optimize({a_task("a"), a_task("b", {0})}, two_clouds(), fastest)), (std::vector<std::string>{"cheap", "cheap"}));
}

TEST(Optimizer, ABranchThatHasTimeToSpareIsNotBoughtFast) {
  const auto runs = [](Duration on_gcp, Duration elsewhere) {
    return [=](const Candidate& c) { return c.shape->cloud == "gcp" ? on_gcp : elsewhere; };
  };
  TaskNode slow = a_task("slow"), quick = a_task("quick"), join = a_task("join", {0, 1});
  slow.runtime = runs(5h, 10h);
  quick.runtime = runs(30min, 1h);
  join.runtime = runs(1h, 2h);
  OptimizeOptions fastest;
  fastest.objective = Objective::kTime;
  const auto plan = optimize({slow, quick, join}, two_clouds(), fastest);
  EXPECT_EQ(plan->time, 6h);
  EXPECT_EQ(clouds_of(plan), (std::vector<std::string>{"gcp", "gcp", "gcp"})) << "$.40 on gcp, $.50 elsewhere";
  quick.runtime = runs(30min, 20min);
  slow.runtime = runs(5h, 10h);
  EXPECT_EQ(clouds_of(optimize({slow, quick, join}, two_clouds(), fastest)), (std::vector<std::string>{"gcp", "cheap", "gcp"}));
  quick.runtime = runs(30min, 45min);
  EXPECT_EQ(clouds_of(optimize({slow, quick, join}, two_clouds(), fastest)), (std::vector<std::string>{"gcp", "cheap", "gcp"}))
      << "slower than gcp, cheaper, and in time";
}

TEST(Optimizer, RefusesGraphsThatCannotRun) {
  EXPECT_THAT(optimize({a_task("a", {1}), a_task("b", {0})}, two_clouds()).error().message(), HasSubstr("task a waits for itself"));
  EXPECT_THAT(optimize({a_task("a", {7})}, two_clouds()).error().message(), HasSubstr("its parent 7 is not there"));
  EXPECT_THAT(optimize({}, two_clouds()).error().message(), HasSubstr("no tasks"));
  TaskNode none = a_task("a");
  none.num_nodes = 0;
  EXPECT_THAT(optimize({none}, two_clouds()).error().message(), HasSubstr("num_nodes is 0"));
}

TEST(Optimizer, AnImpossibleTaskIsNamed) {
  TaskNode task = a_task("train");
  task.resources = only(a_gpu_request("T4", 4));
  EXPECT_THAT(optimize({task}, the_market()).error().message(), HasSubstr("task train: no offer matches 4x T4"));
}

TEST(Optimizer, TheSameQuestionHasTheSameAnswer) {
  const auto once = optimize({a_task("a"), a_task("b", {0})}, the_market()),
             again = optimize({a_task("a"), a_task("b", {0})}, the_market());
  EXPECT_EQ(plan_json(*once), plan_json(*again));
}

TEST(PlanTable, HasTheColumnsUsersKnowWithOneRowACloud) {
  const auto plan = optimize({a_task("train")}, the_market());
  EXPECT_EQ(render_plan(*plan),
            "--------------------------------------------------------------------------------------\n"
            " INFRA                 INSTANCE          vCPUs   Mem(GB)   GPUS   COST ($)   CHOSEN\n"
            "--------------------------------------------------------------------------------------\n"
            " AWS (us-east-1)       m6i.2xlarge       8       32        -      0.38          ✔\n"
            " Azure (eastus)        Standard_D8s_v5   8       32        -      0.38\n"
            " GCP (us-central1-a)   n2-standard-8     8       32        -      0.39\n"
            "--------------------------------------------------------------------------------------\n");
  EXPECT_THAT(render_plan(*plan, Colour::kOn), HasSubstr("\x1b[32m   ✔\x1b[0m"));
}

TEST(PlanTable, APipelineHasATableForEachTaskAndTheTotals) {
  TaskNode first = a_task("prepare"), second = a_task("train", {0});
  first.input = DataSource{"aws", 1000};
  first.output_gb = 1;
  first.num_nodes = 2;
  const auto plan = optimize({first, second}, two_clouds());
  EXPECT_THAT(render_plan(*plan), HasSubstr("Task prepare\n"));
  EXPECT_THAT(render_plan(*plan), HasSubstr("2x m6i.2xlarge"));
  EXPECT_THAT(render_plan(*plan), HasSubstr("Total: $2.59 ($0.09 of it for moving data between clouds), 2h 0m from start to end\n"));
}

TEST(PlanTable, SpotZonesAreShownBesideTheirRegion) {
  ResourceRequest request;
  request.use_spot = true;
  request.cloud.emplace("aws");
  TaskNode task = a_task("train");
  task.resources = only(request);
  EXPECT_THAT(render_plan(*optimize({task}, the_market())), HasSubstr("AWS (us-east-1/use1-az2)   m6i.2xlarge[Spot]"));
}

TEST(PlanTable, ExplainsWhatWasLeftOut) {
  const std::string text = explain(*optimize({a_task("train")}, the_market()));
  EXPECT_THAT(text, HasSubstr("7 offers fit. Left out:\n"));
  EXPECT_THAT(text, HasSubstr("  aws: 1 type is burstable; name one as instance_type to use it\n"));
}

}  // namespace
}  // namespace isobar::broker
