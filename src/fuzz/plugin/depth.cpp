#include "depth.h"

#include "coverage.h"
#include "isobar/fuzz_abi.h"
#include "llvm/ADT/SCCIterator.h"
#include "llvm/Analysis/CallGraph.h"
#include "llvm/Analysis/LoopInfo.h"
#include "llvm/IR/Dominators.h"
#include "llvm/IR/IntrinsicInst.h"
#include "llvm/Transforms/Utils/EscapeEnumerator.h"

namespace isobar::fuzz {
namespace {

bool calls_through_pointer(const llvm::Function& function) {
  for (const llvm::BasicBlock& block : function)
    for (const llvm::Instruction& instruction : block)
      if (const auto* call = llvm::dyn_cast<llvm::CallBase>(&instruction); call != nullptr && call->isIndirectCall()) return true;
  return false;
}

bool is_leaf(const llvm::Function& function) {
  for (const llvm::BasicBlock& block : function)
    for (const llvm::Instruction& instruction : block)
      if (llvm::isa<llvm::AllocaInst>(instruction) ||
          (llvm::isa<llvm::CallBase>(instruction) && !llvm::isa<llvm::IntrinsicInst>(instruction)))
        return false;
  return true;
}

// A counter that is 0 where the loop is entered and one more with each turn.
llvm::PHINode* count_turns(Emitter& emitter, const llvm::Loop& loop) {
  llvm::BasicBlock* header = loop.getHeader();
  llvm::IRBuilder<> builder(&header->front());
  llvm::PHINode* turns = builder.CreatePHI(emitter.bits(64), 2);
  builder.SetInsertPoint(&*header->getFirstInsertionPt());
  llvm::Value* next = builder.CreateAdd(turns, builder.getInt64(1));
  for (llvm::BasicBlock* before : llvm::predecessors(header))
    turns->addIncoming(loop.contains(before) ? next : builder.getInt64(0), before);
  return turns;
}

// Edges from a block with several successors to one with several predecessors are split already, so an exit that is reached from this loop
// alone is the loop's own. What is not is reached from several loops at once: from each the innermost tells.
bool is_exit_of(const llvm::BasicBlock& exit, const llvm::Loop& loop) {
  return !exit.isEHPad() && llvm::all_of(llvm::predecessors(&exit), [&](const llvm::BasicBlock* before) { return loop.contains(before); });
}

bool is_empty(const llvm::BasicBlock& block) { return &*block.getFirstInsertionPt() == block.getTerminator(); }

// A loop that is left where it begins, and has more than its beginning, has not made the turn that it was about to.
bool leaves_before_turn(const llvm::BasicBlock& exit, const llvm::Loop& loop) {
  return exit.getSinglePredecessor() == loop.getHeader() &&
         llvm::any_of(loop.blocks(), [&](const llvm::BasicBlock* block) { return block != loop.getHeader() && !is_empty(*block); });
}

}  // namespace

std::set<const llvm::Function*> recursive_functions(llvm::Module& module) {
  std::set<const llvm::Function*> found;
  llvm::CallGraph graph(module);
  for (auto component = llvm::scc_begin(&graph); !component.isAtEnd(); ++component)
    if (component.hasCycle())
      for (const llvm::CallGraphNode* node : *component)
        if (node->getFunction() != nullptr) found.insert(node->getFunction());
  for (const llvm::Function& function : module)
    if (function.hasAddressTaken() && calls_through_pointer(function)) found.insert(&function);
  return found;
}

void hook_stack(Emitter& emitter, llvm::Function& function) {
  if (is_leaf(function)) return;
  llvm::IRBuilder<> builder(beginning_of(function.getEntryBlock()));
  builder.CreateCall(emitter.hook("__isobar_fuzz_stack_here", emitter.nothing(), {}));
}

void hook_recursion(Emitter& emitter, SiteTable& sites, llvm::Function& function) {
  auto* state = new llvm::GlobalVariable(emitter.module(), emitter.bits(64), false, llvm::GlobalValue::PrivateLinkage,
                                         llvm::ConstantInt::get(emitter.bits(64), 0), "isobar.depth");
  llvm::Constant* depth = emitter.plain(state);
  const Place place = Emitter::place_of(function.getEntryBlock());
  llvm::Constant* cell = sites.cell({"recursion", ISOBAR_FUZZ_OP_MAX, ISOBAR_FUZZ_REDUCE_MAX, 0}, place, 0);
  llvm::IRBuilder<> builder(beginning_of(function.getEntryBlock()));
  builder.CreateCall(emitter.hook("__isobar_fuzz_recursion_enter", emitter.nothing(), {emitter.pointer(), emitter.pointer()}),
                     {cell, depth});
  llvm::EscapeEnumerator leaves(function, "isobar.unwound", true);
  while (llvm::IRBuilder<>* leave = leaves.Next())
    leave->CreateCall(emitter.hook("__isobar_fuzz_recursion_leave", emitter.nothing(), {emitter.pointer()}), {depth});
}

void hook_loops(Emitter& emitter, SiteTable& sites, llvm::Function& function) {
  llvm::DominatorTree dominators(function);
  llvm::LoopInfo loops(dominators);
  for (llvm::Loop* loop : loops.getLoopsInPreorder()) {
    llvm::SmallVector<llvm::BasicBlock*, 8> exits;
    loop->getUniqueExitBlocks(exits);
    llvm::erase_if(exits, [&](llvm::BasicBlock* exit) { return !is_exit_of(*exit, *loop); });
    if (exits.empty()) continue;
    const Place place = Emitter::place_of(*loop->getHeader());
    llvm::Constant* cell = sites.cell({"loops", ISOBAR_FUZZ_OP_MAX, ISOBAR_FUZZ_REDUCE_MAX, 0}, place, 0);
    llvm::PHINode* turns = count_turns(emitter, *loop);
    for (llvm::BasicBlock* exit : exits) {
      llvm::IRBuilder<> builder(&*exit->getFirstInsertionPt());
      llvm::Value* most = leaves_before_turn(*exit, *loop) ? turns : builder.CreateAdd(turns, builder.getInt64(1));
      builder.CreateCall(emitter.hook("__isobar_fuzz_cell_max", emitter.nothing(), {emitter.pointer(), emitter.bits(64)}), {cell, most});
    }
  }
}

}  // namespace isobar::fuzz
