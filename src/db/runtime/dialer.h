#pragma once

// Keeps a connection to one replica: made when it is first needed, made again when it breaks, after a pause that grows.

#include "db/cluster_file.h"
#include "link.h"

namespace isobar::db {

class Dialer : public std::enable_shared_from_this<Dialer> {
 public:
  Dialer(net::Loop& loop, Member member, std::shared_ptr<net::Acquaintances> acquaintances, Link::Arrived arrived)
      : loop_(loop), member_(std::move(member)), acquaintances_(std::move(acquaintances)), arrived_(std::move(arrived)) {}

  /// What is said while there is no connection is lost: the protocol asks again.
  void send(const Message& message);
  void dial();
  void hang_up();
  bool connected() const { return link_ != nullptr; }
  /// Why there is no connection; empty: there is, or none was tried.
  const std::string& problem() const { return problem_; }

 private:
  void exchange(const std::shared_ptr<Fd>& socket);
  void failed(const Error& why);

  net::Loop& loop_;
  Member member_;
  std::shared_ptr<net::Acquaintances> acquaintances_;
  Link::Arrived arrived_;
  std::shared_ptr<Link> link_;
  Duration pause_ = std::chrono::milliseconds(50);
  bool dialing_ = false, ended_ = false;
  std::string problem_;
};

}  // namespace isobar::db
