#pragma once

/// From what a driver, or a cluster's operators, call an accelerator to what the catalog calls it.

#include <map>
#include <string>
#include <string_view>

namespace isobar::cloud {

/// What it is called there → the catalog's name, in the user's words: {"gtx": "RTX6000"}. Types in any case.
using GpuNames = std::map<std::string, std::string>;

/// "a100" → "A100", "nvidia_a100-sxm4-80gb" → "A100-80GB", "tesla_v100-sxm2-32gb" → "V100-32GB". A slice of a device
/// ("a100_1g.5gb") is no whole one and keeps a name of its own, "A100_1G.5GB"; so does what is not known. "" is "GPU".
std::string accelerator_name(std::string_view model, const GpuNames& names = {});

}  // namespace isobar::cloud
