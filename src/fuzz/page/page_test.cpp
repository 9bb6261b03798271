#include "fuzz/page.h"

#include <gmock/gmock.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <boost/json.hpp>
#include <cstdlib>

namespace isobar::fuzz {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

std::string asked(std::uint16_t port, const std::string& request) {
  boost::asio::io_context loop;
  boost::asio::ip::tcp::socket socket(loop);
  socket.connect({boost::asio::ip::address_v4::loopback(), port});
  boost::asio::write(socket, boost::asio::buffer(request));
  std::string answer;
  boost::system::error_code ended;
  boost::asio::read(socket, boost::asio::dynamic_buffer(answer), ended);
  return answer;
}
std::string get(std::uint16_t port, const std::string& path, const std::string& host = "127.0.0.1:1") {
  return asked(port, "GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n");
}

TEST(Page, IsServedWithItsNumbersToThisMachineAlone) {
  auto server = PageServer::start(0);
  ASSERT_TRUE(server.ok());
  (*server)->show("{\"runs\":17}");
  const auto port = (*server)->port();
  EXPECT_THAT(get(port, "/data.json"), EndsWith("\r\n\r\n{\"runs\":17}"));
  EXPECT_THAT(get(port, "/"), HasSubstr("uPlot"));
  EXPECT_THAT(get(port, "/../etc/passwd"), StartsWith("HTTP/1.1 404"));
  EXPECT_THAT(get(port, "/data.json", "evil.example"), StartsWith("HTTP/1.1 403"));
  EXPECT_THAT(asked(port, "POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"), StartsWith("HTTP/1.1 405"));
  EXPECT_EQ(PageServer::start(port).error().code(), Code::kConflict);
}

class Histories : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "history-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    path_ = name;
  }
  void TearDown() override { fs::remove_all(path_); }
  fs::path path_;
};

Progress progress_at(Duration ran) {
  Progress progress;
  progress.ran = ran;
  progress.runs = 5;
  progress.goals = {{.name = "coverage", .is_plane = true, .keys = 2, .reached = 1},
                    {.name = "mem", .keys = 1, .reached = 1, .extreme = 7}};
  progress.goals[1].top = {{0, 7}};
  return progress;
}

TEST_F(Histories, AreGoneOnWithAndACutLineIsLeftOut) {
  auto history = History::open(path_);
  ASSERT_TRUE(history.ok());
  for (const Duration ran : {Duration(1s), Duration(1500ms), Duration(2s)}) ASSERT_TRUE(history->add(progress_at(ran)).ok());
  EXPECT_THAT(history->points(), SizeIs(2));
  auto text = read_file(path_ / "history.jsonl");
  ASSERT_TRUE(write_file(path_ / "history.jsonl", *text + "{\"seconds\":3,\"ru", Durability::kCache).ok());
  EXPECT_THAT(History::open(path_)->points(), SizeIs(2));
}

TEST_F(Histories, StandInOneFileWithNothingThatATargetCouldBreakOutOf) {
  auto history = History::open(path_);
  ASSERT_TRUE(history->add(progress_at(1s)).ok());
  TargetShape shape{.blocks = 2, .slots = 1};
  shape.domains = {{"mem", 0, 1}};
  const std::string data =
      page_json({.target = "</script><script>alert(1)", .command = "t", .folder = path_.string()}, progress_at(2s), shape, {}, *history);
  const auto parsed = boost::json::parse(data).as_object();
  EXPECT_EQ(parsed.at("history").as_array().size(), 1U);
  EXPECT_EQ(parsed.at("goals").at(1).at("top").at(0).at("value").to_number<int>(), 7);
  EXPECT_THAT(page_html(data), Not(HasSubstr("</script><script>alert(1)")));
}

}  // namespace
}  // namespace isobar::fuzz
