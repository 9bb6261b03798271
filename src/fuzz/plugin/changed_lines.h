#pragma once

/// The domain diff: blocks that have a changed line.

#include <vector>

#include "emit.h"
#include "settings.h"

namespace isobar::fuzz {

/// Blocks with an instruction of one of the lines, its own or one inlined.
std::vector<llvm::BasicBlock*> blocks_that_changed(llvm::Function& function, const std::vector<ChangedLines>& changed);

/// Says so each time one of them is about to run. After the counters are there, so that it comes before them.
void hook_changed(Emitter& emitter, const std::vector<llvm::BasicBlock*>& blocks);

}  // namespace isobar::fuzz
