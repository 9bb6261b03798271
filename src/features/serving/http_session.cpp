#include "http_session.h"

#include "feast_error.h"

namespace isobar::features {

HttpSession::HttpSession(std::weak_ptr<Connection> connection, net::Loop& loop, const HttpHandler& handler, std::size_t body_most)
    : connection_(std::move(connection)), loop_(loop), handler_(handler), reader_(body_most) {}

std::size_t HttpSession::take(std::string_view bytes, std::string& out) {
  if (awaited_ || ended_) return 0;
  const std::size_t taken = reader_.take(bytes);
  if (reader_.refusal()) {
    refuse(out);
    return bytes.size();  // whatever follows is not to be understood
  }
  if (reader_.wants_continue()) out += "HTTP/1.1 100 Continue\r\n\r\n";
  if (reader_.done()) hand_over(out);
  return taken;
}

void HttpSession::refuse(std::string& out) {
  append_answer(out, feast_error(reader_.refusal()->status, "FeastError", reader_.refusal()->message), true, false);
  ended_ = true;
}

void HttpSession::hand_over(std::string& out) {
  ++requests_;
  ended_ = !reader_.keep_alive();
  HttpRequest request = reader_.release();
  head_ = request.method == "HEAD";
  awaited_ = std::make_shared<Awaited>();
  handler_(std::move(request), [awaited = awaited_, connection = connection_, &loop = loop_](HttpAnswer answer) {
    if (awaited->thread == std::this_thread::get_id() && awaited->handing_over) {
      awaited->answer = std::move(answer);
      return;
    }
    // The server waits for all that is handed over before its loops end.
    loop.post([awaited, connection, answer = std::move(answer)]() mutable {
      awaited->answer = std::move(answer);
      if (const auto alive = connection.lock()) alive->go_on();
    });
  });
  awaited_->handing_over = false;
  collect(out);
}

void HttpSession::collect(std::string& out) {
  if (!awaited_ || !awaited_->answer) return;
  append_answer(out, *awaited_->answer, ended_, head_);
  awaited_ = nullptr;
}

}  // namespace isobar::features
