#include "calls.h"

#include "llvm/IR/Function.h"

namespace isobar::fuzz {

llvm::StringRef called_name(const llvm::CallBase& call) {
  const auto* function = llvm::dyn_cast<llvm::Function>(call.getCalledOperand()->stripPointerCasts());
  if (function == nullptr || function->isIntrinsic()) return {};
  llvm::StringRef name = function->getName();
  // \1: a name that is taken as it is, as glibc's headers ask for by asm labels.
  if (!name.empty() && name[0] == '\1') name = name.drop_front();
  return name;
}

}  // namespace isobar::fuzz
