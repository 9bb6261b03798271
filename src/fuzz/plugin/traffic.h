#pragma once

/// The domains lock (time that locks are waited for), io (bytes read and written) and log (lines told), all by calls of libc.

#include <vector>

#include "emit.h"
#include "settings.h"

namespace isobar::fuzz {

std::vector<llvm::CallBase*> find_traffic(llvm::Function& function, const Settings& settings);

void hook_traffic(Emitter& emitter, SiteTable& sites, const std::vector<llvm::CallBase*>& calls, const Settings& settings);

}  // namespace isobar::fuzz
