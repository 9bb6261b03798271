#include "dialer.h"

#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>

#include "net/listener.h"

namespace isobar::db {

namespace {
constexpr Duration kPatience = std::chrono::seconds(5), kPauseMost = std::chrono::seconds(2);

/// The first address of a name. Blocks while the name is looked up, which for members' names is rare and short.
Result<net::Address> resolve_host(const std::string& host, std::uint16_t port) {
  if (auto numeric = net::make_address(host, port); numeric.ok()) return numeric;
  addrinfo hints{}, *found = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  if (const int error = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found); error != 0)
    return unavailable("the name '" + host + "' is unknown: " + ::gai_strerror(error));
  net::Address address;
  std::copy_n(reinterpret_cast<const char*>(found->ai_addr), found->ai_addrlen, reinterpret_cast<char*>(&address.storage));
  address.bytes = found->ai_addrlen;
  ::freeaddrinfo(found);
  return address;
}
}  // namespace

void Dialer::send(const Message& message) {
  if (link_) link_->send(message);
  else dial();
}

void Dialer::dial() {
  if (dialing_ || link_ || ended_) return;
  dialing_ = true;
  auto address = resolve_host(member_.host, member_.port);
  if (!address.ok()) return failed(address.error());
  auto made = loop_.make_socket(address->storage.ss_family);
  if (!made.ok()) return failed(made.error());
  auto socket = std::make_shared<Fd>(std::move(*made));
  loop_.connect(socket->get(), *address, [self = shared_from_this(), socket](const Result<std::size_t>& done) {
    if (!done.ok()) {
      self->loop_.forget(socket->get());
      return self->failed(done.error());
    }
    self->exchange(socket);
  });
}

void Dialer::exchange(const std::shared_ptr<Fd>& socket) {
  net::exchange_keys(
      loop_, socket, acquaintances_, member_.name, kPatience, [self = shared_from_this(), socket](Result<net::AgreedKeys> keys) {
        if (!keys.ok()) {
          self->loop_.forget(socket->get());
          return self->failed(keys.error());
        }
        if (self->ended_) return;
        self->dialing_ = false;
        self->pause_ = std::chrono::milliseconds(50);
        self->problem_.clear();
        self->link_ = std::make_shared<Link>(self->loop_, socket, std::move(*keys), self->arrived_, [self](const Error& why) {
          self->link_.reset();
          self->failed(why);
        });
        self->link_->start();
      });
}

void Dialer::failed(const Error& why) {
  problem_ = why.message();
  if (ended_) return;
  dialing_ = true;  // until the pause is over
  loop_.after(pause_, [self = shared_from_this()] {
    self->dialing_ = false;
    self->dial();
  });
  pause_ = std::min(pause_ * 2, kPauseMost);
}

void Dialer::hang_up() {
  ended_ = true;
  if (link_) link_->hang_up();
  link_.reset();
}

}  // namespace isobar::db
