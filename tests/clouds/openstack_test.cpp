// The driver against a real OpenStack with nova's fake driver: see openstack/run_with_openstack.py, which runs this.

#include "cloud/openstack_provider.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <thread>

#include "cloud/machine_user.h"
#include "net/http_client.h"

namespace isobar::cloud {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;

class RealOpenStack : public testing::Test {
 protected:
  void SetUp() override {
    if (std::getenv("OS_AUTH_URL") == nullptr) GTEST_SKIP() << "it is run by tests/clouds/openstack/run_with_openstack.py";
  }
  void TearDown() override {
    if (std::getenv("OS_AUTH_URL") == nullptr) return;
    EXPECT_TRUE(provider().terminate("train", 3min).ok());
  }
  OpenStackProvider provider(OpenStackSettings settings = {}) {
    return OpenStackProvider({.home = home.path(), .owner = owner, .clock = clock, .log = log, .setup = setup, .sleep = {}},
                             std::move(settings), storage::Surroundings::of_process(), http);
  }
  CreateOrder an_order(int count, int generation = 0) {
    CreateOrder order{.cluster = "train", .token = "tok-" + owner, .generation = generation};
    const auto offers = provider().own_offers();
    EXPECT_THAT(offers, testing::Not(IsEmpty()));
    if (!offers.empty()) order.offer = offers.front();
    order.count = count;
    return order;
  }

  ScratchHome home{ScratchHome::Holds::kKey};
  std::string owner = secure_random_hex(4);
  SystemClock clock;
  Log log;
  RecordingSetup setup;
  net::LazyHttpClient http{{}};
};

TEST_F(RealOpenStack, SignsInAndReadsWhatThereIs) {
  auto openstack = provider();
  const auto checked = openstack.check();
  ASSERT_TRUE(checked.ok()) << checked.error().message();
  const auto offers = openstack.own_offers();
  ASSERT_THAT(offers, SizeIs(1));
  EXPECT_EQ(offers[0].instance_type, "m1.tiny");
  EXPECT_EQ(offers[0].zone, "nova");
  EXPECT_EQ(offers[0].memory_gib, 0.5);
  EXPECT_THAT(openstack.facts(), testing::Contains(HasSubstr("RegionOne: Nova 2.61")));
}

TEST_F(RealOpenStack, AGangIsMadeStoppedStartedAndRemovedWithAllThatBelongsToIt) {
  auto openstack = provider();
  const auto made = openstack.create(an_order(2), 5min);
  ASSERT_FALSE(made.failure) << made.failure->error.message();
  ASSERT_THAT(made.instances, SizeIs(2));
  EXPECT_THAT(made.instances[1].address, StartsWith("10.20.0."));
  EXPECT_THAT(made.instances[1].ssh.host, StartsWith("192.0.2.")) << "a floating address";
  EXPECT_EQ(made.instances[1].ssh.user, "ubuntu");
  const auto again = openstack.create(an_order(2), 5min);
  ASSERT_FALSE(again.failure) << again.failure->error.message();
  EXPECT_EQ(again.instances[0].id, made.instances[0].id);
  const auto opened = openstack.open_ports("train", {{8080, 8081}}, 1min);
  ASSERT_TRUE(opened.ok()) << opened.error().message();
  ASSERT_TRUE(openstack.open_ports("train", {{8080, 8081}}, 1min).ok()) << "once more, as after a crash";
  const auto stopped = openstack.stop("train", 3min);
  ASSERT_TRUE(stopped.ok()) << stopped.error().message();
  EXPECT_EQ(openstack.list("train").value().at(0).state, InstanceState::kStopped);
  const auto started = openstack.start("train", 3min);
  ASSERT_TRUE(started.ok()) << started.error().message();
  EXPECT_EQ((*started)[1].id, made.instances[1].id);
  EXPECT_THAT(openstack.clusters().value(), ElementsAre("train"));
  const auto gone = openstack.terminate("train", 3min);
  ASSERT_TRUE(gone.ok()) << gone.error().message();
  EXPECT_THAT(openstack.list("train").value(), IsEmpty());
  EXPECT_THAT(openstack.clusters().value(), IsEmpty()) << "no port, no address and no group is left";
}

TEST_F(RealOpenStack, ALostNodeIsReplacedAlone) {
  auto openstack = provider();
  const auto made = openstack.create(an_order(2), 5min);
  ASSERT_FALSE(made.failure) << made.failure->error.message();
  const auto mended = openstack.replace(an_order(2, 1), {1}, 5min);
  ASSERT_FALSE(mended.failure) << mended.failure->error.message();
  EXPECT_EQ(mended.instances[0].id, made.instances[0].id);
  EXPECT_NE(mended.instances[1].id, made.instances[1].id);
  EXPECT_THAT(openstack.list("train").value(), SizeIs(2));
}

TEST_F(RealOpenStack, AQuotaIsToldBeforeAnythingIsMade) {
  const auto refused = provider().create(an_order(500), 1min);
  ASSERT_TRUE(refused.failure);
  EXPECT_EQ(refused.failure->provider_code, "QuotaExceeded");
  EXPECT_THAT(refused.failure->error.message(), HasSubstr("the project may have"));
  EXPECT_THAT(provider().clusters().value(), IsEmpty());
}

TEST_F(RealOpenStack, WhatThereIsNotIsNamedWithTheMend) {
  auto refused = provider({.image = "plan9"}).create(an_order(1), 1min);
  EXPECT_EQ(refused.failure->provider_code, "ImageNotFound");
  refused = provider({.network = "nowhere"}).create(an_order(1), 1min);
  EXPECT_THAT(refused.failure->error.message(), HasSubstr("there are private"));
}

}  // namespace
}  // namespace isobar::cloud
