#pragma once

#include "connection.h"
#include "http_reader.h"

namespace isobar::features {

/// HTTP/1.1 on a connection: one request after another, each answered before the next is taken; those that were sent ahead wait.
class HttpSession final : public Session {
 public:
  /// connection   what is told when an answer comes later
  HttpSession(std::weak_ptr<Connection> connection, net::Loop& loop, const HttpHandler& handler, std::size_t body_most);
  void collect(std::string& out) override;
  std::size_t take(std::string_view bytes, std::string& out) override;
  bool awaits() const override { return awaited_ != nullptr; }
  bool partial() const override { return reader_.begun(); }
  std::uint64_t requests() const override { return requests_; }
  bool ended() const override { return ended_ && !awaited_; }
  bool may_idle() const override { return false; }

 private:
  struct Awaited {
    std::optional<HttpAnswer> answer;
    const std::thread::id thread = std::this_thread::get_id();
    bool handing_over = true;  // the handler has not returned yet; known on that thread
  };
  void hand_over(std::string& out);
  void refuse(std::string& out);

  std::weak_ptr<Connection> connection_;
  net::Loop& loop_;
  const HttpHandler& handler_;
  HttpReader reader_;
  std::shared_ptr<Awaited> awaited_;
  std::uint64_t requests_ = 0;
  bool ended_ = false, head_ = false;
};

}  // namespace isobar::features
