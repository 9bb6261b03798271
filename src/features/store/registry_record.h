#pragma once

/// A version of the registry as bytes, and how one becomes the next. Pure.

#include <span>

#include "base/result.h"
#include "features/view_registry.h"

namespace isobar::features {

struct RegistryRecord {
  Registry registry;
  std::uint32_t next_view = 1;  ///< numbers below were given once
};

std::string encode_registry(const RegistryRecord& record);
/// Errors   kDataLoss
Result<RegistryRecord> decode_registry(std::string_view bytes);

/// The next version; the same one if nothing changes. Views come in the order of their names.
/// Errors   kInvalidArgument: a name twice or empty, a negative span; the message names the view
Result<RegistryRecord> next_registry(const RegistryRecord& now, std::string definition, std::span<const ViewSpec> views);
/// Those of `before` that are not in `after`.
std::vector<ViewId> dropped_views(const Registry& before, const Registry& after);

}  // namespace isobar::features
