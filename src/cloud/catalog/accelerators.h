#pragma once

/// What accelerators are called and how much memory each carries.

#include <span>
#include <string>
#include <string_view>

namespace isobar::cloud {

/// The memory of one accelerator in GiB as its maker states it; 0 when the name is not known. Price lists are wrong
/// about it often enough (total for each, MiB for GiB, 80 for all) that a known name wins over what they say.
double known_memory_gib(std::string_view accelerator);

/// The memory that a published `GpuInfo` cell claims for one accelerator, in GiB; 0 when it makes no sense. The cell is
/// a Python dict as text, e.g. "{'Gpus': [{'Name': 'T4', 'MemoryInfo': {'SizeInMiB': 16384}}]}".
double claimed_memory_gib(std::string_view gpu_info);

bool is_tpu(std::string_view accelerator);

}  // namespace isobar::cloud
