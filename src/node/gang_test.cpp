// Commands on the other nodes of a job, by what every node has: isobar-node itself. With a real mpirun where there is one.

#include <cstdlib>

#include "local_cluster.h"

namespace isobar::testing {

using broker::JobSpec;
using broker::JobStatus;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

namespace {

JobSpec gang_of(int nodes, std::string run) { return {.name = "gang", .num_nodes = nodes, .run = std::move(run)}; }

bool has_program(const std::string& name) { return std::system(("command -v " + name + " >/dev/null 2>&1").c_str()) == 0; }  // NOLINT
bool has_mpi4py() {
  return std::system("python3 -c 'import mpi4py' 2>/dev/null || /usr/bin/python3 -c 'import mpi4py' 2>/dev/null") == 0;
}  // NOLINT

}  // namespace

TEST(Gang, RankZeroReachesTheOthersByHostAddressAndRank) {
  const LocalCluster cluster(3);
  const auto ran = cluster.wait(cluster.submit(gang_of(3, R"(exec "$ISOBAR_NODE_PROGRAM" gang bash -c '
    set -e
    cat "$ISOBAR_HOSTFILE" | cut -d " " -f 1
    for host in $(cut -d " " -f 1 "$ISOBAR_HOSTFILE" | tail -n +2); do "$ISOBAR_RSH" $host "echo on \$(hostname) as rank \$ISOBAR_NODE_RANK"; done
    "$ISOBAR_RSH" rank-2 echo "by rank \$ISOBAR_NODE_RANK"
    "$ISOBAR_RSH" $(echo "$ISOBAR_NODE_IPS" | sed -n 2p) "echo oops >&2; exit 7" || echo "exit code $?"
    "$ISOBAR_RSH" nowhere true || echo "refused $?"
  ')")));
  EXPECT_EQ(ran.job.status, JobStatus::kSucceeded) << ran.log;
  EXPECT_THAT(ran.log, AllOf(HasSubstr("on test-worker1 as rank 1"), HasSubstr("on test-worker2 as rank 2"), HasSubstr("by rank 2"),
                             HasSubstr("oops"), HasSubstr("exit code 7"), HasSubstr("'nowhere' is no other node of this job"),
                             HasSubstr("refused 255")));
}

TEST(Gang, TheCommandsExitCodeIsTheJobs) {
  const LocalCluster cluster(2);
  const auto ran = cluster.wait(cluster.submit(gang_of(2, "exec \"$ISOBAR_NODE_PROGRAM\" gang bash -c 'exit 3'")));
  EXPECT_EQ(ran.job.status, JobStatus::kFailed);
  const auto none = cluster.wait(cluster.submit(gang_of(2, "exec \"$ISOBAR_NODE_PROGRAM\" gang no-such-program")));
  EXPECT_EQ(none.job.status, JobStatus::kFailed);
  EXPECT_THAT(none.log, HasSubstr("no-such-program"));
}

TEST(Gang, ManyCommandsRunAtOnceAndMuchComesBackWhole) {
  const LocalCluster cluster(2);
  const auto ran = cluster.wait(cluster.submit(gang_of(2, R"(exec "$ISOBAR_NODE_PROGRAM" gang bash -c '
    for i in 1 2 3 4 5 6 7 8; do "$ISOBAR_RSH" rank-1 "seq 100000 | sed s/^/$i-/" > out$i & done; wait
    for i in 1 2 3 4 5 6 7 8; do seq 100000 | sed s/^/$i-/ | cmp - out$i && echo same; done | grep -c same
  ')")));
  EXPECT_EQ(ran.job.status, JobStatus::kSucceeded) << ran.log;
  EXPECT_THAT(ran.log, HasSubstr(") 8\n"));
}

TEST(Gang, WhatIsAskedForEndsWithWhoAskedAndWhatIsLeftWithTheJob) {
  const LocalCluster cluster(2);
  const auto ran = cluster.wait(cluster.submit(gang_of(2, R"(exec "$ISOBAR_NODE_PROGRAM" gang bash -c '
    "$ISOBAR_RSH" rank-1 "echo begun; exec sleep 4711" & sleep 0.5; kill $!; wait $! 2>/dev/null
    for i in $(seq 100); do "$ISOBAR_RSH" rank-1 "pgrep -f \"^sleep 4711\"" >/dev/null || { echo ended; break; }; sleep 0.05; done
    "$ISOBAR_RSH" rank-1 "setsid sleep 4712 >/dev/null 2>&1 & echo left"
    "$ISOBAR_RSH" rank-1 "(while sleep 0.01; do echo chatter; done) & exit 0" > /dev/null; echo "chatter left $?"
  ')")));
  EXPECT_EQ(ran.job.status, JobStatus::kSucceeded) << ran.log;
  EXPECT_THAT(ran.log, AllOf(HasSubstr("begun"), HasSubstr("ended"), HasSubstr("left"), HasSubstr("chatter left 0")));
  const auto after = cluster.wait(cluster.submit(gang_of(2, "pgrep -f '^sleep 471[2]' || echo none")));
  EXPECT_THAT(after.log, HasSubstr("(worker1, rank=1"));
  EXPECT_THAT(after.log, Not(::testing::ContainsRegex("rank=1[^)]*\\) [0-9]+\n")));
}

TEST(Gang, ARankThatFailsEndsTheWholeAndTwoGangsDoNotMeet) {
  const LocalCluster cluster(2);
  const std::string dies = "if [ $ISOBAR_NODE_RANK = 1 ]; then exit 9; fi; exec \"$ISOBAR_NODE_PROGRAM\" gang sleep 1000";
  EXPECT_EQ(cluster.wait(cluster.submit(gang_of(2, dies))).job.status, JobStatus::kFailed);
  const std::string says =
      R"(exec "$ISOBAR_NODE_PROGRAM" gang bash -c 'sleep 0.3; "$ISOBAR_RSH" rank-1 "echo of \$ISOBAR_TASK_ID"; echo me $ISOBAR_TASK_ID')";
  const auto first = cluster.submit(gang_of(2, says)), second = cluster.submit(gang_of(2, says));
  for (const auto job : {first, second}) {
    const auto ran = cluster.wait(job);
    EXPECT_EQ(ran.job.status, JobStatus::kSucceeded) << ran.log;
    const auto at = ran.log.find(") of ");
    ASSERT_NE(at, std::string::npos) << ran.log;
    const auto task = ran.log.substr(at + 5, ran.log.find('\n', at) - at - 5);
    EXPECT_THAT(ran.log, HasSubstr("me " + task));
  }
}

TEST(Gang, OutsideOfAJobItSaysWhatItIsFor) {
  const auto program = node_program().string();
  EXPECT_EQ(std::system(("env -i " + program + " gang true 2>&1 | grep -q 'runs within a job'").c_str()), 0);     // NOLINT
  EXPECT_EQ(std::system(("env -i " + program + " rsh host true 2>&1 | grep -q 'within a command'").c_str()), 0);  // NOLINT
}

TEST(Mpi, RanksOfARealMpirunSpeakAcrossTheNodes) {
  if (!has_program("mpirun")) GTEST_SKIP() << "no mpirun here (Debian: openmpi-bin)";
  if (!has_mpi4py()) GTEST_SKIP() << "no mpi4py here (Debian: python3-mpi4py)";
  const LocalCluster cluster(3);
  const auto ran = cluster.wait(cluster.submit(gang_of(3, R"(program=$(cat <<'END'
from mpi4py import MPI
import os
world = MPI.COMM_WORLD
total = world.allreduce(world.rank + 1)
hosts = sorted(set(world.allgather(os.uname().nodename)))
if world.rank == 0:
    world.send([0], dest=1)
    print("ring", world.recv(source=world.size - 1), "sum", total, "on", *hosts, flush=True)
else:
    world.send(world.recv(source=world.rank - 1) + [world.rank], dest=(world.rank + 1) % world.size)
END
)
exec "$ISOBAR_NODE_PROGRAM" gang mpirun -np 6 --map-by node --oversubscribe /usr/bin/python3 -c "$program"
)")));
  EXPECT_EQ(ran.job.status, JobStatus::kSucceeded) << ran.log;
  EXPECT_THAT(ran.log, HasSubstr("ring [0, 1, 2, 3, 4, 5] sum 21 on test-head test-worker1 test-worker2"));
}

}  // namespace isobar::testing
