#include "changed_lines.h"

#include "coverage.h"
#include "llvm/IR/DebugInfoMetadata.h"

namespace isobar::fuzz {
namespace {

// "/home/me/lib/./inflate.c" is "lib/inflate.c" or "inflate.c", and not "late.c".
bool is_of(llvm::StringRef path, llvm::StringRef file) {
  if (path.size() < file.size() || path.take_back(file.size()) != file) return false;
  return path.size() == file.size() || path[path.size() - file.size() - 1] == '/';
}

bool is_changed(const Place& place, const std::vector<ChangedLines>& changed) {
  return llvm::any_of(changed, [&](const ChangedLines& lines) {
    return place.line >= lines.first && place.line <= lines.last && is_of(place.file, lines.file);
  });
}

bool has_changed(const llvm::BasicBlock& block, const std::vector<ChangedLines>& changed) {
  for (const llvm::Instruction& instruction : block) {
    if (instruction.isDebugOrPseudoInst() || llvm::isa<llvm::PHINode>(instruction)) continue;
    const llvm::DILocation* location = instruction.getDebugLoc().get();
    if (location != nullptr && location->getLine() != 0 && is_changed(Emitter::place_of(instruction), changed)) return true;
  }
  return false;
}

}  // namespace

std::vector<llvm::BasicBlock*> blocks_that_changed(llvm::Function& function, const std::vector<ChangedLines>& changed) {
  std::vector<llvm::BasicBlock*> found;
  for (llvm::BasicBlock& block : function)
    if (block.getFirstInsertionPt() != block.end() && has_changed(block, changed)) found.push_back(&block);
  return found;
}

void hook_changed(Emitter& emitter, const std::vector<llvm::BasicBlock*>& blocks) {
  for (llvm::BasicBlock* block : blocks) {
    llvm::IRBuilder<> builder(beginning_of(*block));
    builder.CreateCall(emitter.hook("__isobar_fuzz_diff_hit", emitter.nothing(), {}));
  }
}

}  // namespace isobar::fuzz
