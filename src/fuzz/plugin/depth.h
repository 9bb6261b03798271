#pragma once

/// The domains stack, recursion and loops: how deep calls go and how often loops turn.

#include <set>
#include <vector>

#include "emit.h"

namespace isobar::fuzz {

/// Functions that may be active more than once: those that call themselves, by themselves or through others of the module, and those that
/// are called through pointers and call through pointers.
std::set<const llvm::Function*> recursive_functions(llvm::Module& module);

void hook_stack(Emitter& emitter, llvm::Function& function);
void hook_recursion(Emitter& emitter, SiteTable& sites, llvm::Function& function);
/// The most iterations of one entry, of each loop; a loop that is left by an exception or a jump out of the function tells nothing.
void hook_loops(Emitter& emitter, SiteTable& sites, llvm::Function& function);

}  // namespace isobar::fuzz
