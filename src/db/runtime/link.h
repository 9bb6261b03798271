#pragma once

// A connection between two members. TLS 1.3 makes both prove who they are and gives the keys (net/key_exchange.h); then come records, each
// a length and a sealed text with any number of messages. Everything that is said to a peer in one turn of the loop goes out as one record
// with one call: many small messages cost little more than one (design 6.2: 7 µs alone, 0.45 µs together).

#include <functional>
#include <memory>
#include <string>

#include "crypto/aead.h"
#include "db/messages.h"
#include "net/key_exchange.h"
#include "net/loop.h"

namespace isobar::db {

class Link : public std::enable_shared_from_this<Link> {
 public:
  using Arrived = std::function<void(Message message)>;
  using Lost = std::function<void(const Error& why)>;

  Link(net::Loop& loop, std::shared_ptr<Fd> socket, net::AgreedKeys keys, Arrived arrived, Lost lost);
  ~Link();
  void start() { take_records(); }
  /// Dropped when the peer does not take what was said before; it will ask again.
  void send(const Message& message);
  /// Nothing more is told of it.
  void hang_up();

 private:
  static constexpr std::size_t kRecordMost = 64U << 20, kUnsentMost = 64U << 20, kReadBytes = 256U << 10;

  void take_records();
  bool take_record();
  void receive();
  void write_on();
  void send_rest();
  void fail(const Error& why);

  net::Loop& loop_;
  std::shared_ptr<Fd> socket_;
  crypto::Aead sealing_, opening_;
  std::uint64_t sealed_ = 0, opened_ = 0;
  Arrived arrived_;
  Lost lost_;
  std::string in_;  // bytes that came and are not opened yet
  std::string receiving_;
  std::string plain_;   // messages that wait for the end of the turn
  std::string record_;  // what is being sent
  std::size_t sent_ = 0;
  bool writing_ = false, alive_ = true;
};

}  // namespace isobar::db
