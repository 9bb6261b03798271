// Whole commands against clouds that refuse, half-make gangs, lose answers and cannot be reached, by a broker that dies anywhere; each
// schedule from a seed. The state, the lock, the intents and the sweep are the real ones; machines are entries of a table, and every
// agent is one that only greets.

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <atomic>
#include <cstdlib>
#include <set>
#include <thread>

#include "base/random.h"
#include "broker/agent_channel.h"
#include "broker/agent_messages.h"
#include "broker/broker.h"

namespace isobar::broker {
namespace {

using cloud::Instance;
using cloud::InstanceState;

/// The broker's process is gone, in the midst of a call.
struct Killed {};

/// Greets whoever calls, at one socket for all nodes, and does the first thing that it is told.
class Greeter {
 public:
  Greeter() : address_("unix:" + (fs::temp_directory_path() / ("isobar-greeter-" + secure_random_hex(4))).string()) {
    listener_ = listen_at(address_).value();
    thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
  }
  ~Greeter() {
    thread_.request_stop();
    (void)dial(address_).ok();  // wakes it
    thread_.join();
    std::error_code ignored;
    fs::remove(address_.substr(5), ignored);
  }
  const std::string& address() const { return address_; }
  int autostops_set() const { return autostops_set_; }
  int ready_nodes() const { return ready_nodes_; }

 private:
  void run(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      auto accepted = accept_from(listener_);
      if (!accepted.ok()) return;
      if (*accepted) std::thread([this, channel = Channel(std::move(**accepted))]() mutable { greet(std::move(channel)); }).detach();
      else std::this_thread::sleep_for(std::chrono::microseconds(50));
    }
  }
  void greet(Channel channel) {
    const auto hello = channel.receive(1s);
    if (!hello.ok()) return;
    const auto request = decode_request(*hello);
    if (request.ok()) (void)channel.send(encode(ReplyFrame{request->id, Welcome{kAgentProtocol, "test", "c", 0}}), 1s).ok();
    // Whatever else is asked is done.
    const auto asked = channel.receive(1s).and_then([](std::string&& bytes) { return decode_request(bytes); });
    if (asked.ok() && std::holds_alternative<SetAutostop>(asked->body)) ++autostops_set_;
    if (asked.ok() && std::holds_alternative<NodesReady>(asked->body)) ++ready_nodes_;
    if (asked.ok()) (void)channel.send(encode(ReplyFrame{asked->id, Done{}}), 1s).ok();
  }

  std::string address_;
  std::atomic<int> autostops_set_ = 0, ready_nodes_ = 0;
  Fd listener_;
  std::jthread thread_;
};

const Greeter& greeter() {
  static const Greeter all;
  return all;
}

/// How bad it is: the chance of each misfortune at each call, in percent.
struct Weather {
  int refuses = 0, unreachable = 0, dies = 0, loses_answer = 0;
};

class StormyCloud final : public cloud::Provider {
 public:
  StormyCloud(std::string name, Random& random, Weather& weather) : name_(std::move(name)), random_(random), weather_(weather) {}
  std::string name() const override { return name_; }
  Status check() override { return {}; }

  cloud::CreateOutcome create(const cloud::CreateOrder& order, Duration) override {
    die();
    for (const auto& [id, machine] : machines_)
      if (machine.cluster == order.cluster && tokens_.at(id) != order.token) broken_.push_back("two incarnations of " + order.cluster);
    const bool refused = happens(weather_.refuses), lost = happens(weather_.loses_answer);
    // A gang is made one by one, and may stop anywhere.
    const int made = refused ? static_cast<int>(random_.below(static_cast<std::uint64_t>(order.count))) : order.count;
    for (int rank = 0; rank < made; ++rank) {
      make(order, rank);
      die();
    }
    const auto failure = [&](Error error, std::string code) {
      const auto scope = cloud::scope_of_error(name_, code, order.offer);
      return cloud::CreateOutcome{{}, cloud::CloudError{std::move(error), code, scope}};
    };
    if (refused) return failure(Error(Code::kExhausted, "no capacity"), "InsufficientInstanceCapacity");
    if (lost) return failure(unavailable("the connection broke"), "Unknown");
    return {of(order.cluster), {}};
  }

  bool replaces_nodes() const override { return true; }
  cloud::CreateOutcome replace(const cloud::CreateOrder& order, const std::vector<int>& ranks, Duration) override {
    die();
    replacements.push_back({order.generation, ranks});
    for (const auto& [id, machine] : machines_)
      if (machine.cluster == order.cluster && tokens_.at(id) != order.token) broken_.push_back("mended another " + order.cluster);
    // What is left of the lost ones goes first, and one by one.
    for (const int rank : ranks) {
      std::erase_if(machines_, [&](const auto& entry) {
        return entry.second.cluster == order.cluster && entry.second.rank == rank && generations_[entry.first] != order.generation;
      });
      die();
    }
    const bool refused = happens(weather_.refuses);
    for (const int rank : ranks) {
      if (refused && rank == ranks.back()) break;
      make(order, rank);
      die();
    }
    if (refused && !ranks.empty()) {
      std::erase_if(machines_, [&](const auto& entry) {
        return entry.second.cluster == order.cluster && generations_[entry.first] == order.generation;
      });
      const std::string code = "InsufficientInstanceCapacity";
      return {{}, cloud::CloudError{Error(Code::kExhausted, "no capacity"), code, cloud::scope_of_error(name_, code, order.offer)}};
    }
    return {of(order.cluster), {}};
  }
  std::vector<std::pair<int, std::vector<int>>> replacements;  ///< generation and ranks, as it was told

  Result<std::vector<Instance>> list(const std::string& cluster) override {
    die();
    TRY(reach());
    return of(cluster);
  }
  Result<std::vector<std::string>> clusters() override {
    die();
    TRY(reach());
    const auto names = alive();
    return std::vector<std::string>(names.begin(), names.end());
  }
  Status stop(const std::string& cluster, Duration) override {
    return each(cluster, [](Instance& it) { it.state = InstanceState::kStopped; });
  }
  Result<std::vector<Instance>> start(const std::string& cluster, Duration) override {
    TRY(each(cluster, [](Instance& it) { it.state = InstanceState::kRunning; }));
    return of(cluster);
  }
  Status terminate(const std::string& cluster, Duration) override {
    TRY(each(cluster, [](Instance& it) { it.state = InstanceState::kTerminated; }));
    std::erase_if(machines_, [](const auto& entry) { return entry.second.state == InstanceState::kTerminated; });
    return {};
  }

  Status set_own_end(const std::string&, bool with_disks, Duration) override {
    own_ends.push_back(with_disks);
    return may_tell ? Status() : Status(Error(Code::kPermissionDenied, "ModifyInstanceAttribute is not allowed"));
  }
  Status open_ports(const std::string& cluster, const Ports& ports, Duration) override {
    opened.push_back(cluster + " " + describe(ports));
    return opens;
  }
  std::vector<std::string> opened;  ///< "a 80, 443", as it was told
  Status opens;                     ///< how it answers
  std::vector<bool> own_ends;       ///< as it was told them
  bool may_tell = true;
  std::string problem;  ///< of what is stopped

  void lose(int rank) {
    std::erase_if(machines_, [&](const auto& entry) { return entry.second.rank == rank; });
  }
  /// A machine that its cloud takes away.
  void preempt_one() {
    if (machines_.empty()) return;
    machines_.erase(std::next(machines_.begin(), static_cast<std::ptrdiff_t>(random_.below(machines_.size()))));
  }
  std::vector<Instance> of(const std::string& cluster) const {
    std::vector<Instance> found;
    for (const auto& [id, machine] : machines_)
      if (machine.cluster == cluster && machine.state != InstanceState::kTerminated) found.push_back(machine);
    for (auto& machine : found)
      if (machine.state == InstanceState::kStopped) machine.problem = problem;
    std::sort(found.begin(), found.end(), [](const Instance& a, const Instance& b) { return a.rank < b.rank; });
    return found;
  }
  std::set<std::string> alive() const {
    std::set<std::string> names;
    for (const auto& [id, machine] : machines_) names.insert(machine.cluster);
    return names;
  }
  const std::vector<std::string>& broken() const { return broken_; }

 private:
  bool happens(int percent) { return static_cast<int>(random_.below(100)) < percent; }
  void die() {
    if (happens(weather_.dies)) throw Killed{};
  }
  Status reach() { return happens(weather_.unreachable) ? Status(unavailable(name_ + " does not answer")) : Status(); }

  void make(const cloud::CreateOrder& order, int rank) {
    for (const auto& [id, machine] : machines_)
      if (machine.cluster == order.cluster && machine.rank == rank && tokens_.at(id) == order.token && generations_[id] == order.generation)
        return;
    const auto id = fmt::format("{}-{}", name_, ++last_);
    Instance machine{.id = id, .cluster = order.cluster, .rank = rank, .state = InstanceState::kRunning};
    machine.region = order.offer.region;
    machine.agent_address = greeter().address();
    tokens_[id] = order.token;
    generations_[id] = order.generation;
    machines_[id] = std::move(machine);
  }
  template <class Change>
  Status each(const std::string& cluster, Change change) {
    die();
    TRY(reach());
    for (auto& [id, machine] : machines_) {
      if (machine.cluster != cluster) continue;
      change(machine);
      die();
      TRY(reach());
    }
    if (happens(weather_.loses_answer)) return unavailable("the connection broke");
    return {};
  }

  std::string name_;
  Random& random_;
  Weather& weather_;
  int last_ = 0;
  std::map<std::string, Instance> machines_;
  std::map<std::string, std::string> tokens_;  // of every machine there ever was
  std::map<std::string, int> generations_;
  std::vector<std::string> broken_;
};

class Storm {
 public:
  explicit Storm(std::uint64_t seed, const fs::path& folder) : random_(seed), folder_(folder) {
    weather_ = {static_cast<int>(random_.below(60)), static_cast<int>(random_.below(30)), static_cast<int>(random_.below(15)),
                static_cast<int>(random_.below(20))};
  }

  void run(int commands) {
    for (int i = 0; i < commands; ++i) command();
    weather_ = {};
    // A user who looks: once for what was cut short, once for what that brought to light.
    for (int i = 0; i < 2; ++i) with_broker([](Broker& broker) { (void)broker.status().ok(); });
    check();
  }
  const std::vector<std::string>& violations() const { return violations_; }

 private:
  void command() {
    const std::string cluster = random_.below(2) == 0 ? "a" : "b";
    switch (random_.below(8)) {
      case 0: return with_broker([&](Broker& broker) { (void)broker.status().ok(); });
      case 1: return act(cluster, [](ClusterSession& session) { (void)session.stop().ok(); });
      case 2: return act(cluster, [](ClusterSession& session) { (void)session.start().ok(); });
      case 3:
      case 4: return act(cluster, [](ClusterSession& session) { (void)session.terminate().ok(); });
      case 5: return (random_.below(2) == 0 ? east_ : west_).preempt_one();
      default: return launch(cluster);
    }
  }

  void launch(const std::string& cluster) {
    with_broker([&](Broker& broker) {
      auto session = broker.open(cluster, "launch");
      if (!session.ok() || session->record()) return;
      LaunchGoal goal{.cluster = cluster, .num_nodes = 1 + static_cast<int>(random_.below(3)), .removals_most = 2};
      for (const char* place : {"east", "west", "east", "west"}) {
        Placement placement;
        placement.offer.cloud = place;
        placement.offer.region = fmt::format("r{}", goal.ranked.size());
        placement.offer.instance_type = "t";
        goal.ranked.push_back(placement);
      }
      ClusterRecord blank;
      blank.name = cluster;
      blank.num_nodes = goal.num_nodes;
      blank.mend.allowed = random_.below(2) == 0;
      (void)session->provision(goal, blank).ok();
    });
  }

  void act(const std::string& cluster, const std::function<void(ClusterSession&)>& action) {
    with_broker([&](Broker& broker) {
      auto session = broker.open(cluster, "act");
      if (session.ok() && session->record()) action(*session);
    });
  }

  /// A process of its own: all that it knows it reads from disk.
  void with_broker(const std::function<void(Broker&)>& work) {
    auto state = StateStore::open(folder_ / "state.db");
    ASSERT_TRUE(state.ok()) << state.error().message();
    Log log;
    Config config;
    config.agent_deadline.value = 1s;
    Broker broker({.config = config,
                   .lock_folder = folder_ / "locks",
                   .state = *state,
                   .providers = {{"east", &east_}, {"west", &west_}},
                   .clock = clock_,
                   .log = log,
                   .say = [](const std::string&) {},
                   .sleep = [](Duration) {}});
    try {
      work(broker);
    } catch (const Killed&) {}
  }

  void check() {
    auto state = StateStore::open(folder_ / "state.db").value();
    const auto records = state.clusters().value();
    std::set<std::pair<std::string, std::string>> known;
    for (const auto& record : records) known.insert({record.placement.offer.cloud, record.name});
    for (const auto* cloud : {&east_, &west_}) {
      violations_.insert(violations_.end(), cloud->broken().begin(), cloud->broken().end());
      for (const auto& cluster : cloud->alive())
        if (!known.contains({cloud->name(), cluster})) violations_.push_back(fmt::format("{} on {} is nobody's", cluster, cloud->name()));
    }
    if (const auto left = state.intents().value(); !left.empty()) violations_.push_back("an intent is left of " + left[0].cluster);
    for (const auto& record : records) {
      const auto there = (record.placement.offer.cloud == "east" ? east_ : west_).of(record.name);
      if (there.empty()) violations_.push_back(record.name + " is on record and nowhere else");
      std::set<int> ranks;
      for (const auto& machine : there) ranks.insert(machine.rank);
      if (ranks.size() != there.size()) violations_.push_back(record.name + " has two machines of a rank");
      if (record.status == ClusterStatus::kUp && !record.mend.replacing.empty())
        violations_.push_back(record.name + " is UP before its new nodes are ready");
      if (record.status == ClusterStatus::kUp && there.size() != static_cast<std::size_t>(record.num_nodes))
        violations_.push_back(fmt::format("{} is UP with {} of {} nodes", record.name, there.size(), record.num_nodes));
    }
  }

  Random random_;
  fs::path folder_;
  Weather weather_;
  SystemClock clock_;
  StormyCloud east_{"east", random_, weather_}, west_{"west", random_, weather_};
  std::vector<std::string> violations_;
};

/// One cluster on one cloud, without storms.
class Calm : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(make_folders(folder_).ok());
    ASSERT_FALSE(east_.create({.cluster = "a", .token = "t", .count = 2}, 1s).failure);
    record_.name = "a";
    record_.status = ClusterStatus::kUp;
    record_.num_nodes = 2;
    record_.placement.offer.cloud = "east";
  }
  void TearDown() override { fs::remove_all(folder_); }
  Broker broker_over(StateStore& state) {
    return Broker({.config = {},
                   .lock_folder = folder_ / "locks",
                   .state = state,
                   .providers = {{"east", &east_}},
                   .clock = clock_,
                   .log = log_,
                   .say = [](const std::string&) {}});
  }
  enum class Put { kRecord, kNothing };
  /// What a command does that has the cluster.
  void with_session(const std::function<void(ClusterSession&)>& work, Put put = Put::kRecord) {
    auto state = StateStore::open(folder_ / "state.db").value();
    if (put == Put::kRecord) CHECK(state.put(record_).ok());
    Broker broker = broker_over(state);
    auto session = broker.open("a", "start");
    ASSERT_TRUE(session.ok()) << session.error().message();
    work(*session);
  }
  /// The clusters that `isobar status` shows, as they were recorded before.
  std::vector<ClusterRecord> look() {
    auto state = StateStore::open(folder_ / "state.db").value();
    CHECK(state.put(record_).ok());
    Broker broker = broker_over(state);
    return broker.status().value();
  }

  fs::path folder_ = fs::temp_directory_path() / ("isobar-calm-" + secure_random_hex(5));
  Log log_;
  Random random_{1};
  Weather weather_;
  SystemClock clock_;
  StormyCloud east_{"east", random_, weather_};
  ClusterRecord record_;
};

TEST_F(Calm, MachinesThatWereToGoAndCouldOnlySwitchThemselvesOffAreRemoved) {
  record_.autostop = Autostop{.idle = 1min, .down = true};
  ASSERT_TRUE(east_.stop("a", 1s).ok());
  EXPECT_THAT(look(), testing::IsEmpty());
  EXPECT_THAT(east_.alive(), testing::IsEmpty());
}

TEST_F(Calm, ACloudThatMayNotBeToldKeepsNobodyFromAutostopButADiskThatShallStayStays) {
  auto state = StateStore::open(folder_ / "state.db").value();
  ASSERT_TRUE(state.put(record_).ok());
  Broker broker = broker_over(state);
  auto session = broker.open("a", "autostop").value();
  ASSERT_TRUE(session.set_autostop(Autostop{.idle = 1min}).ok());
  EXPECT_TRUE(east_.own_ends.empty()) << "machines are made to be stopped by their own end";
  east_.may_tell = false;
  EXPECT_TRUE(session.set_autostop(Autostop{.idle = 1min, .down = true}).ok());
  EXPECT_EQ(session.set_autostop(Autostop{.idle = 1min}).error().code(), Code::kPermissionDenied);
  EXPECT_EQ(session.set_autostop(std::nullopt).error().code(), Code::kPermissionDenied);
  east_.may_tell = true;
  EXPECT_TRUE(session.set_autostop(std::nullopt).ok());
  EXPECT_EQ(east_.own_ends, (std::vector<bool>{true, false, false, false}));
}

TEST_F(Calm, AnAutostopThatWasCutShortIsCompletedByWhoeverComesNext) {
  auto state = StateStore::open(folder_ / "state.db").value();
  record_.autostop = Autostop{.idle = 1min};
  ASSERT_TRUE(state.begin({IntentKind::kAutostop, "a", "east", "t", clock_.now()}, &record_).ok());
  Broker broker = broker_over(state);
  const int before = greeter().autostops_set();
  ASSERT_TRUE(broker.open("a", "status").ok());
  EXPECT_EQ(greeter().autostops_set(), before + 1);
  EXPECT_THAT(state.intents().value(), testing::IsEmpty());
  EXPECT_EQ(state.cluster("a").value().autostop, record_.autostop);
}

TEST_F(Calm, PortsAreOnRecordWhenTheyAreOpenAndThoseThatWereCutShortAreOpenedByWhoeverComesNext) {
  auto state = StateStore::open(folder_ / "state.db").value();
  ASSERT_TRUE(state.put(record_).ok());
  Broker broker = broker_over(state);
  const auto open_ports = [&](const Ports& ports) { return broker.open("a", "launch").value().open_ports(ports); };
  ASSERT_TRUE(open_ports({{80, 80}}).ok());
  ASSERT_TRUE(open_ports({{80, 80}}).ok());
  EXPECT_THAT(east_.opened, testing::ElementsAre("a 80")) << "what is open is not asked for again";
  east_.opens = invalid("no more than one");
  EXPECT_EQ(open_ports({{443, 443}}).error().code(), Code::kInvalidArgument);
  EXPECT_EQ(state.cluster("a").value().ports, (Ports{{80, 80}})) << "refused, and so not on record";
  EXPECT_THAT(state.intents().value(), testing::IsEmpty());
  east_.opens = unavailable("the connection broke");
  EXPECT_EQ(open_ports({{443, 443}}).error().code(), Code::kUnavailable);
  ASSERT_EQ(state.intents().value().size(), 1U) << "they may be open";
  east_.opens = {};
  east_.opened.clear();
  ASSERT_TRUE(broker.open("a", "status").ok());
  EXPECT_THAT(east_.opened, testing::ElementsAre("a 80, 443"));
  EXPECT_EQ(state.cluster("a").value().ports, (Ports{{80, 80}, {443, 443}}));
  EXPECT_THAT(state.intents().value(), testing::IsEmpty());
}

TEST_F(Calm, ALostNodeIsReplacedAloneByStart) {
  record_.mend.allowed = true;
  record_.token = "t";
  record_.ports = {{80, 80}};
  east_.lose(1);
  with_session([&](ClusterSession& session) {
    EXPECT_EQ(session.record()->status, ClusterStatus::kInit);
    const int ready = greeter().ready_nodes();
    ASSERT_TRUE(session.start().ok());
    EXPECT_EQ(greeter().ready_nodes(), ready + 1) << "the head is told";
    EXPECT_EQ(session.record()->status, ClusterStatus::kUp);
    EXPECT_THAT(session.record()->mend.replacing, testing::IsEmpty());
    EXPECT_EQ(session.record()->mend.generation, 1);
  });
  EXPECT_THAT(east_.replacements, testing::ElementsAre(testing::Pair(1, testing::ElementsAre(1))));
  EXPECT_THAT(east_.opened, testing::ElementsAre("a 80")) << "ports are let in to the new machine, too";
  EXPECT_EQ(east_.of("a").size(), 2U);
  EXPECT_EQ(east_.of("a")[0].id, "east-1") << "the other one is as it was";
}

TEST_F(Calm, ANodeIsNotReplacedUnlessItsUserSaysSo) {
  record_.token = "t";
  east_.lose(1);
  with_session([&](ClusterSession& session) {
    EXPECT_THAT(session.mend().error().message(), testing::HasSubstr("replace_lost_nodes: true"));
    (void)session.start().ok();
  });
  EXPECT_THAT(east_.replacements, testing::IsEmpty());
}

TEST_F(Calm, ALostHeadIsSaidToBeBeyondMending) {
  record_.mend.allowed = true;
  record_.token = "t";
  east_.lose(0);
  with_session([&](ClusterSession& session) {
    const auto refused = session.start();
    EXPECT_EQ(refused.error().code(), Code::kInvalidArgument);
    EXPECT_THAT(refused.error().message(), testing::HasSubstr("isobar down a"));
  });
  EXPECT_THAT(east_.replacements, testing::IsEmpty());
}

TEST_F(Calm, ANodeThatTheCloudCallsRunningIsGivenUpOnRequest) {
  record_.mend.allowed = true;
  record_.token = "t";
  with_session([&](ClusterSession& session) {
    EXPECT_THAT(session.mend({2}).error().message(), testing::HasSubstr("has no node 2"));
    ASSERT_TRUE(session.mend({1}).ok());
  });
  EXPECT_THAT(east_.replacements, testing::ElementsAre(testing::Pair(1, testing::ElementsAre(1))));
  EXPECT_EQ(east_.of("a").size(), 2U);
  EXPECT_NE(east_.of("a")[1].id, "east-2");
}

TEST_F(Calm, AReplacementThatIsRefusedIsTriedAgainUnderItsNextGeneration) {
  record_.mend.allowed = true;
  record_.token = "t";
  east_.lose(1);
  weather_.refuses = 100;
  with_session([&](ClusterSession& session) {
    EXPECT_EQ(session.start().error().code(), Code::kExhausted);
    EXPECT_EQ(session.record()->status, ClusterStatus::kInit);
  });
  weather_ = {};
  with_session([&](ClusterSession& session) { ASSERT_TRUE(session.start().ok()); }, Put::kNothing);
  EXPECT_THAT(east_.replacements,
              testing::ElementsAre(testing::Pair(1, testing::ElementsAre(1)), testing::Pair(2, testing::ElementsAre(1))));
}

TEST_F(Calm, ANewNodeGetsWhatWasSentToTheOthersAndWhatIsGoneIsNamed) {
  record_.mend.allowed = true;
  record_.token = "t";
  const fs::path sent = folder_ / "work";
  ASSERT_TRUE(make_folders(sent).ok());
  record_.mend.files = {{"~/sky_workdir", sent.string(), false}};
  east_.lose(1);
  fs::remove_all(sent);
  with_session([&](ClusterSession& session) {
    const auto failed = session.start();
    EXPECT_EQ(failed.error().code(), Code::kNotFound);
    EXPECT_THAT(failed.error().message(), testing::AllOf(testing::HasSubstr(sent.string()), testing::HasSubstr("isobar start a")));
  });
  // Its machines run, and yet it is not up.
  with_session(
      [&](ClusterSession& session) {
        EXPECT_EQ(session.record()->status, ClusterStatus::kInit);
        EXPECT_THAT(session.record()->mend.replacing, testing::ElementsAre(1));
      },
      Put::kNothing);
}

TEST_F(Calm, MachinesThatWereStoppedOtherwiseKeepTheirDisks) {
  ASSERT_TRUE(east_.stop("a", 1s).ok());
  record_.autostop = Autostop{.idle = 1min};
  ASSERT_EQ(look().size(), 1U) << "it was to be stopped";
  record_.autostop = Autostop{.idle = 1min, .down = true};
  record_.status = ClusterStatus::kStopped;
  ASSERT_EQ(look().size(), 1U) << "its user had stopped it before";
  record_.status = ClusterStatus::kUp;
  east_.problem = "it was taken back";
  ASSERT_EQ(look().size(), 1U) << "its cloud took it back";
  EXPECT_EQ(east_.of("a").size(), 2U);
}

fs::path quick_disk() { return fs::is_directory("/dev/shm") ? fs::path("/dev/shm") : fs::temp_directory_path(); }

// What a user pays for is on record or gone, whatever happened when.
TEST(BrokerSimulation, EveryMachineIsKnownOrTerminated) {
  const char* asked = std::getenv("ISOBAR_STORMS");
  const std::uint64_t schedules = asked ? std::strtoull(asked, nullptr, 10) : 2000;
  const fs::path root = quick_disk() / ("isobar-storm-" + secure_random_hex(5));
  for (std::uint64_t seed = 0; seed < schedules; ++seed) {
    const fs::path folder = root / std::to_string(seed);
    ASSERT_TRUE(make_folders(folder).ok());
    Storm storm(seed, folder);
    storm.run(12);
    EXPECT_THAT(storm.violations(), testing::IsEmpty()) << "seed " << seed;
    std::error_code ignored;
    fs::remove_all(folder, ignored);
    if (testing::Test::HasFailure()) break;
  }
  std::error_code ignored;
  fs::remove_all(root, ignored);
}

}  // namespace
}  // namespace isobar::broker
