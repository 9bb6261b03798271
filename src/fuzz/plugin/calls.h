#pragma once

/// Calls by name.

#include "llvm/IR/InstrTypes.h"
#include "llvm/IR/Instruction.h"

namespace isobar::fuzz {

/// The name of the function that is called, whatever the prototype the program gave it; empty for pointers, assembler and intrinsics.
llvm::StringRef called_name(const llvm::CallBase& call);

}  // namespace isobar::fuzz
