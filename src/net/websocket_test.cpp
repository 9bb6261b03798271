#include "net/websocket.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "loopback_for_tests.h"
#include "websocket_frames.h"

namespace isobar::net {
namespace {

using testing::HasSubstr;

std::string server_frame(unsigned first, std::string_view payload) {
  std::string frame(1, static_cast<char>(first));
  if (payload.size() < 126) frame += static_cast<char>(payload.size());
  else frame += {static_cast<char>(126), static_cast<char>(payload.size() >> 8), static_cast<char>(payload.size())};
  return frame + std::string(payload);
}

std::vector<std::string> messages(std::string_view bytes) {
  WebSocketParser parser(1 << 20);
  std::vector<std::string> out;
  for (const char byte : bytes) {
    parser.feed({&byte, 1});
    auto next = parser.next();
    if (!next.ok()) out.push_back("error: " + next.error().message());
    if (!next.ok()) break;
    if (*next) out.push_back((*next)->payload);
  }
  return out;
}

TEST(WebSocketFrames, TheExamplesOfTheStandardAreReadAndWritten) {
  EXPECT_EQ(encode_websocket_frame(WebSocketOpcode::kText, "Hello", {0x37, 0xfa, 0x21, 0x3d}),
            "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58");
  EXPECT_THAT(messages("\x81\x05Hello"), testing::ElementsAre("Hello"));
  EXPECT_THAT(messages(std::string("\x01\x03Hel\x80\x02lo", 9)), testing::ElementsAre("Hello"));
  EXPECT_EQ(websocket_accept_of("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

TEST(WebSocketFrames, LengthsOfEveryFormAreWrittenAsTheyAreRead) {
  for (const std::size_t bytes : {0U, 125U, 126U, 65'535U, 65'536U}) {
    const std::string payload(bytes, 'x');
    auto frame = encode_websocket_frame(WebSocketOpcode::kBinary, payload, {0, 0, 0, 0});
    // What a server would send: the same without mask.
    frame[1] = static_cast<char>(static_cast<unsigned char>(frame[1]) & 0x7f);
    frame.erase(frame.size() - bytes - 4, 4);
    EXPECT_EQ(messages(frame), std::vector<std::string>{payload}) << bytes;
  }
}

TEST(WebSocketFrames, WhatNoServerMaySendIsRefused) {
  EXPECT_THAT(messages(std::string("\x82\x81\0\0\0\0x", 7)).back(), HasSubstr("masked"));
  EXPECT_THAT(messages("\xc2\x01x").back(), HasSubstr("extension"));
  EXPECT_THAT(messages("\x83\x01x").back(), HasSubstr("unknown kind"));
  EXPECT_THAT(messages("\x80\x01x").back(), HasSubstr("continuation of nothing"));
  EXPECT_THAT(messages(std::string("\x02\x01x\x82\x01y", 6)).back(), HasSubstr("within another"));
  EXPECT_THAT(messages(std::string("\x09\0", 2)).back(), HasSubstr("control frame"));
  EXPECT_THAT(messages("\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff").back(), HasSubstr("at most"));
}

/// A loop on a thread of its own.
class WebSocketTest : public testing::Test {
 protected:
  WebSocketTest() : loop_(std::move(Loop::create()).value()), thread_([this] { loop_->run(); }) {}
  ~WebSocketTest() override {
    loop_->stop();
    thread_.join();
  }

  Result<WebSocketOpening> open(std::uint16_t port, Duration silence_max = 10s) {
    std::promise<Result<WebSocketOpening>> opened;
    loop_->post([&] {
      WebSocketRequest request{.url = {"http", "127.0.0.1", port, "/exec?x=1"}, .headers = {{"Authorization", "Bearer t"}}};
      request.protocols = {"v5", "v4"};
      open_websocket(*loop_, std::move(request), 5s, silence_max, [&](auto outcome) { opened.set_value(std::move(outcome)); });
    });
    return opened.get_future().get();
  }

  Result<std::optional<std::string>> read(const std::shared_ptr<WebSocket>& socket) {
    std::promise<Result<std::optional<std::string>>> done;
    loop_->post([&] { socket->read([&](auto message) { done.set_value(std::move(message)); }); });
    return done.get_future().get();
  }

  Status write(const std::shared_ptr<WebSocket>& socket, std::string_view message) {
    std::promise<Status> done;
    loop_->post([&] { socket->write(message, [&](Status sent) { done.set_value(std::move(sent)); }); });
    return done.get_future().get();
  }

  void close(std::shared_ptr<WebSocket> socket) {
    std::promise<void> done;
    loop_->post([&] {
      socket->shut_down();
      socket.reset();
      done.set_value();
    });
    done.get_future().get();
  }

  std::unique_ptr<Loop> loop_;
  std::thread thread_;
};

/// One connection to a server that does as the test says.
class Server {
 public:
  explicit Server(std::function<void(int fd, const std::string& head)> serve) {
    listener_ = listen_on_loopback(port_);
    thread_ = std::thread([this, serve = std::move(serve)] {
      const Fd socket(::accept(listener_.get(), nullptr, nullptr));
      std::string head;
      for (char byte = 0; !head.ends_with("\r\n\r\n") && ::recv(socket.get(), &byte, 1, 0) == 1;) head += byte;
      serve(socket.get(), head);
    });
  }
  ~Server() { thread_.join(); }
  std::uint16_t port() const { return port_; }

  static void agree(int fd, const std::string& head) {
    const std::string name = "Sec-WebSocket-Key: ";
    const auto at = head.find(name) + name.size();
    (void)write_all(fd,
                    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Protocol: v4\r\n"
                    "Sec-WebSocket-Accept: " +
                        websocket_accept_of(head.substr(at, head.find("\r\n", at) - at)) + "\r\n\r\n")
        .ok();
  }
  static std::string receive(int fd, std::size_t bytes) {
    std::string got(bytes, '\0');
    if (::recv(fd, got.data(), bytes, MSG_WAITALL) != static_cast<ssize_t>(bytes)) return "cut";
    return got;
  }

 private:
  std::uint16_t port_ = 0;
  Fd listener_;
  std::thread thread_;
};

TEST_F(WebSocketTest, CarriesMessagesBothWaysAndAnswersPings) {
  std::string asked, said, pong;
  Server server([&](int fd, const std::string& head) {
    asked = head;
    Server::agree(fd, head);
    (void)write_all(fd, server_frame(0x82, "one") + server_frame(0x89, "pi") + server_frame(0x82, std::string(300, 'y'))).ok();
    pong = Server::receive(fd, 8);
    said = Server::receive(fd, 6 + 5);
    (void)write_all(fd, server_frame(0x88, "")).ok();
  });
  auto opened = open(server.port());
  ASSERT_TRUE(opened.ok()) << opened.error().message();
  auto socket = opened->socket;
  ASSERT_TRUE(socket);
  EXPECT_EQ(socket->protocol(), "v4");
  EXPECT_EQ(read(socket).value(), "one");
  EXPECT_EQ(read(socket).value(), std::string(300, 'y'));
  EXPECT_TRUE(write(socket, "hello").ok());
  EXPECT_EQ(read(socket).value(), std::nullopt);
  opened->socket.reset();
  close(std::move(socket));
  EXPECT_THAT(asked, testing::AllOf(HasSubstr("GET /exec?x=1 HTTP/1.1\r\n"), HasSubstr("Sec-WebSocket-Protocol: v5, v4\r\n"),
                                    HasSubstr("Authorization: Bearer t\r\n")));
  EXPECT_EQ(static_cast<unsigned char>(pong[0]), 0x8a);
  EXPECT_EQ(static_cast<unsigned char>(said[0]), 0x82);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(said[6 + i] ^ said[2 + i % 4], "hello"[i]);
}

TEST_F(WebSocketTest, ARefusalIsHandedOverWithWhatItSays) {
  Server server(
      [&](int fd, const std::string&) { (void)write_all(fd, "HTTP/1.1 403 Forbidden\r\nContent-Length: 9\r\n\r\nforbidden").ok(); });
  const auto opened = open(server.port());
  ASSERT_TRUE(opened.ok()) << opened.error().message();
  EXPECT_FALSE(opened->socket);
  EXPECT_EQ(opened->refusal.status, 403);
  EXPECT_EQ(opened->refusal.body, "forbidden");
}

TEST_F(WebSocketTest, AServerThatAgreesToSomethingElseIsNotTrusted) {
  Server server([&](int fd, const std::string&) {
    (void)write_all(fd, "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: nonsense\r\n\r\n").ok();
  });
  EXPECT_EQ(open(server.port()).error().code(), Code::kDataLoss);
}

TEST_F(WebSocketTest, AServerThatFallsSilentIsNoticed) {
  std::promise<void> over;
  Server server([&](int fd, const std::string& head) {
    Server::agree(fd, head);
    over.get_future().wait();  // reads nothing, answers no ping
  });
  auto opened = open(server.port(), 200ms);
  ASSERT_TRUE(opened.ok());
  auto socket = std::move(opened->socket);
  const auto message = read(socket);
  over.set_value();
  ASSERT_FALSE(message.ok());
  EXPECT_THAT(message.error().message(), HasSubstr("nothing was heard"));
  close(std::move(socket));
}

}  // namespace
}  // namespace isobar::net
