#pragma once

/// Volumes as claims on storage (PersistentVolumeClaim), and as what pods mount. Pure.

#include <boost/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cloud/volume.h"

namespace isobar::cloud {

/// Of our own claims, beside the marks of pods: which volume it is.
inline constexpr std::string_view kVolumeLabel = "isobar.dev/volume";

/// The claim of a volume that an owner has made: no other owner's has that name.
std::string claim_name(const std::string& owner, const std::string& volume);
/// What the API server takes.
boost::json::object make_claim(const std::string& owner, const Volume& volume);
/// What a claim says of its volume. deleting, bound, size (whole GiB, the disk's if there is one), class and mode as they are there
VolumeState state_of_claim(const boost::json::value& claim, const std::string& owner, const std::string& token);

/// Adds to a pod's description what its volumes are, and where its container finds them.
/// volumes, mounts   the lists of the pod and of its container
void add_volumes(const std::vector<VolumeUse>& uses, boost::json::array& volumes, boost::json::array& mounts);

/// The pods of a list that mount a claim and have not ended: "pod research/train-0".
std::vector<std::string> pods_with_claim(const boost::json::array& pods, std::string_view claim);

/// Whether storage of the named class can be made there. classes   the StorageClasses of the context
/// Errors   kInvalidArgument: no such class, or none is named and none is the usual one; with those there are
Status check_storage_class(const boost::json::array& classes, const std::string& wanted);

}  // namespace isobar::cloud
