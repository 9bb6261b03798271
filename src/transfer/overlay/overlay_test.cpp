// Real gateways, as processes on loopback: chunks are made up or read from folders, pass relays, and are written to folders.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <fstream>
#include <mutex>
#include <thread>

#include "base/process.h"
#include "base/random.h"
#include "crypto/crc32c.h"
#include "overlay_mover.h"
#include "transfer/gateway_fleet.h"
#include "transfer/gateway_sites.h"

namespace isobar::transfer {
namespace {

using testing::HasSubstr;

GatewaySite here(const std::string& region) {
  GatewaySite site;
  site.region = region;
  site.address = "127.0.0.1";
  return site;
}

fs::path node_program() { return fs::path(ISOBAR_BINARY_DIR) / "bin" / "isobar-node"; }

GatewayPrograms over_a_relay() {
  return *parse_programs(R"({"version": 1, "source": "a", "destinations": ["b"], "shares": [0.5, 0.5], "gateways": [
    {"id": "a/0", "region": "a", "programs": [
      {"partitions": [0], "root": {"op": "read", "children": [{"op": "send", "to": "b/0", "connections": 2}]}},
      {"partitions": [1], "root": {"op": "read", "children": [{"op": "send", "to": "c/0", "connections": 2}]}}]},
    {"id": "c/0", "region": "c", "programs": [
      {"partitions": [1], "root": {"op": "receive", "children": [{"op": "send", "to": "b/0", "connections": 2}]}}]},
    {"id": "b/0", "region": "b", "programs": [
      {"partitions": [0, 1], "root": {"op": "receive", "children": [{"op": "write"}]}}]}]})");
}

GatewayPrograms over_a_relay_alone() {
  return *parse_programs(R"({"version": 1, "source": "a", "destinations": ["b"], "shares": [1], "gateways": [
    {"id": "a/0", "region": "a", "programs": [{"partitions": [0], "root": {"op": "read", "children": [{"op": "send", "to": "c/0", "connections": 2}]}}]},
    {"id": "c/0", "region": "c", "programs": [{"partitions": [0], "root": {"op": "receive", "children": [{"op": "send", "to": "b/0", "connections": 2}]}}]},
    {"id": "b/0", "region": "b", "programs": [{"partitions": [0], "root": {"op": "receive", "children": [{"op": "write"}]}}]}]})");
}

// A folder of its own, and what is told of chunks.
class OverlayTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(testing::TempDir()) / ("overlay-" + secure_random_hex(6));
    fs::create_directories(folder_ / "from");
    options_.source.location = (folder_ / "from").string();
    options_.targets = {GatewayStore{.location = (folder_ / "to").string()}};
    options_.target_regions = {"b"};
    options_.chunk_bytes_most = 4 << 20;
    host_ = make_site_host({here("a"), here("b"), here("c")}, node_program());
  }
  void TearDown() override {
    fleet_.reset();
    fs::remove_all(folder_);
  }

  FleetHooks hooks() {
    FleetHooks hooks;
    hooks.read_done = [this](std::uint64_t serial, Result<storage::Got> got, std::uint32_t crc, const std::string& gateway) {
      mover_.read_done(serial, std::move(got), crc, gateway);
    };
    hooks.verdict = [this](std::uint64_t serial, std::size_t target, const ChunkReceipt& receipt) {
      mover_.verdict(serial, target, receipt);
    };
    hooks.undelivered = [this](std::uint64_t serial, std::uint64_t targets, const Error& why) { mover_.undelivered(serial, targets, why); };
    hooks.edge = [](const std::string&, const std::string&, bool) {};
    hooks.traffic = [this](const std::string& gateway, const GatewayTraffic& traffic) {
      const std::scoped_lock lock(mutex_);
      for (const auto& [peer, count] : traffic.acknowledged_bytes) traffic_[{gateway, peer}] = count;
      packed_[gateway] = traffic.packed;
    };
    hooks.round_trips = [this](const std::string& gateway, const auto& by_peer) {
      const std::scoped_lock lock(mutex_);
      for (const auto& [peer, span] : by_peer) round_trips_[{gateway, peer}] = span;
      changed_.notify_all();
    };
    hooks.died = [this](const std::string& gateway, const Error& why) {
      mover_.died(gateway, why);
      const std::scoped_lock lock(mutex_);
      ++deaths_;
    };
    hooks.restarted = hooks.lost = [](const std::string&) {};
    return hooks;
  }

  void start(const GatewayPrograms& programs) {
    auto fleet = GatewayFleet::start(*host_, programs, options_, hooks());
    ASSERT_TRUE(fleet.ok()) << fleet.error().message();
    fleet_ = std::move(fleet).value();
    mover_.use(*fleet_);
  }

  std::string write_source(const std::string& key, std::size_t bytes) {
    Random random(bytes);
    std::string content(bytes, '\0');
    for (auto& byte : content) byte = static_cast<char>(random.next());
    std::ofstream(folder_ / "from" / key, std::ios::binary) << content;
    return content;
  }

  std::string write_text(const std::string& key, std::size_t bytes) {
    Random random(bytes);
    std::string content;
    while (content.size() < bytes) content += fmt::format("{:08}: all is well in the {}th place\n", content.size(), random.below(10'000));
    content.resize(bytes);
    std::ofstream(folder_ / "from" / key, std::ios::binary) << content;
    return content;
  }

  PackedTotals packed() {
    const std::scoped_lock lock(mutex_);
    return packed_["a/0"];
  }

  // Reads a file as a chunk and has it put; waits for both.
  Result<storage::PutReceipt> move(std::uint64_t number, const std::string& key, std::uint64_t bytes) {
    std::optional<Result<storage::Got>> got;
    std::optional<Result<storage::PutReceipt>> receipt;
    std::uint32_t crc = 0;
    mover_.read(ChunkId(number), ReadChunk{ChunkId(number), key, 0, bytes, ""}, [&](Result<storage::Got> outcome, std::uint32_t taken) {
      const std::scoped_lock lock(mutex_);
      crc = taken;
      got = std::move(outcome);
      changed_.notify_all();
    });
    mover_.flush();
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, 20s, [&] { return got.has_value(); })) return unavailable("no answer to the read");
    if (!got->ok()) return got->error();
    lock.unlock();
    mover_.put(ChunkId(number), 0, key, (*got)->head.properties, crc, [&](Result<storage::PutReceipt> outcome) {
      const std::scoped_lock inner(mutex_);
      receipt = std::move(outcome);
      changed_.notify_all();
    });
    mover_.flush();
    lock.lock();
    if (!changed_.wait_for(lock, 40s, [&] { return receipt.has_value(); })) return unavailable("no receipt");
    lock.unlock();
    mover_.release(ChunkId(number));
    return *receipt;
  }

  static int kill_gateways() {
    int killed = 0;
    for (const pid_t pid : descendants(::getpid()))
      if (read_file(fmt::format("/proc/{}/cmdline", pid)).value_or("").ends_with(std::string("gateway\0", 8)))
        killed += ::kill(pid, SIGKILL) == 0;
    return killed;
  }

  std::string target(const std::string& key) { return read_file(folder_ / "to" / key, 1 << 30).value_or("?"); }

  fs::path folder_;
  FleetOptions options_;
  std::unique_ptr<GatewayHost> host_;
  OverlayMover mover_;
  std::unique_ptr<GatewayFleet> fleet_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::pair<std::string, std::string>, std::uint64_t> traffic_;
  std::map<std::string, PackedTotals> packed_;
  std::map<std::pair<std::string, std::string>, Duration> round_trips_;
  int deaths_ = 0;
};

TEST_F(OverlayTest, MovesFilesOfAllSizesOverBothWays) {
  start(over_a_relay());
  std::uint64_t number = 0;
  for (const std::size_t bytes : {0UL, 1UL, 1000UL, 262'144UL, 262'145UL, 4UL << 20})
    for (int i = 0; i < 4; ++i) {
      const std::string key = fmt::format("file-{}-{}", bytes, i);
      const std::string content = write_source(key, bytes);
      const auto receipt = move(++number, key, bytes);
      ASSERT_TRUE(receipt.ok()) << key << ": " << receipt.error().message();
      ASSERT_EQ(target(key), content) << key;
    }
}

TEST_F(OverlayTest, TextArrivesWholeThoughFewerBytesWereSent) {
  for (const auto compression : {Compression::kAuto, Compression::kZstd, Compression::kLz4}) {
    options_.compression = compression;
    fleet_.reset();
    start(over_a_relay_alone());
    std::uint64_t number = 0, raw = 0;
    for (const std::size_t bytes : {4096UL, 100'000UL, 3UL << 20, 4UL << 20})
      for (int i = 0; i < 4; ++i) {
        const std::string key = fmt::format("text-{}-{}-{}", static_cast<int>(compression), bytes, i);
        const std::string content = write_text(key, bytes);
        const auto receipt = move(++number, key, bytes);
        ASSERT_TRUE(receipt.ok()) << key << ": " << receipt.error().message();
        ASSERT_EQ(target(key), content) << key;
        raw += bytes;
      }
    // What was sent is known with the last verdict.
    const PackedTotals totals = packed();
    EXPECT_EQ(totals.raw_bytes, raw);
    EXPECT_LT(totals.sent_bytes, raw / 2);
    EXPECT_GT(compression == Compression::kLz4 ? totals.lz4_bytes : totals.zstd_bytes, raw * 9 / 10);
    const std::scoped_lock lock(mutex_);
    EXPECT_EQ((traffic_[{"a/0", "c/0"}]), totals.sent_bytes);
  }
}

TEST_F(OverlayTest, WhatDoesNotShrinkOrIsNotToIsSentAsItIs) {
  options_.compression = Compression::kAuto;
  start(over_a_relay());
  write_source("noise", 4 << 20);
  ASSERT_TRUE(move(1, "noise", 4 << 20).ok());
  EXPECT_EQ(packed(), (PackedTotals{4 << 20, 4 << 20, 0, 0}));
  fleet_.reset();
  options_.compression = Compression::kOff;
  start(over_a_relay());
  write_text("text", 1 << 20);
  ASSERT_TRUE(move(2, "text", 1 << 20).ok());
  EXPECT_EQ(packed(), (PackedTotals{1 << 20, 1 << 20, 0, 0}));
}

TEST_F(OverlayTest, ASinkWithLessMemoryThanAChunkUnpacksOneAtATime) {
  options_.memory_bytes = 2 << 20;
  start(over_a_relay());
  std::vector<std::string> contents;
  std::atomic<int> there = 0, good = 0;
  for (std::uint64_t number = 1; number <= 8; ++number) {
    const std::string key = fmt::format("text-{}", number);
    contents.push_back(write_text(key, (4 << 20) - number));
    mover_.read(ChunkId(number), ReadChunk{ChunkId(number), key, 0, contents.back().size(), ""},
                [&, number, key](const Result<storage::Got>&, std::uint32_t crc) {
                  mover_.put(ChunkId(number), 0, key, {}, crc, [&](const Result<storage::PutReceipt>& receipt) {
                    good += receipt.ok();
                    ++there;
                  });
                  mover_.flush();
                });
  }
  mover_.flush();
  for (int i = 0; i < 400 && there < 8; ++i) std::this_thread::sleep_for(50ms);
  EXPECT_EQ(good, 8);
  for (std::uint64_t number = 1; number <= 8; ++number) EXPECT_EQ(target(fmt::format("text-{}", number)), contents[number - 1]);
  fleet_.reset();
}

TEST_F(OverlayTest, TellsWhatTheSourceSays) {
  start(over_a_relay());
  const auto receipt = move(1, "nothing", 10);
  ASSERT_FALSE(receipt.ok());
  EXPECT_EQ(receipt.error().code(), Code::kNotFound);
}

TEST_F(OverlayTest, TellsWhatTheTargetSays) {
  std::ofstream(folder_ / "to") << "a file is in the way of the folder";
  start(over_a_relay());
  write_source("file", 100);
  const auto receipt = move(1, "file", 100);
  ASSERT_FALSE(receipt.ok());
  EXPECT_THAT(receipt.error().message(), HasSubstr("to"));
}

TEST_F(OverlayTest, GoesOnAfterEveryGatewayWasKilled) {
  start(over_a_relay());
  const std::string content = write_source("file", 3 << 20);
  ASSERT_TRUE(move(1, "file", 3 << 20).ok());
  ASSERT_EQ(kill_gateways(), 3);
  fs::remove(folder_ / "to" / "file");
  // Started again, they are other processes at other ports.
  Result<storage::PutReceipt> receipt = unavailable("not tried");
  for (std::uint64_t number = 2; number < 100 && !receipt.ok(); ++number) {
    receipt = move(number, "file", 3 << 20);
    if (!receipt.ok()) std::this_thread::sleep_for(100ms);
  }
  ASSERT_TRUE(receipt.ok()) << receipt.error().message();
  EXPECT_EQ(target("file"), content);
  const std::scoped_lock lock(mutex_);
  EXPECT_EQ(deaths_, 3);
}

TEST_F(OverlayTest, GatewaysTellTheRoundTripToEachPeer) {
  start(over_a_relay());
  std::unique_lock lock(mutex_);
  const auto known = [&](const char* from, const char* to) { return round_trips_.count({from, to}) != 0; };
  ASSERT_TRUE(changed_.wait_for(lock, 10s, [&] { return known("a/0", "b/0") && known("a/0", "c/0") && known("c/0", "b/0"); }));
  for (const auto& [pair, span] : round_trips_) {
    EXPECT_GT(span, 0us) << pair.first << " > " << pair.second;
    EXPECT_LT(span, 50ms) << "on loopback";
  }
}

// Counts what is started, and takes its time for it, as machines far away do.
class SlowHost final : public GatewayHost {
 public:
  SlowHost(GatewayHost& of, std::atomic<int>& started) : of_(of), started_(started) {}
  Result<std::unique_ptr<StartedGateway>> start(const std::string& region, const std::string& gateway) override {
    ++started_;
    std::this_thread::sleep_for(400ms);
    return of_.start(region, gateway);
  }
  std::optional<std::string> address(const std::string& region, std::size_t number, const std::string& from) const override {
    return of_.address(region, number, from);
  }
  int machines(const std::string& region) const override { return of_.machines(region); }
  std::vector<std::string> regions() const override { return of_.regions(); }

 private:
  GatewayHost& of_;
  std::atomic<int>& started_;
};

TEST_F(OverlayTest, AGatewayThatDiedIsStartedOnceThoughANewPlanWantsItToo) {
  std::atomic<int> started = 0;
  SlowHost slow(*host_, started);
  auto fleet = GatewayFleet::start(slow, over_a_relay(), options_, hooks());
  ASSERT_TRUE(fleet.ok()) << fleet.error().message();
  fleet_ = std::move(fleet).value();
  mover_.use(*fleet_);
  EXPECT_EQ(kill_gateways(), 3);
  // While each is being started again.
  for (int i = 0; i < 8; ++i) {
    std::this_thread::sleep_for(250ms);
    EXPECT_TRUE(fleet_->change(over_a_relay()).ok());
  }
  write_source("file", 1000);
  Result<storage::PutReceipt> receipt = unavailable("not tried");
  for (std::uint64_t number = 1; number < 100 && !receipt.ok(); ++number) receipt = move(number, "file", 1000);
  EXPECT_TRUE(receipt.ok());
  EXPECT_EQ(started, 6);
  fleet_.reset();
}

TEST(GatewaySites, AreReadWithTheirPlaces) {
  const auto sites = parse_sites(R"(sites:
  aws:us-east-1: {ssh: ubuntu@gateway, address: 203.0.113.5}
  gcp:us-east4:
    - {namespace: b, address: 10.0.0.1, address-from: {"aws:us-east-1": 10.9.0.1}}
    - {address: 10.0.0.2}
)",
                                 "sites.yaml");
  ASSERT_TRUE(sites.ok()) << sites.error().message();
  ASSERT_EQ(sites->size(), 3U);
  EXPECT_EQ((*sites)[0].ssh, "ubuntu@gateway");
  EXPECT_EQ((*sites)[1].namespace_path, "/run/netns/b");
  const auto host = make_site_host(*sites, "isobar-node");
  EXPECT_EQ(host->machines("gcp:us-east4"), 2);
  EXPECT_EQ(host->machines("azure:eastus"), 0);
  EXPECT_EQ(host->address("gcp:us-east4", 0, "aws:us-east-1"), "10.9.0.1");
  EXPECT_EQ(host->address("gcp:us-east4", 1, "aws:us-east-1"), "10.0.0.2");
}

TEST(GatewaySites, AMachineWithoutAnAddressFromHereDoesNotShiftTheOthers) {
  const auto site = [](const std::string& address, std::map<std::string, std::string> from) {
    GatewaySite made;
    made.region = "b";
    made.address = address;
    made.address_from = std::move(from);
    return made;
  };
  const auto host = make_site_host({site("", {{"c", "10.0.0.1"}}), site("10.0.0.2", {}), site("", {{"c", "10.0.0.3"}})}, "isobar-node");
  EXPECT_EQ(host->address("b", 0, "a"), std::nullopt);
  EXPECT_EQ(host->address("b", 1, "a"), "10.0.0.2") << "of the second machine, on which gateway b/1 runs";
  EXPECT_EQ(host->address("b", 2, "c"), "10.0.0.3");
  EXPECT_EQ(host->address("b", 4, "a"), "10.0.0.2") << "counted round";
  EXPECT_EQ(host->address("x", 0, "a"), std::nullopt);
}

TEST(GatewayId, IsTakenApartAtItsLastSlash) {
  EXPECT_EQ(parse_gateway_id("aws:us-east-1/12").region, "aws:us-east-1");
  EXPECT_EQ(parse_gateway_id("aws:us-east-1/12").number, 12U);
  EXPECT_EQ(parse_gateway_id("a/b/3").region, "a/b");
  EXPECT_EQ(parse_gateway_id("alone").region, "alone");
  EXPECT_EQ(parse_gateway_id("alone").number, 0U);
}

TEST(GatewaySites, AreRefusedWithEveryFaultNamed) {
  const auto sites = parse_sites(
      "sites:\n  a: {adress: 1.2.3.4}\n  b: {address: gateway.example}\n  c: {ssh: x, namespace: y, address: 1.2.3.4}\n", "s.yaml");
  ASSERT_FALSE(sites.ok());
  EXPECT_THAT(sites.error().message(), HasSubstr("s.yaml:2"));
  EXPECT_THAT(sites.error().message(), HasSubstr("address"));
  EXPECT_THAT(sites.error().message(), HasSubstr("is no IP address"));
  EXPECT_THAT(sites.error().message(), HasSubstr("entered by ssh alone"));
}

}  // namespace
}  // namespace isobar::transfer
