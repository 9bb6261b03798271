#include "db/cluster_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

namespace isobar::db {
namespace {

using testing::HasSubstr;

class ClusterFileTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "isobar-cluster-file-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
  }
  void TearDown() override { fs::remove_all(folder_); }
  Result<ClusterPlan> plan(const std::string& text) {
    EXPECT_TRUE(write_file(folder_ / "plan.yaml", text).ok());
    return read_plan(folder_ / "plan.yaml");
  }
  std::string problem(const std::string& text) {
    const auto read = plan(text);
    return read.ok() ? "" : read.error().message();
  }
  static constexpr const char* kSix = "[a:1, b:2, c:3, d:4, e:5, f:6]";
  fs::path folder_;
};

TEST_F(ClusterFileTest, WhatIsMadeReadsBack) {
  const auto made = make_cluster(*plan(std::string("clients: 2\nshards:\n  - ") + kSix + "\n  - " + kSix + "\n"), folder_ / "c");
  ASSERT_TRUE(made.ok());
  const auto read = read_cluster(folder_ / "c" / "cluster.yaml");
  ASSERT_TRUE(read.ok()) << read.error().message();
  EXPECT_TRUE(read->membership.shards == made->membership.shards);
  EXPECT_TRUE(read->membership.clients == made->membership.clients);
  EXPECT_EQ(read->member(ReplicaId{ShardId(1), 4}).port, 5);
  EXPECT_EQ(read->member(ReplicaId{ShardId(1), 4}).host, "e");
  for (const auto& [peer, member] : read->members) {
    const bool is_client = std::holds_alternative<ClientId>(peer);
    std::string name = member.name;
    name[name.find(' ')] = '-';
    const auto secret = read_secret(folder_ / "c" / name / "secret.yaml", *read);
    ASSERT_TRUE(secret.ok()) << secret.error().message();
    EXPECT_EQ(secret->key.public_key(), member.key);
    EXPECT_EQ(std::holds_alternative<ClientId>(secret->self), is_client);
    struct stat status {};
    ::stat((folder_ / "c" / name / "secret.yaml").c_str(), &status);
    EXPECT_EQ(status.st_mode & 0777, 0600U);
  }
}

TEST_F(ClusterFileTest, DomainsOfReplicasAreCarriedOver) {
  const auto labelled =
      plan("shards: [[{at: a:1, cloud: aws, operator: acme, 'power': 'north, hall 2'}, {at: b:2, cloud: 7}, c:3, d:4, e:5, f:6]]");
  ASSERT_TRUE(labelled.ok()) << labelled.error().message();
  ASSERT_TRUE(make_cluster(*labelled, folder_ / "c").ok());
  const auto read = read_cluster(folder_ / "c" / "cluster.yaml");
  ASSERT_TRUE(read.ok()) << read.error().message();
  EXPECT_EQ(read->member(ReplicaId{ShardId(0), 0}).domains, (Domains{{"cloud", "aws"}, {"operator", "acme"}, {"power", "north, hall 2"}}));
  EXPECT_EQ(read->member(ReplicaId{ShardId(0), 1}).domains, (Domains{{"cloud", "7"}}));
  EXPECT_TRUE(read->member(ReplicaId{ShardId(0), 2}).domains.empty());
}

TEST_F(ClusterFileTest, NothingIsOverwritten) {
  const auto six = plan(std::string("shards: [") + kSix + "]");
  ASSERT_TRUE(make_cluster(*six, folder_).ok());
  const std::string before = read_file(folder_ / "client-1" / "secret.yaml").value();
  const auto again = make_cluster(*six, folder_);
  ASSERT_FALSE(again.ok());
  EXPECT_EQ(again.error().code(), Code::kAlreadyExists);
  EXPECT_TRUE(read_file(folder_ / "client-1" / "secret.yaml").value() == before);
}

TEST_F(ClusterFileTest, ProblemsNameThePlaceAndTheMend) {
  EXPECT_THAT(problem("f: 1\n"), HasSubstr("expected a list of shards, each a list of 6 addresses"));
  EXPECT_THAT(problem("shards: [[a:1, b:2]]\n"), HasSubstr("5f+1=6 replicas, and here are 2"));
  EXPECT_THAT(problem("shards: [[a, b:2, c:3, d:4, e:5, f:6]]\n"), HasSubstr("plan.yaml:1:11: shards[0][0]: expected HOST:PORT"));
  EXPECT_THAT(problem("shards: [[{cloud: aws}, b:2, c:3, d:4, e:5, f:6]]\n"),
              HasSubstr("shards[0][0]: expected HOST:PORT, or {at: HOST:PORT"));
  EXPECT_THAT(problem("shards: [[{at: a:1, cloud: [x]}, b:2, c:3, d:4, e:5, f:6]]\n"), HasSubstr("shards[0][0].cloud"));
  EXPECT_THAT(problem("shards: [[{at: a:1, cloud: ''}, b:2, c:3, d:4, e:5, f:6]]\n"),
              HasSubstr("shards[0][0].cloud: expected a name of 1"));
  EXPECT_THAT(problem(std::string("f: 0\nshards: [") + kSix + "]"), HasSubstr("f: "));
  EXPECT_THAT(problem(std::string("shard: [") + kSix + "]"), HasSubstr("did you mean"));
}

TEST_F(ClusterFileTest, ASecretOfAnotherClusterIsRefused) {
  const auto six = plan(std::string("shards: [") + kSix + "]");
  const auto one = make_cluster(*six, folder_ / "one"), other = make_cluster(*six, folder_ / "other");
  const auto secret = read_secret(folder_ / "other" / "client-1" / "secret.yaml", *one);
  ASSERT_FALSE(secret.ok());
  EXPECT_THAT(secret.error().message(), HasSubstr("not the one by which cluster.yaml knows client 1"));
}

}  // namespace
}  // namespace isobar::db
