// What a node does with conversations that go wrong, and with trees that are mirrored to it.

#include <sys/stat.h>
#include <unistd.h>

#include <thread>

#include "base/random.h"
#include "broker/agent_channel.h"
#include "local_cluster.h"

namespace isobar::testing {

using broker::EntryKind;
using broker::JobSpec;
using broker::JobStatus;
using broker::MirrorEntry;
using broker::MirrorOrder;
using ::testing::HasSubstr;

namespace {

/// All of a folder, as a caller would scan it.
std::vector<MirrorEntry> scan(const fs::path& root) {
  std::vector<MirrorEntry> entries;
  for (const auto& at : fs::recursive_directory_iterator(root)) {
    struct stat info {};
    EXPECT_EQ(::lstat(at.path().c_str(), &info), 0);
    MirrorEntry entry{.path = at.path().lexically_relative(root), .mode = info.st_mode & 07777U};
    entry.kind = S_ISDIR(info.st_mode) ? EntryKind::kFolder : S_ISLNK(info.st_mode) ? EntryKind::kSymlink : EntryKind::kFile;
    if (entry.kind == EntryKind::kSymlink) entry.target = fs::read_symlink(at.path());
    if (entry.kind == EntryKind::kFile) entry.size = static_cast<std::uint64_t>(info.st_size);
    entry.modified = Instant::from_unix_nanos(info.st_mtim.tv_sec * 1'000'000'000 + info.st_mtim.tv_nsec);
    entries.push_back(std::move(entry));
  }
  return entries;
}

class Source {
 public:
  Source() : root(fs::temp_directory_path() / ("isobar-source-" + secure_random_hex(6))) { fs::create_directories(root); }
  ~Source() { fs::remove_all(root); }
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;
  void put(const std::string& path, const std::string& content) const {
    fs::create_directories((root / path).parent_path());
    ASSERT_TRUE(write_file(root / path, content, Durability::kCache).ok());
  }
  MirrorOrder order(const std::string& destination = "~/sky_workdir") const { return {root, destination, scan(root)}; }
  fs::path root;
};

}  // namespace

TEST(NodeMirror, BringsATreeAndThenItsChanges) {
  const LocalCluster cluster;
  const Source source;
  source.put("train.py", "print('hi')");
  source.put("data/big", std::string(3'000'000, 'x'));
  source.put("data/empty", "");
  fs::create_symlink(".", source.root / "self");
  auto client = cluster.client();
  const auto first = client.mirror(source.order());
  ASSERT_TRUE(first.ok()) << first.error().message();
  EXPECT_EQ(first->files_received, 3U);
  EXPECT_EQ(cluster.run("test $(stat -c %s data/big) = 3000000 && cat train.py > made").job.status, JobStatus::kSucceeded);
  fs::remove(source.root / "train.py");
  source.put("data/big", "small");
  const auto second = client.mirror(source.order());
  ASSERT_TRUE(second.ok()) << second.error().message();
  EXPECT_EQ(second->files_received, 1U);
  EXPECT_EQ(second->files_kept, 1U);
  EXPECT_EQ(second->removed, 1U);
  EXPECT_EQ(cluster.run("test ! -e train.py && test -e made && test \"$(cat data/big)\" = small && test -L self").job.status,
            JobStatus::kSucceeded);
}

TEST(NodeMirror, ManyFilesGoInOneGo) {
  const LocalCluster cluster;
  const Source source;
  for (int i = 0; i < 5000; ++i) source.put(fmt::format("d{}/f{}", i % 50, i), fmt::format("{}", i));
  const auto start = std::chrono::steady_clock::now();
  const auto report = cluster.client().mirror(source.order());
  ASSERT_TRUE(report.ok()) << report.error().message();
  EXPECT_EQ(report->files_received, 5000U);
  EXPECT_LT(std::chrono::steady_clock::now() - start, 20s);
}

TEST(NodeMirror, ContentDecidesWhereTimesDoNot) {
  const LocalCluster cluster;
  const Source source;
  source.put("a", "same");
  auto order = source.order();
  auto client = cluster.client();
  ASSERT_TRUE(client.mirror(order).ok());
  order.entries[0].modified = Instant::from_unix_seconds(5);
  order.compare = broker::MirrorCompare::kContent;
  EXPECT_EQ(client.mirror(order).value().files_received, 0U);
  source.put("a", "diff");
  EXPECT_EQ(client.mirror(order).value().files_received, 1U);
}

TEST(NodeMirror, ASourceThatShrinksMeanwhileIsAnErrorAndTheNextRepairs) {
  const LocalCluster cluster;
  const Source source;
  source.put("a", "1234567890");
  auto order = source.order();
  source.put("a", "123");
  auto client = cluster.client();
  const auto failed = client.mirror(order);
  ASSERT_FALSE(failed.ok());
  EXPECT_THAT(failed.error().message(), HasSubstr("became shorter"));
  EXPECT_FALSE(fs::exists(cluster.home() / "sky_workdir" / "a"));
  EXPECT_TRUE(client.mirror(source.order()).ok());
  EXPECT_EQ(read_file(cluster.home() / "sky_workdir" / "a").value(), "123");
}

TEST(NodeMirror, TheNodesReasonReachesTheCaller) {
  const LocalCluster cluster;
  const Source source;
  source.put("x/deep", std::string(5'000'000, 'y'));
  ASSERT_TRUE(write_file(cluster.home() / "sky_workdir", "a file stands here").ok());
  const auto failed = cluster.client().mirror(source.order("~/sky_workdir/sub"));
  ASSERT_FALSE(failed.ok());
  EXPECT_THAT(failed.error().message(), HasSubstr("sky_workdir"));
}

TEST(NodeAgent, HostileBytesEndTheirOwnConversationAlone) {
  const LocalCluster cluster;
  const auto address = "unix:" + (cluster.folder() / "agent.sock").string();
  const auto agent = cluster.agent_pid();
  Random random(7);
  for (int round = 0; round < 200; ++round) {
    broker::Channel raw(broker::dial(address).value());
    std::string bytes(random.below(300), '\0');
    for (auto& byte : bytes) byte = static_cast<char>(random.next());
    (void)raw.send(bytes, 1s).ok();
    const Fd torn(broker::dial(address).value());
    (void)write_all(torn.get(), bytes.substr(0, random.below(6))).ok();
  }
  EXPECT_EQ(cluster.run("true").job.status, JobStatus::kSucceeded);
  EXPECT_EQ(cluster.agent_pid(), agent) << "the agent is still the same";
}

TEST(NodeAgent, AnotherProtocolIsToldSo) {
  const LocalCluster cluster;
  broker::Channel raw(broker::dial("unix:" + (cluster.folder() / "agent.sock").string()).value());
  ASSERT_TRUE(raw.send(encode(broker::RequestFrame{1, broker::Hello{999, ""}}), 1s).ok());
  const auto reply = broker::decode_reply(raw.receive(5s).value()).value();
  EXPECT_EQ(std::get<broker::Failure>(reply.body).code, Code::kConflict);
}

TEST(NodeAgent, NobodySpeaksBeforeGreeting) {
  const LocalCluster cluster;
  broker::Channel raw(broker::dial("unix:" + (cluster.folder() / "agent.sock").string()).value());
  ASSERT_TRUE(raw.send(encode(broker::RequestFrame{1, broker::CancelJobs{{}, true}}), 1s).ok());
  const auto reply = broker::decode_reply(raw.receive(5s).value()).value();
  EXPECT_EQ(std::get<broker::Failure>(reply.body).code, Code::kPermissionDenied);
}

TEST(NodeAgent, AWorkerSendsClientsToItsHead) {
  const LocalCluster cluster(2);
  const auto refused = cluster.client(1).submit(JobSpec{.name = "x", .run = "true"});
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message(), HasSubstr("ask its head"));
}

TEST(NodeAgent, TellsItsStatus) {
  const LocalCluster cluster(2, "status");
  auto client = cluster.client();
  EXPECT_EQ(client.welcome().cluster, "status");
  ASSERT_TRUE(eventually([&] { return client.status().value().nodes_connected == 2; }));
  cluster.submit(JobSpec{.name = "a", .cpus = 4, .run = "sleep 1000"});
  cluster.submit(JobSpec{.name = "b", .num_nodes = 2, .cpus = 4, .run = "sleep 1000"});
  const auto status = client.status().value();
  EXPECT_EQ(status.nodes, 2);
  EXPECT_EQ(status.running, 1U);
  EXPECT_EQ(status.pending, 1U);
  EXPECT_FALSE(status.idle_since);
}

TEST(NodeAgent, AHomeThatCannotBeWrittenIsAClearFailure) {
  LocalCluster cluster;
  ASSERT_TRUE(cluster.provider().stop("test", 10s).ok());
  // A job table that cannot be opened: its folder is a file.
  fs::remove_all(cluster.home() / ".isobar" / "jobs");
  ASSERT_TRUE(write_file(cluster.home() / ".isobar" / "jobs", "").ok());
  const auto started = cluster.provider().start("test", 5s);
  ASSERT_FALSE(started.ok());
  EXPECT_THAT(started.error().message(), HasSubstr("the agent cannot run: open the job table"));
}

}  // namespace isobar::testing
