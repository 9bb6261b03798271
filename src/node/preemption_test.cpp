// A node whose cloud announces that it takes the node away, on real agents; the metadata service is a stand-in of the documented protocol.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <atomic>
#include <mutex>
#include <thread>

#include "base/text.h"
#include "local_cluster.h"

namespace isobar::testing {

namespace {

/// EC2's metadata service (IMDSv2) at a port of this machine.
class MetadataServer {
 public:
  MetadataServer() {
    listener_.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    EXPECT_EQ(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(listener_.get(), 16), 0);
    EXPECT_EQ(::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ::ntohs(address.sin_port);
    thread_ = std::thread([this] { run(); });
  }
  ~MetadataServer() {
    ::shutdown(listener_.get(), SHUT_RDWR);
    thread_.join();
  }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  void announce(const std::string& action) {
    const std::scoped_lock lock(mutex_);
    action_ = action;
  }

 private:
  void run() {
    for (;;) {
      const Fd client(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!client) return;
      std::string request;
      char piece[4096];
      while (request.find("\r\n\r\n") == request.npos) {
        const auto count = ::read(client.get(), piece, sizeof piece);
        if (count <= 0) break;
        request.append(piece, static_cast<std::size_t>(count));
      }
      (void)write_all(client.get(), answer(to_lower(request))).ok();
    }
  }
  std::string answer(const std::string& request) {
    const auto reply = [](int status, const std::string& body) {
      return "HTTP/1.1 " + std::to_string(status) + " X\r\nConnection: close\r\nContent-Length: " + std::to_string(body.size()) +
             "\r\n\r\n" + body;
    };
    if (request.starts_with("put /latest/api/token")) return reply(200, "SESSION");
    if (request.find("x-aws-ec2-metadata-token: session") == request.npos) return reply(401, "");
    const std::scoped_lock lock(mutex_);
    if (!request.starts_with("get /latest/meta-data/spot/instance-action ") || action_.empty()) return reply(404, "");
    return reply(200, action_);
  }

  Fd listener_;
  std::uint16_t port_ = 0;
  std::mutex mutex_;
  std::string action_;
  std::thread thread_;
};

/// Has a node's agent begin again with this in its config, as a driver would have written it.
void watch(const LocalCluster& cluster, int rank, const std::string& url) {
  const auto file = cluster.folder(rank) / "config.json";
  std::string config = read_file(file).value();
  const std::string key = R"("environment":{)";
  const auto at = config.find(key);
  ASSERT_NE(at, config.npos) << config;
  const bool alone = config[at + key.size()] == '}';
  config.insert(at + key.size(), R"("ISOBAR_PREEMPTION_WATCH":"aws )" + url + (alone ? "\"" : "\","));
  ASSERT_TRUE(write_file(file, config, Durability::kCache, 0600).ok());
  kill_hard(cluster.agent_pid(rank));
}

}  // namespace

TEST(LocalPreemption, IsToldToTheJobsOnTheNodeAndToWhoeverAsksTheHead) {
  const LocalCluster cluster(2);
  MetadataServer service;
  for (int rank = 0; rank < 2; ++rank) watch(cluster, rank, service.url());
  ASSERT_TRUE(eventually([&] { return cluster.client().status().value().nodes_connected == 2; }));
  const auto id = cluster.submit(broker::JobSpec{
      .name = "train",
      .num_nodes = 2,
      .run = "echo begun; while [ ! -e $ISOBAR_PREEMPTION_NOTICE ]; do sleep 0.1; done; echo saves for $(cat $ISOBAR_PREEMPTION_NOTICE)"});
  ASSERT_TRUE(cluster.reaches(id, broker::JobStatus::kRunning));
  EXPECT_TRUE(cluster.client().status().value().notices.empty());
  service.announce(R"({"action": "terminate", "time": "2099-09-18T08:22:00Z"})");
  const auto outcome = cluster.wait(id);
  EXPECT_EQ(outcome.job.status, broker::JobStatus::kSucceeded);
  EXPECT_THAT(outcome.log, ::testing::HasSubstr(R"(saves for {"rank":0,"what":"terminate","at":"2099-09-18T08:22:00Z"})"));
  EXPECT_THAT(outcome.log, ::testing::HasSubstr(R"(saves for {"rank":1,)"));
  ASSERT_TRUE(eventually([&] { return cluster.client().status().value().notices.size() == 2; })) << "the head knows of its workers, too";
  const auto notices = cluster.client().status().value().notices;
  for (const auto& notice : notices) EXPECT_THAT(broker::describe(notice), ::testing::HasSubstr("will be taken away at 2099-09-18"));
  kill_hard(cluster.agent_pid(1));
  ASSERT_TRUE(eventually([&] { return cluster.client(1).status().value().notices.size() == 1; }))
      << "an agent that begins again still knows";
}

TEST(LocalPreemption, IsNotWatchedWhereNobodySaysSo) {
  const LocalCluster cluster;
  EXPECT_THAT(cluster.run("echo notice ${ISOBAR_PREEMPTION_NOTICE-none}").log, ::testing::HasSubstr("notice none"));
}

}  // namespace isobar::testing
