#include "net/key_exchange.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/listener.h"

namespace isobar::net {
namespace {

using testing::HasSubstr;

std::shared_ptr<Acquaintances> knowing(const Identity& self, const std::string& name, const Identity& other) {
  return *Acquaintances::make(self, {{other.fingerprint, name}});
}

// Both ends on one loop of the kind, over a real connection; `after` is what the caller sends as soon as it has its keys.
std::pair<Result<AgreedKeys>, Result<AgreedKeys>> meet(LoopKind kind, std::shared_ptr<Acquaintances> caller,
                                                       std::shared_ptr<Acquaintances> called, const std::string& expected,
                                                       Duration patience = 5s) {
  auto loop = Loop::create(kind).value();
  std::optional<Result<AgreedKeys>> of_caller, of_called;
  const auto check = [&] {
    if (of_caller && of_called) loop->stop();
  };
  auto opened = Listener::open(*loop, "127.0.0.1", 0, [&](Fd fd) {
    auto socket = std::make_shared<Fd>(std::move(fd));
    exchange_keys(*loop, socket, called, "", patience, [&, socket](Result<AgreedKeys> keys) {
      of_called = std::move(keys);
      loop->forget(socket->get());
      check();
    });
  });
  const auto listener = std::move(opened).value();
  auto socket = std::make_shared<Fd>(loop->make_socket(AF_INET).value());
  const Address address = *make_address("127.0.0.1", listener->port());
  loop->post([&] {
    loop->connect(socket->get(), address, [&](const Result<std::size_t>& connected) {
      ASSERT_TRUE(connected.ok());
      exchange_keys(*loop, socket, caller, expected, patience, [&](Result<AgreedKeys> keys) {
        of_caller = std::move(keys);
        ::send(socket->get(), "frames", 6, MSG_NOSIGNAL);
        check();
      });
    });
  });
  loop->run();
  loop->forget(socket->get());
  return {*of_caller, *of_called};
}

class KeyExchangeOn : public testing::TestWithParam<LoopKind> {};
INSTANTIATE_TEST_SUITE_P(Loops, KeyExchangeOn, testing::Values(LoopKind::kUring, LoopKind::kEpoll));

TEST_P(KeyExchangeOn, GivesBothSidesTheSameKeysAndOneAnothersNames) {
  const Identity a = make_identity("a"), b = make_identity("b");
  const auto [of_a, of_b] = meet(GetParam(), knowing(a, "b", b), knowing(b, "a", a), "b");
  ASSERT_TRUE(of_a.ok()) << of_a.error().message();
  ASSERT_TRUE(of_b.ok()) << of_b.error().message();
  EXPECT_EQ(of_a->peer, "b");
  EXPECT_EQ(of_b->peer, "a");
  EXPECT_EQ(of_a->send_key, of_b->receive_key);
  EXPECT_EQ(of_a->receive_key, of_b->send_key);
  EXPECT_NE(of_a->send_key, of_a->receive_key);
  // What comes right after the handshake is not TLS and not lost.
  EXPECT_THAT(of_b->early, testing::AnyOf("", "frames"));
}

TEST_P(KeyExchangeOn, RefusesWhomNobodyNamed) {
  const Identity a = make_identity("a"), b = make_identity("b"), stranger = make_identity("a");
  const auto [of_stranger, of_b] = meet(GetParam(), knowing(stranger, "b", b), knowing(b, "a", a), "b");
  EXPECT_EQ(of_b.error().code(), Code::kPermissionDenied);
  EXPECT_THAT(of_b.error().message(), HasSubstr("nobody that takes part"));
}

TEST_P(KeyExchangeOn, RefusesAnotherThanWasCalled) {
  const Identity a = make_identity("a"), b = make_identity("b");
  const auto [of_a, of_b] = meet(GetParam(), knowing(a, "b", b), knowing(b, "a", a), "c");
  EXPECT_EQ(of_a.error().code(), Code::kPermissionDenied);
  EXPECT_THAT(of_a.error().message(), HasSubstr("it is b, and c was called"));
}

TEST(KeyExchange, GivesUpOnWhoSaysNothing) {
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  Fd silent(ends[1]);
  const Identity a = make_identity("a");
  auto loop = Loop::create().value();
  std::optional<Result<AgreedKeys>> outcome;
  auto socket = std::make_shared<Fd>(ends[0]);
  loop->post([&] {
    exchange_keys(*loop, socket, knowing(a, "a", a), "", 50ms, [&](Result<AgreedKeys> keys) {
      outcome = std::move(keys);
      loop->stop();
    });
  });
  loop->run();
  EXPECT_EQ(outcome->error().code(), Code::kDeadlineExceeded);
}

TEST(KeyExchange, RefusesWhoSpeaksOtherwise) {
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  Fd other(ends[1]);
  ASSERT_EQ(::write(other.get(), "GET / HTTP/1.1\r\n\r\n", 18), 18);
  const Identity a = make_identity("a");
  auto loop = Loop::create().value();
  std::optional<Result<AgreedKeys>> outcome;
  auto socket = std::make_shared<Fd>(ends[0]);
  loop->post([&] {
    exchange_keys(*loop, socket, knowing(a, "a", a), "", 5s, [&](Result<AgreedKeys> keys) {
      outcome = std::move(keys);
      loop->stop();
    });
  });
  loop->run();
  EXPECT_EQ(outcome->error().code(), Code::kPermissionDenied);
}

}  // namespace
}  // namespace isobar::net
