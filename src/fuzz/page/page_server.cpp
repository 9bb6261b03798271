#include <fmt/format.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <thread>

#include "base/mutex.h"
#include "fuzz/page.h"

namespace isobar::fuzz {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using tcp = asio::ip::tcp;

constexpr std::size_t kConnectionsMax = 32;
constexpr auto kIdleMax = std::chrono::seconds(30);

/// One thread, and an event loop with a few connections: a person looks at it, or two.
class Server final : public PageServer {
 public:
  explicit Server(tcp::acceptor&& acceptor, std::unique_ptr<asio::io_context> loop)
      : loop_(std::move(loop)), acceptor_(std::move(acceptor)), html_(page_html("")) {
    accept();
    thread_ = std::thread([this] { loop_->run(); });
  }
  ~Server() override {
    loop_->stop();
    thread_.join();
  }
  std::uint16_t port() const override { return acceptor_.local_endpoint().port(); }
  void show(std::string json) override {
    const MutexLock lock(mutex_);
    json_ = std::move(json);
  }

 private:
  struct Connection {
    explicit Connection(tcp::socket socket) : stream(std::move(socket)) {}
    beast::tcp_stream stream;
    beast::flat_buffer buffer{16 << 10};
    http::request<http::empty_body> request;
    http::response<http::string_body> response;
  };

  void accept() {
    acceptor_.async_accept([this](boost::system::error_code wrong, tcp::socket socket) {
      if (!wrong && connections_ < kConnectionsMax) {
        auto connection = std::shared_ptr<Connection>(new Connection(std::move(socket)), [this](Connection* gone) {
          --connections_;
          delete gone;
        });
        ++connections_;
        read(connection);
      }
      accept();
    });
  }
  void read(const std::shared_ptr<Connection>& connection) {
    connection->request = {};
    connection->stream.expires_after(kIdleMax);
    http::async_read(connection->stream, connection->buffer, connection->request,
                     [this, connection](boost::system::error_code wrong, std::size_t) {
                       if (!wrong) answer(connection);
                     });
  }
  void answer(const std::shared_ptr<Connection>& connection) {
    auto& response = connection->response;
    response = {http::status::ok, connection->request.version()};
    const auto path = connection->request.target();
    const bool asks = connection->request.method() == http::verb::get || connection->request.method() == http::verb::head;
    // A page elsewhere may send a browser here under a name of its own; it is told nothing.
    if (!asks || !is_local(connection->request[http::field::host])) {
      response.result(asks ? http::status::forbidden : http::status::method_not_allowed);
    } else if (path == "/") {
      response.set(http::field::content_type, "text/html; charset=utf-8");
      response.body() = html_;
    } else if (path == "/data.json") {
      response.set(http::field::content_type, "application/json");
      const MutexLock lock(mutex_);
      response.body() = json_;
    } else {
      response.result(http::status::not_found);
    }
    response.set(http::field::cache_control, "no-store");
    response.keep_alive(connection->request.keep_alive());
    response.prepare_payload();
    if (connection->request.method() == http::verb::head) response.body().clear();
    http::async_write(connection->stream, response, [this, connection](boost::system::error_code wrong, std::size_t) {
      if (!wrong && connection->response.keep_alive()) read(connection);
    });
  }
  static bool is_local(std::string_view host) {
    const std::string_view name = host.substr(0, host.rfind(':'));
    return name == "127.0.0.1" || name == "localhost" || host == "localhost";
  }

  std::unique_ptr<asio::io_context> loop_;
  tcp::acceptor acceptor_;
  const std::string html_;
  std::size_t connections_ = 0;
  Mutex mutex_;
  std::string json_ GUARDED_BY(mutex_) = "{}";
  std::thread thread_;
};

}  // namespace

Result<std::unique_ptr<PageServer>> PageServer::start(std::uint16_t port) {
  auto loop = std::make_unique<asio::io_context>(1);
  tcp::acceptor acceptor(*loop);
  boost::system::error_code wrong;
  const tcp::endpoint here(asio::ip::address_v4::loopback(), port);
  acceptor.open(here.protocol(), wrong);
  if (!wrong) acceptor.set_option(asio::socket_base::reuse_address(true), wrong);
  if (!wrong) acceptor.bind(here, wrong);
  if (!wrong) acceptor.listen(16, wrong);
  if (wrong)
    return Error(Code::kConflict,
                 fmt::format("the page cannot be served on port {}: {}; another is given with --page, or 0 for one that is free", port,
                             wrong.message()));
  return std::unique_ptr<PageServer>(std::make_unique<Server>(std::move(acceptor), std::move(loop)));
}

}  // namespace isobar::fuzz
