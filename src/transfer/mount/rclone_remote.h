#pragma once

/// A place in a store, and what lets one in, as a remote of rclone's.

#include <map>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/time.h"
#include "net/http.h"
#include "storage/location.h"
#include "storage/surroundings.h"
#include "transfer/mount_order.h"

namespace isobar::transfer {

struct RcloneRemote {
  std::string path;                           ///< "isobar:bucket/prefix"
  std::map<std::string, std::string> config;  ///< of the remote; holds secrets
  std::optional<Instant> expires;             ///< of the credentials; none: never, or rclone renews them by itself
};

/// The file that makes rclone know the remote, whatever its credentials, by one name: its cache has that name too.
std::string config_text(const RcloneRemote& remote);

/// Asks for credentials where that is needed, and waits for them.
/// transport, clock   must outlive the call
/// Errors   kInvalidArgument: a variable or file that is wrong; credentials of a kind that rclone cannot be given. Never a secret
Result<RcloneRemote> rclone_remote(const MountOrder& order, const storage::Surroundings& surroundings, net::HttpTransport& transport,
                                   const Clock& clock);

}  // namespace isobar::transfer
