#include "link.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace isobar::db {

namespace {

void put_u32(char* out, std::size_t value) {
  for (int i = 0; i < 4; ++i) out[i] = static_cast<char>(value >> (8 * i));
}

std::size_t get_u32(const char* bytes) {
  std::size_t value = 0;
  for (int i = 3; i >= 0; --i) value = value << 8 | static_cast<std::uint8_t>(bytes[i]);
  return value;
}

}  // namespace

Link::Link(net::Loop& loop, std::shared_ptr<Fd> socket, net::AgreedKeys keys, Arrived arrived, Lost lost)
    : loop_(loop),
      socket_(std::move(socket)),
      sealing_(keys.send_key),
      opening_(keys.receive_key),
      arrived_(std::move(arrived)),
      lost_(std::move(lost)),
      in_(std::move(keys.early)),
      receiving_(kReadBytes, '\0') {
  const int one = 1;
  ::setsockopt(socket_->get(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

Link::~Link() { loop_.forget(socket_->get()); }

void Link::hang_up() {
  alive_ = false;
  ::shutdown(socket_->get(), SHUT_RDWR);
}

void Link::fail(const Error& why) {
  if (!std::exchange(alive_, false)) return;
  ::shutdown(socket_->get(), SHUT_RDWR);
  lost_(why);
}

void Link::take_records() {
  const auto self = shared_from_this();
  while (alive_ && take_record()) {}
  if (alive_) receive();
}

bool Link::take_record() {
  if (in_.size() < 4) return false;
  const std::size_t size = get_u32(in_.data());
  if (size < crypto::Aead::kTagBytes || size > kRecordMost) {
    fail(invalid("a record of an impossible length"));
    return false;
  }
  if (in_.size() < 4 + size) return false;
  const auto plain = opening_.open(crypto::make_nonce(0, opened_++), {}, std::string_view(in_).substr(4, size));
  in_.erase(0, 4 + size);
  if (!plain.ok()) {
    fail(plain.error());
    return false;
  }
  std::string_view rest = *plain;
  while (alive_ && !rest.empty()) {
    const std::size_t length = rest.size() < 4 ? rest.size() : get_u32(rest.data());
    if (rest.size() < 4 || length > rest.size() - 4) {
      fail(invalid("a record whose messages do not fill it"));
      return false;
    }
    auto message = decode_message(rest.substr(4, length));
    rest.remove_prefix(4 + length);
    if (!message.ok()) {
      fail(message.error());
      return false;
    }
    arrived_(std::move(*message));
  }
  return true;
}

void Link::receive() {
  loop_.receive(socket_->get(), receiving_, [self = shared_from_this()](const Result<std::size_t>& got) {
    if (!self->alive_) return;
    if (!got.ok()) return self->fail(got.error());
    if (*got == 0) return self->fail(unavailable("the other side closed the connection"));
    self->in_.append(self->receiving_, 0, *got);
    self->take_records();
  });
}

void Link::send(const Message& message) {
  if (!alive_ || plain_.size() > kUnsentMost) return;
  const std::string bytes = encode_message(message);
  char length[4];
  put_u32(length, bytes.size());
  plain_.append(length, sizeof length);
  plain_ += bytes;
  if (std::exchange(writing_, true)) return;
  loop_.post([self = shared_from_this()] { self->write_on(); });
}

void Link::write_on() {
  if (!alive_) return;
  if (plain_.empty()) {
    writing_ = false;
    return;
  }
  record_.resize(4 + plain_.size() + crypto::Aead::kTagBytes);
  put_u32(record_.data(), plain_.size() + crypto::Aead::kTagBytes);
  sealing_.seal(crypto::make_nonce(0, sealed_++), {}, plain_, record_.data() + 4);
  plain_.clear();
  sent_ = 0;
  send_rest();
}

void Link::send_rest() {
  const std::string_view rest = std::string_view(record_).substr(sent_);
  loop_.send(socket_->get(), std::span(&rest, 1), [self = shared_from_this()](const Result<std::size_t>& sent) {
    if (!self->alive_) return;
    if (!sent.ok()) return self->fail(sent.error());
    self->sent_ += *sent;
    if (self->sent_ < self->record_.size()) return self->send_rest();
    self->write_on();
  });
}

}  // namespace isobar::db
