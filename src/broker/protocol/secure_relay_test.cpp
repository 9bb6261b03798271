#include "broker/secure_relay.h"

#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <thread>

#include "broker/agent_channel.h"

namespace isobar::broker {
namespace {

/// An agent that says back whatever it hears, to one caller after the other.
class Echo {
 public:
  Echo() : address_("unix:" + testing::TempDir() + "/echo." + std::to_string(::getpid())), listener_(listen_at(address_).value()) {
    thread_ = std::thread([this] { run(); });
  }
  ~Echo() {
    over_ = true;
    thread_.join();
  }
  const std::string& address() const { return address_; }
  int callers() const { return callers_; }

 private:
  void run() {
    std::vector<std::thread> talks;
    while (!over_) {
      auto caller = accept_from(listener_).value();
      if (!caller) {
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
        continue;
      }
      ++callers_;
      talks.emplace_back([caller = std::move(*caller)]() mutable {
        Channel channel(std::move(caller));
        for (;;) {
          const auto heard = channel.receive(std::chrono::seconds(20));
          if (!heard.ok() || !channel.send(*heard, std::chrono::seconds(20)).ok()) return;
        }
      });
    }
    for (auto& talk : talks) talk.join();
  }
  std::string address_;
  Fd listener_;
  std::atomic<bool> over_{false};
  std::atomic<int> callers_{0};
  std::thread thread_;
};

Result<std::string> ask(std::uint16_t port, const std::string& key, const std::string& words) {
  TRY_ASSIGN(auto socket, dial("tls:127.0.0.1:" + std::to_string(port), key));
  Channel channel(std::move(socket));
  TRY(channel.send(words, std::chrono::seconds(20)));
  return channel.receive(std::chrono::seconds(20));
}

TEST(SecureRelay, CarriesConversationsWholeBothWays) {
  Echo echo;
  const auto server = RelayServer::start(0, "the key", echo.address()).value();
  EXPECT_EQ(ask(server->port(), "the key", "hello").value(), "hello");
  const std::string large(8 << 20, 'x');
  EXPECT_EQ(ask(server->port(), "the key", large).value(), large);
}

TEST(SecureRelay, ManyConversationsAtOnceDoNotMix) {
  Echo echo;
  const auto server = RelayServer::start(0, "the key", echo.address()).value();
  std::vector<std::thread> callers;
  for (int i = 0; i < 24; ++i)
    callers.emplace_back([&, i] {
      const std::string words(100'000 + i, static_cast<char>('a' + i));
      EXPECT_EQ(ask(server->port(), "the key", words).value(), words);
    });
  for (auto& caller : callers) caller.join();
}

TEST(SecureRelay, WhoDoesNotKnowTheKeyGetsNoWordThrough) {
  Echo echo;
  const auto server = RelayServer::start(0, "the key", echo.address()).value();
  const auto answer = ask(server->port(), "another key", "let me in");
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().code(), Code::kUnavailable);
  // Nor does one that speaks no TLS at all, and neither keeps others out.
  const Fd plain(::socket(AF_INET, SOCK_STREAM, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(server->port());
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(::connect(plain.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  ASSERT_TRUE(write_all(plain.get(), "GET / HTTP/1.0\r\n\r\n").ok());
  std::array<char, 64> heard{};
  while (::read(plain.get(), heard.data(), heard.size()) > 0) {}
  EXPECT_EQ(echo.callers(), 0);
  EXPECT_EQ(ask(server->port(), "the key", "hello").value(), "hello");
}

TEST(SecureRelay, AServerWithAnotherKeyIsNotSpokenTo) {
  Echo echo;
  const auto impostor = RelayServer::start(0, "a guess", echo.address()).value();
  EXPECT_FALSE(ask(impostor->port(), "the key", "secret words").ok());
  EXPECT_EQ(echo.callers(), 0);
}

TEST(SecureRelay, APortThatIsTakenIsSaid) {
  Echo echo;
  const auto server = RelayServer::start(0, "k", echo.address()).value();
  EXPECT_EQ(RelayServer::start(server->port(), "k", echo.address()).error().code(), Code::kAlreadyExists);
  EXPECT_EQ(RelayServer::start(0, "", echo.address()).error().code(), Code::kInvalidArgument);
}

TEST(SecureRelay, AnAddressThatIsNoneIsRefused) {
  for (const char* bad : {"tls:", "tls:host", "tls:host:", "tls:host:0", "tls:host:65536", "tls::22", "tls:host:2x"})
    EXPECT_EQ(dial(bad, "k").error().code(), Code::kInvalidArgument) << bad;
}

}  // namespace
}  // namespace isobar::broker
