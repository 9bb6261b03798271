#pragma once

/// The domain mem: calls of allocators, libc's, C++'s and those that the user names.

#include <string>
#include <vector>

#include "emit.h"
#include "settings.h"

namespace isobar::fuzz {

std::vector<llvm::CallBase*> find_allocations(llvm::Function& function, const Settings& settings);

void hook_allocations(Emitter& emitter, SiteTable& sites, const std::vector<llvm::CallBase*>& calls, const Settings& settings);

/// Tells the runtime when the module has an operator new of its own, whose blocks are not malloc's.
void note_own_new(Emitter& emitter);

}  // namespace isobar::fuzz
