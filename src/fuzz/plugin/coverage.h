#pragma once

/// Which blocks ran, and how often: a counter of 8 bits for each block that tells something (and one of 64 bits for the domains slow and
/// perf).
///
/// An edge between a block with several successors and one with several predecessors is split first, so that blocks tell edges apart. A
/// block needs no counter when others tell whether it ran: it dominates all of its successors, or post-dominates all of its predecessors
/// (Agrawal, POPL 1994; as LLVM's SanitizerCoverage prunes). Where exact counts are asked for, only one of several blocks that always run
/// equally often is left out.

#include <vector>

#include "emit.h"
#include "llvm/IR/Dominators.h"
#include "llvm/IR/Instructions.h"
#include "settings.h"

namespace isobar::fuzz {

/// The blocks of a function that get counters, in the order of their counters. Splits critical edges; adds nothing else.
std::vector<llvm::BasicBlock*> blocks_to_count(llvm::Function& function, const Settings& settings);

/// Choices that the optimiser makes without a branch, of which each outcome has a counter: those of one condition count as one, and least,
/// greatest and absolute values are no choices.
std::vector<llvm::SelectInst*> choices_to_count(llvm::Function& function);

/// What is counted of a function.
struct Counted {
  std::vector<llvm::BasicBlock*> blocks;
  std::vector<llvm::SelectInst*> choices;
};

/// Adds the counters; how many.
size_t count_runs(Emitter& emitter, llvm::Function& function, const Counted& counted, const Settings& settings);

/// Where code may be put that is to run each time the block does: after what must stand first, and in an entry after its variables.
llvm::Instruction* beginning_of(llvm::BasicBlock& block);

}  // namespace isobar::fuzz
