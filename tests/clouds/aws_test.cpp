// The aws driver against moto, which imitates EC2, SSM, STS and Service Quotas as their own client libraries expect them, and is
// looked at by awscli, which knows nothing of us.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdio>
#include <thread>

#include "emulator.h"
#include "net/http_client.h"
#include "test_user.h"

namespace isobar::cloud {
namespace {

using ec2::an_order;
using ec2::RecordingSetup;
using ec2::ScratchHome;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

/// Lets so many requests through; every later one is lost, as after the end of the process that made them.
class DyingTransport final : public net::HttpTransport {
 public:
  DyingTransport(net::HttpTransport& inner, int lives, bool last_is_heard) : inner_(inner), lives_(lives), last_is_heard_(last_is_heard) {}
  void start(net::HttpRequest request, net::HttpDone done) override {
    const int left = lives_--;
    if (left > 0) return inner_.start(std::move(request), std::move(done));
    // The last one reaches AWS, but its answer does not come back.
    if (left == 0 && last_is_heard_)
      return inner_.start(std::move(request), [done](const Result<net::HttpResponse>&) { done(unavailable("the connection broke")); });
    done(unavailable("the connection broke"));
  }
  bool died() const { return lives_ < 0; }

 private:
  net::HttpTransport& inner_;
  std::atomic<int> lives_;
  const bool last_is_heard_;
};

class Aws : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    auto started = stores::Emulator::start("moto");
    if (!started.ok()) {
      why_not = started.error().message();
      return;
    }
    moto = std::make_unique<stores::Emulator>(std::move(*started));
    client = net::HttpClient::create({}).value();
  }
  static void TearDownTestSuite() {
    client.reset();
    moto.reset();
  }

  void SetUp() override {
    if (!moto) GTEST_SKIP() << why_not;
    forget_everything();
  }
  static std::string endpoint() { return "http://127.0.0.1:" + std::to_string(moto->port()); }
  static void forget_everything() {
    net::HttpRequest request;
    request.method = "POST";
    request.url = net::parse_url(endpoint() + "/moto-api/reset").value();
    ASSERT_TRUE(client->fetch(std::move(request)).value().ok());
  }

  Ec2Provider provider(net::HttpTransport& transport, const std::string& owner = "ada", const std::string& image = {}) {
    return Ec2Provider({.settings = {.home = home.path(), .owner = owner, .image = image},
                        .surroundings = ec2::surroundings_with({{"AWS_ACCESS_KEY_ID", "AKIDTEST"},
                                                                {"AWS_SECRET_ACCESS_KEY", "SECRET"},
                                                                {"AWS_REGION", "us-east-1"},
                                                                {"AWS_ENDPOINT_URL", endpoint()}}),
                        .transport = transport,
                        .clock = clock,
                        .log = log,
                        .setup = setup,
                        .sleep = [](Duration) { std::this_thread::sleep_for(1ms); }});
  }

  /// All machines of the region that cost money, whatever their tags, counted without any code of the driver's.
  static std::size_t machines_that_cost_money() {
    net::HttpRequest request;
    request.method = "POST";
    request.url = net::parse_url(endpoint()).value();
    request.headers.add("Content-Type", "application/x-www-form-urlencoded");
    request.headers.add("Authorization",
                        "AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/ec2/aws4_request, SignedHeaders=host, Signature=0");
    request.owned_body = "Action=DescribeInstances&Version=2016-11-15";
    const std::string xml = client->fetch(std::move(request)).value().body;
    EXPECT_THAT(xml, HasSubstr("<reservationSet"));
    std::size_t count = 0;
    for (const char* state : {"<name>pending<", "<name>running<", "<name>stopping<", "<name>stopped<"})
      for (auto at = xml.find(state); at != xml.npos; at = xml.find(state, at + 1)) ++count;
    return count;
  }

  /// What awscli prints, asked of the same emulator.
  static std::string awscli(const std::string& arguments) {
    const std::string command =
        "AWS_ACCESS_KEY_ID=x AWS_SECRET_ACCESS_KEY=y AWS_PAGER= aws --region us-east-1 --output text --endpoint-url " + endpoint() + " " +
        arguments + " 2>&1";
    std::string text;
    std::FILE* pipe = ::popen(command.c_str(), "r");
    for (char piece[4096]; pipe != nullptr && std::fgets(piece, sizeof piece, pipe) != nullptr;) text += piece;
    if (pipe != nullptr) ::pclose(pipe);
    return text;
  }
  static bool has_awscli() { return std::system("aws --version >/dev/null 2>&1") == 0; }

  static inline std::unique_ptr<stores::Emulator> moto;
  static inline std::unique_ptr<net::HttpClient> client;
  static inline std::string why_not;
  ScratchHome home{ScratchHome::Holds::kKey};
  SystemClock clock;
  Log log;
  RecordingSetup setup;
};

std::vector<Instance> must(const CreateOutcome& outcome) {
  EXPECT_FALSE(outcome.failure) << outcome.failure->error.message();
  return outcome.instances;
}

TEST_F(Aws, MakesStopsStartsAndRemovesACluster) {
  auto aws = provider(*client);
  ASSERT_TRUE(aws.check().ok());
  const auto made = must(aws.create(an_order(), 60s));
  ASSERT_THAT(made, SizeIs(2));
  for (int rank = 0; rank < 2; ++rank) {
    const auto& node = made[static_cast<std::size_t>(rank)];
    EXPECT_EQ(node.rank, rank);
    EXPECT_EQ(node.state, InstanceState::kRunning);
    EXPECT_EQ(node.region, "us-east-1");
    EXPECT_EQ(node.zone, "use1-az2");
    EXPECT_FALSE(node.address.empty());
  }
  ASSERT_THAT(aws.list("train").value(), SizeIs(2));
  EXPECT_THAT(aws.clusters().value(), ElementsAre("train"));

  ASSERT_TRUE(aws.stop("train", 60s).ok());
  for (const auto& node : aws.list("train").value()) EXPECT_EQ(node.state, InstanceState::kStopped);
  const auto started = aws.start("train", 60s);
  ASSERT_TRUE(started.ok()) << started.error().message();
  ASSERT_THAT(*started, SizeIs(2));
  EXPECT_EQ((*started)[0].id, made[0].id);
  EXPECT_EQ((*started)[1].id, made[1].id);
  EXPECT_EQ((*started)[0].state, InstanceState::kRunning);

  ASSERT_TRUE(aws.terminate("train", 60s).ok());
  EXPECT_THAT(aws.list("train").value(), IsEmpty());
  EXPECT_THAT(aws.clusters().value(), IsEmpty());
  EXPECT_TRUE(aws.terminate("train", 60s).ok());
  EXPECT_EQ(aws.start("train", 60s).error().code(), Code::kNotFound);
}

TEST_F(Aws, TellsTheSetupWhereTheNodesAreAndHowToGetIn) {
  auto aws = provider(*client);
  auto order = an_order();
  order.offer.accelerator_count = 1;
  const auto made = must(aws.create(order, 60s));
  ASSERT_THAT(setup.orders, SizeIs(1));
  const auto& told = setup.orders[0];
  EXPECT_EQ(told.cluster, "train");
  EXPECT_EQ(told.cloud, "aws");
  EXPECT_EQ(told.region, "us-east-1");
  EXPECT_EQ(told.zone, "use1-az2");
  EXPECT_EQ(told.vcpus, 2);
  EXPECT_EQ(told.gpus, 1);
  ASSERT_THAT(told.nodes, SizeIs(2));
  EXPECT_EQ(told.nodes[1].rank, 1);
  EXPECT_EQ(told.nodes[1].private_address, made[1].address);
  EXPECT_FALSE(told.nodes[1].ssh.host.empty());
  EXPECT_NE(told.nodes[1].ssh.host, made[1].address);
  EXPECT_EQ(told.nodes[1].ssh.user, "ubuntu");
  EXPECT_EQ(told.nodes[1].ssh.identity_file, (home.path() / "ssh" / "id_ed25519").string());
  EXPECT_TRUE(fs::exists(told.nodes[1].ssh.identity_file));

  ASSERT_TRUE(aws.stop("train", 60s).ok());
  ASSERT_TRUE(aws.start("train", 60s).ok());
  ASSERT_THAT(setup.orders, SizeIs(2));
  EXPECT_EQ(setup.orders[1].vcpus, 2);
  EXPECT_EQ(setup.orders[1].nodes[0].ssh.user, "ubuntu");
}

TEST_F(Aws, PortsAreOpenWhileTheClusterIsThere) {
  auto aws = provider(*client);
  const auto made = must(aws.create(an_order(), 60s));
  const auto first = aws.open_ports("train", {{80, 80}}, 60s);
  ASSERT_TRUE(first.ok()) << first.error().message();
  const auto opened = aws.open_ports("train", {{80, 80}, {8000, 8010}}, 60s);
  ASSERT_TRUE(opened.ok()) << opened.error().message();
  const auto endpoints = aws.endpoints("train", {{8000, 8001}}, 60s).value();
  ASSERT_THAT(endpoints, SizeIs(2));
  EXPECT_EQ(endpoints[1].outer_port, 8001);
  EXPECT_EQ(endpoints[1].host, made[0].ssh.host);
  if (has_awscli()) {
    const std::string groups = "ec2 describe-security-groups --filters Name=tag:isobar-cluster,Values=train --query ";
    EXPECT_THAT(awscli(groups + "'SecurityGroups[].IpPermissions[].[IpProtocol,FromPort,ToPort,IpRanges[0].CidrIp]'"),
                testing::AllOf(HasSubstr("tcp\t80\t80\t0.0.0.0/0"), HasSubstr("tcp\t8000\t8010\t0.0.0.0/0")));
    EXPECT_THAT(awscli("ec2 describe-instances --query 'Reservations[].Instances[].SecurityGroups[].GroupName'"),
                HasSubstr("isobar-train-"));
  }
  ASSERT_TRUE(aws.stop("train", 60s).ok());
  ASSERT_TRUE(aws.start("train", 60s).ok());
  if (has_awscli()) {
    EXPECT_THAT(awscli("ec2 describe-instances --query 'Reservations[].Instances[].SecurityGroups[].GroupName'"),
                HasSubstr("isobar-train-"));
  }
  ASSERT_TRUE(aws.terminate("train", 60s).ok());
  if (has_awscli()) {
    EXPECT_THAT(awscli("ec2 describe-security-groups --query 'SecurityGroups[].GroupName'"), testing::Not(HasSubstr("isobar-train")));
  }
  EXPECT_THAT(aws.clusters().value(), IsEmpty());
}

TEST_F(Aws, RepeatingAnOrderMakesNothingTwice) {
  auto aws = provider(*client);
  const auto first = must(aws.create(an_order(), 60s));
  auto again = provider(*client);
  const auto second = must(again.create(an_order(), 60s));
  ASSERT_THAT(second, SizeIs(2));
  EXPECT_EQ(first[0].id, second[0].id);
  EXPECT_EQ(first[1].id, second[1].id);
  EXPECT_THAT(aws.list("train").value(), SizeIs(2));
}

TEST_F(Aws, AnotherOrderForTheSameNameIsRefusedAndHarmsNothing) {
  auto aws = provider(*client);
  must(aws.create(an_order(), 60s));
  auto other = an_order();
  other.token = "tok2";
  const auto refused = aws.create(other, 60s);
  ASSERT_TRUE(refused.failure);
  EXPECT_EQ(refused.failure->error.code(), Code::kAlreadyExists);
  EXPECT_THAT(aws.list("train").value(), SizeIs(2));
}

TEST_F(Aws, OwnersDoNotSeeOneAnother) {
  auto ada = provider(*client, "ada"), bob = provider(*client, "bob");
  must(ada.create(an_order(), 60s));
  EXPECT_THAT(bob.list("train").value(), IsEmpty());
  EXPECT_THAT(bob.clusters().value(), IsEmpty());
  ASSERT_TRUE(bob.terminate("train", 60s).ok());
  EXPECT_THAT(ada.list("train").value(), SizeIs(2));
}

TEST_F(Aws, WhereverACreatorDiesTerminateLeavesNothing) {
  for (const bool last_is_heard : {false, true})
    for (int lives = 0;; ++lives) {
      forget_everything();
      DyingTransport dying(*client, lives, last_is_heard);
      const auto outcome = provider(dying).create(an_order(), 5s);
      ASSERT_LT(lives, 100);
      if (!dying.died()) {
        EXPECT_FALSE(outcome.failure);
        EXPECT_EQ(machines_that_cost_money(), 2U);
        EXPECT_GT(lives, 10);  // It takes so many requests at least, and dying before each was tried.
        break;
      }
      ASSERT_TRUE(outcome.failure) << lives;
      EXPECT_EQ(outcome.failure->provider_code, "ApiUnreachable") << lives;
      auto survivor = provider(*client);
      const auto ended = survivor.terminate("train", 60s);
      ASSERT_TRUE(ended.ok()) << ended.error().message();
      EXPECT_THAT(survivor.list("train").value(), IsEmpty()) << lives;
      EXPECT_THAT(survivor.clusters().value(), IsEmpty()) << lives;
      EXPECT_EQ(machines_that_cost_money(), 0U) << lives;
    }
}

TEST_F(Aws, WhereverACreatorDiesTheSameOrderGoesOn) {
  for (int lives = 0;; ++lives) {
    forget_everything();
    DyingTransport dying(*client, lives, false);
    (void)provider(dying).create(an_order(), 5s);
    if (!dying.died()) break;
    auto survivor = provider(*client);
    EXPECT_THAT(must(survivor.create(an_order(), 60s)), SizeIs(2)) << lives;
    EXPECT_THAT(survivor.list("train").value(), SizeIs(2)) << lives;
    EXPECT_EQ(machines_that_cost_money(), 2U) << lives;
  }
}

TEST_F(Aws, ManyCreatorsShareOneSecurityGroup) {
  std::vector<CreateOutcome> outcomes(4);
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < outcomes.size(); ++i)
      threads.emplace_back([&, i] {
        auto order = an_order("c" + std::to_string(i), 1);
        order.token = "tok-" + std::to_string(i);
        outcomes[i] = provider(*client).create(order, 60s);
      });
  }
  for (const auto& outcome : outcomes) must(outcome);
  EXPECT_THAT(provider(*client).clusters().value(), SizeIs(4));
  if (!has_awscli()) GTEST_SKIP() << "the security groups are counted by awscli, which is not installed";
  const auto groups = awscli(
      "ec2 describe-security-groups --filters Name=group-name,Values=isobar --query "
      "'SecurityGroups[].IpPermissions[].[FromPort,IpProtocol]'");
  EXPECT_EQ(groups.find("22\ttcp"), groups.rfind("22\ttcp")) << groups;
  EXPECT_EQ(std::count(groups.begin(), groups.end(), '\n'), 2) << groups;
}

TEST_F(Aws, AwscliSeesTheTagsTheDiskAndThePlace) {
  if (!has_awscli()) GTEST_SKIP() << "awscli is not installed";
  auto order = an_order("train", 1);
  order.labels = {{"team", "a & b <c>"}};
  must(provider(*client).create(order, 60s));
  const auto tags = awscli("ec2 describe-instances --query 'Reservations[].Instances[].Tags[].[Key,Value]'");
  for (const char* line : {"isobar-cluster\ttrain\n", "isobar-rank\t0\n", "isobar-token\ttok1\n", "isobar-owner\tada\n", "Name\ttrain-0\n",
                           "team\ta & b <c>\n", "isobar-zone\tuse1-az2\n"})
    EXPECT_THAT(tags, HasSubstr(line));
  const auto place =
      awscli("ec2 describe-instances --query 'Reservations[].Instances[].[InstanceType,Placement.AvailabilityZone,KeyName]'");
  const auto zone = awscli("ec2 describe-availability-zones --filters Name=zone-id,Values=use1-az2 --query 'AvailabilityZones[].ZoneName'");
  EXPECT_THAT(place, HasSubstr("m6i.large\t" + zone.substr(0, zone.find('\n')) + "\tisobar-"));
  EXPECT_THAT(awscli("ec2 describe-volumes --query 'Volumes[].[Size,VolumeType]'"), HasSubstr("64\tgp3"));
  EXPECT_THAT(awscli("ec2 describe-key-pairs --query 'KeyPairs[].KeyType'"), HasSubstr("ed25519"));
}

TEST_F(Aws, AMachineThatEndsByItselfIsStoppedOrGoesAsWasAskedLast) {
  if (!has_awscli()) GTEST_SKIP() << "awscli is not installed";
  auto aws = provider(*client);
  const auto made = must(aws.create(an_order(), 60s));
  const auto behavior = [&](const std::string& id) {
    return awscli("ec2 describe-instance-attribute --attribute instanceInitiatedShutdownBehavior --instance-id " + id +
                  " --query InstanceInitiatedShutdownBehavior.Value");
  };
  for (const auto& machine : made) EXPECT_THAT(behavior(machine.id), HasSubstr("stop"));
  ASSERT_TRUE(aws.set_own_end("train", true, 60s).ok());
  for (const auto& machine : made) EXPECT_THAT(behavior(machine.id), HasSubstr("terminate"));
  ASSERT_TRUE(aws.set_own_end("train", false, 60s).ok());
  for (const auto& machine : made) EXPECT_THAT(behavior(machine.id), HasSubstr("stop"));
}

TEST_F(Aws, SpotMachinesAreSpotAndCannotBeStopped) {
  auto aws = provider(*client);
  auto order = an_order();
  order.use_spot = true;
  must(aws.create(order, 60s));
  if (has_awscli()) {
    EXPECT_THAT(awscli("ec2 describe-instances --query 'Reservations[].Instances[].InstanceLifecycle'"), HasSubstr("spot\tspot"));
  }
  const auto stopped = aws.stop("train", 60s);
  EXPECT_EQ(stopped.error().code(), Code::kInvalidArgument);
  EXPECT_THAT(stopped.error().message(), HasSubstr("spot machines of aws cannot be stopped"));
  ASSERT_TRUE(aws.terminate("train", 60s).ok());
  EXPECT_THAT(aws.list("train").value(), IsEmpty());
}

TEST_F(Aws, AClusterIsFoundInEveryRegionUsedSinceTheHomeExists) {
  auto order = an_order("far", 1);
  order.offer.region = "eu-west-1";
  order.offer.zone = "euw1-az1";
  must(provider(*client).create(order, 60s));
  auto later = provider(*client);
  const auto nodes = later.list("far").value();
  ASSERT_THAT(nodes, SizeIs(1));
  EXPECT_EQ(nodes[0].region, "eu-west-1");
  ASSERT_TRUE(later.terminate("far", 60s).ok());
  EXPECT_THAT(later.list("far").value(), IsEmpty());
}

TEST_F(Aws, AZoneThatIsNoneAndAnImageThatIsNoneAreNamed) {
  auto order = an_order();
  order.offer.zone = "use1-az9";
  auto refused = provider(*client).create(order, 60s);
  ASSERT_TRUE(refused.failure);
  EXPECT_EQ(refused.failure->provider_code, "InvalidAvailabilityZone");
  EXPECT_THAT(refused.failure->error.message(), HasSubstr("use1-az9"));
  EXPECT_EQ(refused.failure->scope.zone, "use1-az9");
  refused = provider(*client, "ada", "ami-0123456789abcdef0").create(an_order(), 60s);
  ASSERT_TRUE(refused.failure);
  EXPECT_THAT(refused.failure->provider_code, HasSubstr("InvalidAMIID"));
  EXPECT_FALSE(refused.failure->scope.zone);
  EXPECT_EQ(refused.failure->scope.region, "us-east-1");
}

TEST_F(Aws, TheNewestImageOfItsPublisherIsTakenAndNobodyElses) {
  if (!has_awscli()) GTEST_SKIP() << "awscli, which is asked for the image, is not installed";
  must(provider(*client).create(an_order("u", 1), 60s));
  EXPECT_THAT(awscli("ec2 describe-instances --query 'Reservations[].Instances[].ImageId'"), HasSubstr("ami-0aa0000000002204b"));
}

TEST_F(Aws, AmazonsOwnImageIsFoundByItsParameter) {
  must(provider(*client, "ada", "amazon-linux-2023").create(an_order("al", 1), 60s));
  ASSERT_THAT(setup.orders, SizeIs(1));
  EXPECT_EQ(setup.orders[0].nodes[0].ssh.user, "ec2-user");
}

TEST_F(Aws, NodesThatCannotBeSetUpAreRemoved) {
  setup.outcome = unavailable("node 1 does not answer");
  auto aws = provider(*client);
  const auto refused = aws.create(an_order(), 60s);
  ASSERT_TRUE(refused.failure);
  EXPECT_EQ(refused.failure->provider_code, "NodeSetupFailed");
  EXPECT_THAT(refused.failure->error.message(), HasSubstr("node 1 does not answer"));
  EXPECT_THAT(aws.list("train").value(), IsEmpty());
}

TEST_F(Aws, ANodeThatWasTerminatedIsNeverReplacedByStart) {
  if (!has_awscli()) GTEST_SKIP() << "awscli, which takes the node away, is not installed";
  auto aws = provider(*client);
  const auto made = must(aws.create(an_order(), 60s));
  ASSERT_TRUE(aws.stop("train", 60s).ok());
  (void)awscli("ec2 terminate-instances --instance-ids " + made[1].id);
  const auto started = aws.start("train", 60s);
  EXPECT_EQ(started.error().code(), Code::kNotFound);
  EXPECT_THAT(started.error().message(), HasSubstr("node 1 was terminated"));
  EXPECT_THAT(aws.list("train").value(), SizeIs(1));
}

}  // namespace
}  // namespace isobar::cloud
