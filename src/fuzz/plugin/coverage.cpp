#include "coverage.h"

#include <algorithm>
#include <set>

#include "isobar/fuzz_abi.h"
#include "llvm/Analysis/LoopInfo.h"
#include "llvm/Analysis/PostDominators.h"
#include "llvm/Analysis/ValueTracking.h"
#include "llvm/IR/CFG.h"
#include "llvm/IR/Intrinsics.h"
#include "llvm/Transforms/Utils/BasicBlockUtils.h"

namespace isobar::fuzz {
namespace {

bool only_unreachable(const llvm::BasicBlock& block) {
  for (const llvm::Instruction& instruction : block)
    if (!llvm::isa<llvm::PHINode>(instruction) && !instruction.isDebugOrPseudoInst()) return llvm::isa<llvm::UnreachableInst>(instruction);
  return false;
}

bool can_be_counted(llvm::BasicBlock& block) { return !only_unreachable(block) && block.getFirstInsertionPt() != block.end(); }

bool told_by_successors(const llvm::BasicBlock& block, const llvm::DominatorTree& dominators) {
  return !llvm::succ_empty(&block) &&
         llvm::all_of(llvm::successors(&block), [&](const llvm::BasicBlock* next) { return dominators.dominates(&block, next); });
}

bool told_by_predecessors(const llvm::BasicBlock& block, const llvm::PostDominatorTree& post_dominators) {
  return !llvm::pred_empty(&block) && block.getSinglePredecessor() == nullptr &&
         llvm::all_of(llvm::predecessors(&block),
                      [&](const llvm::BasicBlock* before) { return post_dominators.dominates(&block, before); });
}

// Runs exactly as often as a block above it: that one dominates it, it post-dominates that one, and both are of the same loop.
bool runs_as_often_as_another(llvm::BasicBlock& block, const llvm::DominatorTree& dominators,
                              const llvm::PostDominatorTree& post_dominators, const llvm::LoopInfo& loops) {
  const auto* node = dominators.getNode(&block);
  if (node == nullptr) return false;
  for (node = node->getIDom(); node != nullptr; node = node->getIDom()) {
    llvm::BasicBlock* above = node->getBlock();
    if (loops.getLoopFor(above) == loops.getLoopFor(&block) && post_dominators.dominates(&block, above) && can_be_counted(*above))
      return true;
  }
  return false;
}

// Adds one, and the carry: a counter that has been round is 1, never 0.
void increment_byte(Emitter& emitter, llvm::IRBuilder<>& builder, llvm::Value* place) {
  llvm::Value* counter = builder.CreatePointerCast(place, llvm::PointerType::get(emitter.bits(8), 0));
  llvm::Value* old = emitter.unwatched(builder.CreateLoad(emitter.bits(8), counter));
  auto* add = llvm::Intrinsic::getDeclaration(&emitter.module(), llvm::Intrinsic::uadd_with_overflow, {emitter.bits(8)});
  llvm::Value* sum = builder.CreateCall(add, {old, builder.getInt8(1)});
  llvm::Value* carry = builder.CreateZExt(builder.CreateExtractValue(sum, 1), emitter.bits(8));
  emitter.unwatched(builder.CreateStore(builder.CreateAdd(builder.CreateExtractValue(sum, 0), carry), counter));
}

void increment_count(Emitter& emitter, llvm::IRBuilder<>& builder, llvm::Constant* place) {
  llvm::Value* count = builder.CreatePointerCast(place, llvm::PointerType::get(emitter.bits(64), 0));
  llvm::Value* old = emitter.unwatched(builder.CreateLoad(emitter.bits(64), count));
  emitter.unwatched(builder.CreateStore(builder.CreateAdd(old, builder.getInt64(1)), count));
}

bool is_choice(llvm::SelectInst& select) {
  if (!select.getCondition()->getType()->isIntegerTy(1) || llvm::isa<llvm::Constant>(select.getCondition())) return false;
  llvm::Value* a = nullptr;
  llvm::Value* b = nullptr;
  return llvm::matchSelectPattern(&select, a, b).Flavor == llvm::SPF_UNKNOWN;
}

uint32_t form_of(llvm::BasicBlock& block, const llvm::LoopInfo& loops) {
  uint32_t form = &block == &block.getParent()->getEntryBlock() ? ISOBAR_FUZZ_BLOCK_ENTRY : 0;
  if (loops.isLoopHeader(&block)) form |= ISOBAR_FUZZ_BLOCK_LOOP;
  return form;
}

}  // namespace

std::vector<llvm::BasicBlock*> blocks_to_count(llvm::Function& function, const Settings& settings) {
  llvm::SplitAllCriticalEdges(function, llvm::CriticalEdgeSplittingOptions().setIgnoreUnreachableDests());
  llvm::DominatorTree dominators(function);
  llvm::PostDominatorTree post_dominators(function);
  llvm::LoopInfo loops(dominators);
  std::vector<llvm::BasicBlock*> chosen;
  for (llvm::BasicBlock& block : function) {
    if (!can_be_counted(block)) continue;
    const bool entry = &block == &function.getEntryBlock();
    const bool told = settings.counts() ? runs_as_often_as_another(block, dominators, post_dominators, loops)
                                        : told_by_successors(block, dominators) || told_by_predecessors(block, post_dominators);
    if (entry || !told) chosen.push_back(&block);
  }
  return chosen;
}

llvm::Instruction* beginning_of(llvm::BasicBlock& block) {
  llvm::BasicBlock::iterator place = block.getFirstInsertionPt();
  if (&block == &block.getParent()->getEntryBlock())
    while (llvm::isa<llvm::AllocaInst>(*place) || place->isDebugOrPseudoInst()) ++place;
  return &*place;
}

std::vector<llvm::SelectInst*> choices_to_count(llvm::Function& function) {
  std::vector<llvm::SelectInst*> chosen;
  for (llvm::BasicBlock& block : function) {
    std::set<const llvm::Value*> conditions;
    for (llvm::Instruction& instruction : block) {
      auto* select = llvm::dyn_cast<llvm::SelectInst>(&instruction);
      if (select != nullptr && is_choice(*select) && conditions.insert(select->getCondition()).second) chosen.push_back(select);
    }
  }
  return chosen;
}

size_t count_runs(Emitter& emitter, llvm::Function& function, const Counted& counted, const Settings& settings) {
  llvm::DominatorTree dominators(function);
  llvm::LoopInfo loops(dominators);
  llvm::GlobalVariable* counters = emitter.placeholder();
  llvm::GlobalVariable* counts = settings.counts() ? emitter.placeholder() : nullptr;
  std::vector<std::pair<Place, uint32_t>> records;
  for (llvm::BasicBlock* block : counted.blocks) {
    llvm::IRBuilder<> builder(beginning_of(*block));
    // With exact counts the runtime looks for functions that were entered, and makes the other counters from the counts (target/counts.c).
    if (counts == nullptr || records.empty()) increment_byte(emitter, builder, emitter.element(counters, records.size(), 1));
    if (counts != nullptr) increment_count(emitter, builder, emitter.element(counts, records.size(), 8));
    records.emplace_back(Emitter::place_of(*block), form_of(*block, loops));
  }
  for (llvm::SelectInst* choice : counted.choices) {
    llvm::IRBuilder<> builder(choice);
    llvm::Value* which = builder.CreateZExt(choice->getCondition(), emitter.bits(64));
    increment_byte(emitter, builder, builder.CreateInBoundsGEP(emitter.bits(8), emitter.element(counters, records.size(), 1), which));
    for (int outcome = 0; outcome < 2; ++outcome) records.emplace_back(Emitter::place_of(*choice), ISOBAR_FUZZ_BLOCK_SELECT);
  }
  const auto zeros = [&](unsigned width) {
    return llvm::ConstantAggregateZero::get(llvm::ArrayType::get(emitter.bits(width), records.size()));
  };
  emitter.place_array(function, counters, zeros(8), "isobar_counters", false, 1);
  if (counts != nullptr) emitter.place_array(function, counts, zeros(64), "isobar_counts", false, 8);
  emitter.place_records(function, records, "isobar_blocks");
  return records.size();
}

}  // namespace isobar::fuzz
