#include "cloud/host_messages.h"

#include <gmock/gmock.h>

#include "cloud/host_service.h"

namespace isobar::cloud {
namespace {

using testing::HasSubstr;

TEST(HostMessages, ComeBackAsTheyWere) {
  BootNode boot{.owner = "o", .cluster = "c", .token = "t", .rank = 1, .create = true};
  boot.share = {1.5, 3.25, 2};
  boot.cloud = "ssh";
  boot.region = "lab";
  boot.user = "ada";
  boot.address = "10.0.0.7";
  boot.agent_token = "secret";
  boot.reached_by_others = boot.powers_machine = true;
  boot.nodes = 3;
  boot.peers = {{0, "10.0.0.1", "tls:10.0.0.1:4000", "x", {1, 3}}};
  boot.environment = {{"A", "b c"}};
  boot.sudo_password = "it's \"quoted\"\n";
  boot.deadline = std::chrono::seconds(7);
  for (const HostRequest& request :
       {HostRequest(boot), HostRequest(AskHostReport{true}), HostRequest(EndNodes{"o", "c", "t", true}), HostRequest(UpgradeNodes{"o"})}) {
    const auto back = decode_host_request(encode(request));
    ASSERT_TRUE(back.ok()) << back.error().message();
    EXPECT_TRUE(*back == request);
  }
  HostReport report{.program = "/p",
                    .whole = {4, 16, 1},
                    .free = {2, 8, 0},
                    .accelerator = "A100",
                    .architecture = "x86_64",
                    .hostname = "h",
                    .address = "a"};
  report.disk_free_bytes = 1ULL << 40;
  report.instances = {{"o", "c", "t", 0, InstanceState::kStopped, "a", "unix:/x", 77, {1, 2, 1}, {3}, "isobar-node-1"}};
  for (const HostReply& reply : {HostReply(report), HostReply(report.instances[0]), HostReply(HostDone{3}),
                                 HostReply(HostFailure{Code::kExhausted, "full", "DiskFull"})}) {
    const auto back = decode_host_reply("Welcome to this machine!" + encode(reply));
    ASSERT_TRUE(back.ok()) << back.error().message();
    EXPECT_TRUE(*back == reply);
  }
}

TEST(HostMessages, WhatIsNotOfTheFormIsRefused) {
  for (const char* bad : {"", "{", "[]", "{\"do\": \"dance\"}", "{\"do\": \"end\"}", "{\"do\": \"boot\", \"owner\": 3}"})
    EXPECT_EQ(decode_host_request(bad).error().code(), Code::kInvalidArgument) << bad;
  EXPECT_THAT(decode_host_reply("bash: no such file").error().message(), HasSubstr("gave no answer"));
  EXPECT_FALSE(decode_host_reply("\nisobar-host-answer 1\n{\"failure\": {\"code\": 99, \"message\": \"\", \"provider_code\": \"\"}}").ok());
}

TEST(HostService, NamesThatWouldLeaveTheFolderAreRefused) {
  for (const char* bad : {"../x", "a/b", "", ".hidden", "a\nb"}) {
    BootNode boot{.owner = "o", .cluster = bad, .token = "t", .create = true};
    const auto reply = serve_host(boot, {.folder = testing::TempDir() + "/nodes",
                                         .program = "/nothing",
                                         .address = {},
                                         .whole = {1, 1, 0},
                                         .accelerator = {},
                                         .architecture = {}});
    ASSERT_TRUE(std::holds_alternative<HostFailure>(reply)) << bad;
    EXPECT_EQ(std::get<HostFailure>(reply).code, Code::kInvalidArgument);
  }
}

TEST(HostService, WhatDoesNotFitIsRefusedWithWhatIsFree) {
  const BootNode boot{.owner = "o", .cluster = "c", .token = "t", .create = true, .share = {2, 1, 0}};
  const auto reply = serve_host(boot, {.folder = testing::TempDir() + "/nodes",
                                       .program = "/nothing",
                                       .address = {},
                                       .whole = {1, 1, 0},
                                       .accelerator = {},
                                       .architecture = {}});
  ASSERT_TRUE(std::holds_alternative<HostFailure>(reply));
  EXPECT_EQ(std::get<HostFailure>(reply).provider_code, "InsufficientCapacity");
  EXPECT_THAT(std::get<HostFailure>(reply).message, HasSubstr("1 CPU, 1 GiB free"));
}

}  // namespace
}  // namespace isobar::cloud
