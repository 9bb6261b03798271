#pragma once

/// The mounted buckets and volumes of a cluster as the state keeps them.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "broker/task.h"

namespace isobar::broker {

/// JSON; empty for none.
std::string encode_mounts(const std::vector<FileMount>& mounts);
/// Errors   kDataLoss: not what `encode_mounts` makes
Result<std::vector<FileMount>> decode_mounts(std::string_view text);

std::string encode_volumes(const std::vector<VolumeMount>& volumes);
/// Errors   kDataLoss: not what `encode_volumes` makes
Result<std::vector<VolumeMount>> decode_volumes(std::string_view text);

std::string encode_labels(const std::map<std::string, std::string>& labels);
/// Errors   kDataLoss: not what `encode_labels` makes
Result<std::map<std::string, std::string>> decode_labels(std::string_view text);

}  // namespace isobar::broker
