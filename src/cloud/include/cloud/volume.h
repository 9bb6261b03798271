#pragma once

/// Volumes: disks that are there before a cluster mounts them and after it is gone, or that come and go with each of its nodes. Clouds that
/// have them hand out a `VolumeDriver`; the others mount none.

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace isobar::cloud {

struct Volume {
  std::string name;                           ///< as its user knows it
  std::string token;                          ///< names its creation: what carries another is not ours to touch
  std::string region;                         ///< where it is: a context of Kubernetes
  std::string name_space;                     ///< of that context
  std::string id;                             ///< as its cloud knows it: the claim
  std::uint64_t size_gib = 0;                 ///< 0: as large as it is there already
  std::string storage_class;                  ///< empty: the usual one of the place
  std::string access_mode = "ReadWriteOnce";  ///< of ReadWriteOnce, ReadWriteMany, ReadOnlyMany, ReadWriteOncePod
  std::map<std::string, std::string> labels;
  bool use_existing = false;  ///< it is there without us, and stays when we forget it
  friend bool operator==(const Volume&, const Volume&) = default;
};

/// Where a cluster's nodes find one.
struct VolumeUse {
  std::string path;  ///< absolute
  Volume volume;
  /// Made with each node for that node alone, and gone with it; only size, class, mode and labels of the volume count.
  bool ephemeral = false;
  friend bool operator==(const VolumeUse&, const VolumeUse&) = default;
};

/// What there is of a volume.
struct VolumeState {
  bool ours = false;      ///< it carries the token of its record
  bool deleting = false;  ///< somebody deleted it, and something keeps it
  bool bound = false;     ///< there is a disk behind it; some are made only when they are first mounted
  std::uint64_t size_gib = 0;
  std::string storage_class, access_mode;
};

/// Every call may be repeated: after a crash the broker calls again with the same volume.
class VolumeDriver {
 public:
  virtual ~VolumeDriver() = default;

  /// Whether the nodes of one cluster can have these at these paths; asked before anything is made.
  /// Errors   kInvalidArgument, with the mend
  virtual Status check(const std::vector<VolumeUse>& uses, int nodes) const = 0;
  /// Fills in where it is to be and what it is to be made of; of one that is there already, what it is. Makes nothing.
  /// Errors   kInvalidArgument: cannot be made so there; kNotFound: use_existing, and there is none
  virtual Result<Volume> plan(Volume wanted, Duration deadline) = 0;
  /// Makes what was planned, once for its token. That a disk is there is not waited for.
  /// Errors   kAlreadyExists: something else has that name
  virtual Status make(const Volume& volume, Duration deadline) = 0;
  /// None: it is not there.
  virtual Result<std::optional<VolumeState>> find(const Volume& volume, Duration deadline) = 0;
  /// What has it mounted just now, clusters of others included: "pod research/train-0".
  virtual Result<std::vector<std::string>> users(const Volume& volume, Duration deadline) = 0;
  /// Removes it with what is in it, and sees it gone. What is not there, or is not ours by its token, is a success without any deed.
  virtual Status remove(const Volume& volume, Duration deadline) = 0;
};

}  // namespace isobar::cloud
