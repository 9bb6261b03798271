#pragma once

/// A user's session with Keystone: a token, kept until shortly before it expires.

#include <optional>

#include "answers.h"
#include "base/mutex.h"
#include "cloud/machine_cloud.h"
#include "net/http.h"
#include "openstack_access.h"

namespace isobar::cloud::openstack {

/// Safe from any thread.
class Keystone {
 public:
  struct Session {
    std::string token;
    Token told;
  };
  Keystone(Access access, net::HttpTransport& transport, Pace pace)
      : access_(std::move(access)), transport_(transport), pace_(std::move(pace)) {}

  /// Asks for a token when there is none, or none for long. What cannot be reached is tried for some ten seconds.
  /// Errors   kPermissionDenied: Keystone does not let this user in
  Result<Session> session();
  /// It was refused: the next one is new.
  void forget(const std::string& token);
  const Access& access() const { return access_; }

 private:
  Result<Session> ask();

  const Access access_;
  net::HttpTransport& transport_;
  const Pace pace_;
  Mutex mutex_;
  std::optional<Session> session_ GUARDED_BY(mutex_);
};

}  // namespace isobar::cloud::openstack
