#pragma once

/// Compares of the program: of integers and floats, cases of switches, and calls of libc's and std::string's compares. Each has a cell, in
/// every build: the operand log names it. With the domain cmp each also tells how close its sides came; without, it costs one look at a
/// byte that says whether operands are wanted, one for all of a block's compares of integers.

#include <vector>

#include "emit.h"
#include "llvm/ADT/MapVector.h"
#include "settings.h"

namespace isobar::fuzz {

/// The compares of a function, as it is before anything is added to it.
struct Compares {
  llvm::MapVector<llvm::BasicBlock*, std::vector<llvm::Instruction*>> numbers;  ///< of integers, by block: compares and a switch
  std::vector<llvm::CmpInst*> floats;
  std::vector<llvm::CallBase*> calls;
};

/// Leaves out what tells nothing: pointers, one bit, two constants, a loop's counter against a constant bound, the result of a compare that
/// is itself hooked.
Compares find_compares(llvm::Function& function);

void hook_compares(Emitter& emitter, SiteTable& sites, const Compares& compares, const Settings& settings);

}  // namespace isobar::fuzz
