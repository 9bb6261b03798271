#include "cloud/slurm_order.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace isobar::cloud {
namespace {

using testing::HasSubstr;
using testing::Not;

SlurmOrder an_order() {
  SlurmOrder order{"train", "train-7", "alps", "gpu", "ada"};
  order.cpus = 16;
  order.gpus = 4;
  order.agent_tokens = {"s1", "s2"};
  return order;
}

TEST(SlurmOrder, ComesBackAsItWasWritten) {
  const auto text = encode(an_order());
  EXPECT_EQ(parse_slurm_order(text).value(), an_order());
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
}

TEST(SlurmOrder, WithoutASecretForEachRankIsRefused) {
  auto order = an_order();
  order.agent_tokens[1] = "";
  EXPECT_THAT(parse_slurm_order(encode(order)).error().message(), HasSubstr("empty token"));
  order.agent_tokens.clear();
  EXPECT_THAT(parse_slurm_order(encode(order)).error().message(), HasSubstr("names no rank"));
  for (const char* text : {"", "{", "[]", "{\"cluster\":7}"}) EXPECT_EQ(parse_slurm_order(text).error().code(), Code::kInvalidArgument);
}

TEST(SlurmOrder, DoesNotRepeatSecretsInWhatItSaysOfABrokenOne) {
  EXPECT_THAT(parse_slurm_order("{\"agent_tokens\":[\"s3cret\"]").error().message(), Not(HasSubstr("s3cret")));
}

TEST(PublishedRank, ComesBackAsItWasWrittenInOneLine) {
  const PublishedRank rank{"train-7", 3, "10.0.0.9", 40'123};
  EXPECT_EQ(parse_published_rank(encode(rank)).value(), rank);
  EXPECT_EQ(encode(rank).find('\n'), encode(rank).size() - 1);
  EXPECT_EQ(agent_address_of(rank), "tls:10.0.0.9:40123");
}

TEST(PublishedRank, WhereNothingCanBeIsRefused) {
  EXPECT_FALSE(parse_published_rank(encode(PublishedRank{"t", 0, "10.0.0.9", 0})).ok());
  EXPECT_FALSE(parse_published_rank(encode(PublishedRank{"t", 0, "10.0.0.9", 70'000})).ok());
  EXPECT_FALSE(parse_published_rank(encode(PublishedRank{"t", 0, "", 7})).ok());
  EXPECT_FALSE(parse_published_rank(encode(PublishedRank{"t", -1, "10.0.0.9", 7})).ok());
  for (const char* text : {"", "{\"token\":\"t\",\"rank\":0,\"addr", "7"}) EXPECT_FALSE(parse_published_rank(text).ok()) << text;
}

}  // namespace
}  // namespace isobar::cloud
