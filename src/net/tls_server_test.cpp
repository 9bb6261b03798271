// A server of ours under TLS, asked by a client of ours.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <thread>

#include "base/await.h"
#include "certificates_for_tests.h"
#include "loopback_for_tests.h"
#include "net/http_client.h"
#include "net/listener.h"

namespace isobar::net {
namespace {

using testing::HasSubstr;

std::string key_pem_of(const Certificate& certificate) {
  const Owned<BIO> text(BIO_new(BIO_s_mem()), BIO_free_all);
  PEM_write_bio_PrivateKey(text.get(), certificate.key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(text.get(), &bytes);
  return {bytes, static_cast<std::size_t>(size)};
}

/// Answers every request with "hello", on a loop of its own.
class HelloUnderTls {
 public:
  HelloUnderTls(std::shared_ptr<TlsContext> context, Duration patience) {
    auto made = Loop::create();
    CHECK(made.ok());
    loop_ = std::move(*made);
    thread_ = std::thread([this] { loop_->run(); });
    auto opened = await_outcome<std::unique_ptr<Listener>>([&](auto done) {
      loop_->post([this, context, patience, done] {
        done(Listener::open(*loop_, "127.0.0.1", 0, [this, context, patience](Fd socket) {
          accept_tls(*loop_, make_tcp_stream(*loop_, std::move(socket)), context, patience, [this](Result<std::shared_ptr<Stream>> stream) {
            outcome = stream.ok() ? Status() : Status(stream.error());
            if (stream.ok()) answer(*stream);
            ended = true;
          });
        }));
      });
    });
    CHECK(opened.ok());
    listener_ = std::move(*opened);
    port = listener_->port();
  }
  ~HelloUnderTls() {
    loop_->post([this] { listener_.reset(); });
    loop_->post([this] { loop_->stop(); });
    thread_.join();
  }
  std::uint16_t port = 0;
  Status outcome;
  std::atomic<bool> ended = false;

 private:
  void answer(const std::shared_ptr<Stream>& stream) {
    auto request = std::make_shared<std::string>(4096, '\0');
    stream->read(*request, [stream, request](const Result<std::size_t>& got) {
      if (!got.ok() || *got == 0) return;
      static constexpr std::string_view kHello = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
      stream->write({kHello}, [stream](const Status&) {});
    });
  }
  std::unique_ptr<Loop> loop_;
  std::unique_ptr<Listener> listener_;
  std::thread thread_;
};

TEST(TlsServer, ShowsItsCertificateAndIsHeard) {
  const Certificate ours = a_certificate_for("IP:127.0.0.1");
  const auto context = TlsContext::for_servers(pem_of(ours), key_pem_of(ours));
  ASSERT_TRUE(context.ok()) << context.error().message();
  HelloUnderTls server(*context, 5s);
  HttpClient::Options options;
  options.loops = 1;
  options.ca_pem = pem_of(ours);
  const auto client = HttpClient::create(std::move(options));
  ASSERT_TRUE(client.ok());
  HttpRequest request;
  request.url = {"https", "127.0.0.1", server.port, "/"};
  const auto response = (*client)->fetch(std::move(request));
  ASSERT_TRUE(response.ok()) << response.error().message();
  EXPECT_EQ(response->body, "hello");
}

TEST(TlsServer, WhoeverDoesNotShakeHandsIsLetGo) {
  const Certificate ours = a_certificate_for("IP:127.0.0.1");
  for (const std::string_view said : {"", "GET / HTTP/1.1\r\n\r\n"}) {
    HelloUnderTls server(*TlsContext::for_servers(pem_of(ours), key_pem_of(ours)), 50ms);
    const Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const sockaddr_in address = loopback_address(server.port);
    ASSERT_EQ(::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    ASSERT_TRUE(write_all(socket.get(), said).ok());
    char byte = 0;
    while (::recv(socket.get(), &byte, 1, 0) > 0) continue;
    for (int i = 0; i < 500 && !server.ended; ++i) std::this_thread::sleep_for(10ms);
    ASSERT_TRUE(server.ended);
    EXPECT_EQ(server.outcome.error().code(), said.empty() ? Code::kDeadlineExceeded : Code::kUnavailable);
  }
}

TEST(TlsServer, NeedsACertificateAndItsOwnKey) {
  const Certificate ours = a_certificate_for("IP:127.0.0.1"), another = a_certificate_for("IP:127.0.0.1");
  EXPECT_EQ(TlsContext::for_servers("no PEM", key_pem_of(ours)).error().code(), Code::kInvalidArgument);
  EXPECT_THAT(TlsContext::for_servers(pem_of(ours), key_pem_of(another)).error().message(), HasSubstr("cannot be used together"));
}

}  // namespace
}  // namespace isobar::net
