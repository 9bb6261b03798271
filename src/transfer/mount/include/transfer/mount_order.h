#pragma once

/// What a node is told to mount: a bucket, or what is below a prefix of one, for all jobs of its cluster.

#include <map>
#include <string>
#include <string_view>

#include "base/result.h"
#include "transfer/gateway_session.h"

namespace isobar::transfer {

struct MountOrder {
  GatewayStore store;       ///< its location is the place: "s3://bucket/prefix"
  std::string destination;  ///< on the node: "~/x" is in its home, "/x" as it says, "x" in ~/sky_workdir
  bool cached = false;      ///< whole files on the node's disk, uploaded after they are closed; else nothing stays on the node
  bool read_only = false;
  std::map<std::string, std::string> settings;  ///< of rclone's cache, as `check_mount_settings` knows them: "transfers" → "4"
  GatewaySurroundings surroundings;             ///< where the owner's credentials are
};

/// JSON.
std::string encode(const MountOrder& order);
/// Errors   kInvalidArgument: not what `encode` makes
Result<MountOrder> decode_mount_order(std::string_view text);

/// Whether these are settings of a mount, and their values of the kind that each takes.
/// cached   the settings of MOUNT_CACHED are meant; a mount without a cache has none
/// Errors   kInvalidArgument: the name or the value, and what there is
Status check_mount_settings(const std::map<std::string, std::string>& settings, bool cached);

}  // namespace isobar::transfer
