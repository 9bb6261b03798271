// Sending and receiving go on side by side: a server may refuse a long body before it has read it. The exchange ends when
// both are at rest, since the kernel may hold the caller's memory until then.

#include "http_connection.h"

#include "proxy_tunnel.h"

namespace isobar::net {

void HttpConnection::run(std::shared_ptr<Exchange> exchange, Ended ended) {
  exchange_ = std::move(exchange);
  ended_ = std::move(ended);
  ++exchanges_;
  parser_ = std::make_unique<HttpParser>(exchange_->request.method == "HEAD");
  response_ = {};
  failure_.reset();
  sent_all_ = false;
  moved_ = loop_.now();
  write_next(exchange_->head, exchange_->body());
  read_next();
}

// In slices, so that a slow link shows that it moves.
void HttpConnection::write_next(std::string_view head, std::string_view rest) {
  const std::string_view slice = rest.substr(0, kSlice);
  writing_ = true;
  stream_->write({head, slice}, [self = shared_from_this(), rest = rest.substr(slice.size())](const Status& sent) {
    self->writing_ = false;
    self->moved_ = self->loop_.now();
    // When the server has hung up, what it said before that may still be on its way: the reader finds out.
    if (!sent.ok() || self->failure_ || self->parser_->done()) return self->settle();
    if (!rest.empty()) return self->write_next({}, rest);
    self->sent_all_ = true;
    self->settle();
  });
}

bool HttpConnection::goes_into_callers_memory() const {
  return !exchange_->request.into.empty() && parser_->status() >= 200 && parser_->status() < 300;
}

void HttpConnection::read_next() {
  std::span<char> into = buffer_;
  bool direct = false;
  const std::uint64_t left = parser_->direct_bytes();
  if (left > 0 && goes_into_callers_memory()) {
    const std::span<char> room = exchange_->request.into.subspan(static_cast<std::size_t>(response_.body_bytes));
    if (left > room.size())
      return fail(Error(Code::kDataLoss, fmt::format("the response has {} bytes, {} at most were asked for", parser_->content_length(),
                                                     exchange_->request.into.size())));
    into = room.first(static_cast<std::size_t>(left));
    direct = true;
  }
  reading_ = true;
  stream_->read(into, [self = shared_from_this(), direct](const Result<std::size_t>& got) {
    self->reading_ = false;
    if (self->failure_) return self->settle();
    if (!got.ok()) return self->fail(got.error());
    self->received(*got, direct);
  });
}

void HttpConnection::received(std::size_t bytes, bool direct) {
  moved_ = loop_.now();
  if (bytes == 0) {
    if (const Status ended = parser_->end(); !ended.ok()) return fail(ended.error());
  } else if (direct) {
    response_.body_bytes += bytes;
    parser_->skip(bytes);
  } else if (const Status taken = take(std::string_view(buffer_).substr(0, bytes)); !taken.ok()) {
    return fail(taken.error());
  }
  if (parser_->done()) settle();
  else read_next();
}

Status HttpConnection::take(std::string_view input) {
  while (!input.empty() && !parser_->done()) {
    TRY_ASSIGN(const auto step, parser_->feed(input));
    if (!step.body.empty()) TRY(keep(step.body));
    input.remove_prefix(step.consumed);
  }
  // More than one response to one request: whatever that is, the connection is out of step.
  if (!input.empty()) return Error(Code::kDataLoss, "the server sent more than its response");
  return {};
}

Status HttpConnection::keep(std::string_view body) {
  if (goes_into_callers_memory()) {
    const auto room = exchange_->request.into.subspan(static_cast<std::size_t>(response_.body_bytes));
    if (body.size() > room.size())
      return Error(Code::kDataLoss,
                   fmt::format("the response is longer than the {} bytes that were asked for", exchange_->request.into.size()));
    std::copy(body.begin(), body.end(), room.begin());
  } else {
    if (response_.body.size() + body.size() > exchange_->request.body_bytes_max)
      return Error(Code::kDataLoss, fmt::format("the response is longer than {} bytes", exchange_->request.body_bytes_max));
    response_.body += body;
  }
  response_.body_bytes += body.size();
  return {};
}

void HttpConnection::fail(Error error) {
  if (!failure_) failure_ = std::move(error);
  settle();
}

void HttpConnection::fail_if_stalled() {
  const Duration most = exchange_ ? exchange_->request.stall_max : kForever;
  if (loop_.now() - moved_ <= most) return;
  if (!failure_) failure_ = Error(Code::kDeadlineExceeded, fmt::format("nothing moved for {}", format_duration(most)));
  stream_->shut_down();
}

void HttpConnection::abandon() {
  if (!failure_) failure_ = unavailable("the client is shutting down");
  stream_->shut_down();
}

void HttpConnection::settle() {
  if (!exchange_) return;
  const bool over = failure_ || parser_->done();
  if (!over) return;
  if (reading_ || writing_) {
    // What still moves is cut short; it ends by itself then and comes back here.
    stream_->shut_down();
    return;
  }
  const bool stale =
      failure_ && exchanges_ > 1 && !parser_->started() && failure_->code() == Code::kUnavailable && exchange_->request.method != "POST";
  const bool reusable = !failure_ && sent_all_ && parser_->keeps_alive();
  const Ending ending = stale ? Ending::kStale : reusable ? Ending::kReusable : Ending::kClosed;
  Result<HttpResponse> outcome = HttpResponse{};
  if (failure_) {
    outcome = failure_->context(exchange_->request.url.authority());
    if (exchange_->said_to_proxy()) outcome = outcome.error().context(exchange_->proxy->name());
  } else if (exchange_->said_to_proxy() && parser_->status() == 407) {
    outcome = refused_by_proxy(407, *exchange_->proxy).context(exchange_->proxy->name());
  } else {
    response_.status = parser_->status();
    response_.headers = parser_->take_headers();
    outcome = std::move(response_);
  }
  exchange_.reset();
  if (ending != Ending::kReusable) stream_->shut_down();
  // The owner may drop the last reference to this connection in here.
  const auto self = shared_from_this();
  std::exchange(ended_, nullptr)(ending, std::move(outcome));
}

}  // namespace isobar::net
