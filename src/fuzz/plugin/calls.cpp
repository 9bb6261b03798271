#include "calls.h"

#include "llvm/Demangle/Demangle.h"
#include "llvm/IR/Function.h"
#include "llvm/IR/Instructions.h"

namespace isobar::fuzz {

llvm::StringRef called_name(const llvm::CallBase& call) {
  const auto* function = llvm::dyn_cast<llvm::Function>(call.getCalledOperand()->stripPointerCasts());
  if (function == nullptr || function->isIntrinsic()) return {};
  llvm::StringRef name = function->getName();
  // \1: a name that is taken as it is, as glibc's headers ask for by asm labels.
  if (!name.empty() && name[0] == '\1') name = name.drop_front();
  return name;
}

bool is_named(llvm::StringRef symbol, const std::string& name) {
  if (symbol.empty() || symbol == name) return !symbol.empty();
  const std::string readable = llvm::demangle(symbol.str());
  return readable != symbol && llvm::StringRef(readable).split('(').first == name;
}

bool has_arguments(const llvm::CallBase& call, llvm::StringRef kinds) {
  if (call.arg_size() < kinds.size()) return false;
  for (unsigned i = 0; i < kinds.size(); ++i) {
    const llvm::Type* type = call.getArgOperand(i)->getType();
    if ((kinds[i] == 'p' && !type->isPointerTy()) || (kinds[i] == 'n' && !type->isIntegerTy())) return false;
  }
  return true;
}

bool AroundCall::has_after() const {
  if (call_.isMustTailCall() || call_.doesNotReturn()) return false;
  if (const auto* invoke = llvm::dyn_cast<llvm::InvokeInst>(&call_)) return invoke->getNormalDest()->getSinglePredecessor() != nullptr;
  return llvm::isa<llvm::CallInst>(call_);
}

llvm::Instruction* AroundCall::after_place() {
  auto* invoke = llvm::dyn_cast<llvm::InvokeInst>(&call_);
  return invoke != nullptr ? &*invoke->getNormalDest()->getFirstInsertionPt() : call_.getNextNode();
}

llvm::Value* AroundCall::pointer(llvm::IRBuilder<>& builder, unsigned argument) {
  return builder.CreatePointerCast(call_.getArgOperand(argument), emitter_.pointer());
}
llvm::Value* AroundCall::number(llvm::IRBuilder<>& builder, unsigned argument, unsigned width) {
  return builder.CreateZExtOrTrunc(call_.getArgOperand(argument), emitter_.bits(width));
}
llvm::Value* AroundCall::result_number(llvm::IRBuilder<>& builder) { return builder.CreateSExtOrTrunc(&call_, emitter_.bits(64)); }
llvm::Value* AroundCall::result_pointer(llvm::IRBuilder<>& builder) { return builder.CreatePointerCast(&call_, emitter_.pointer()); }

llvm::CallInst* AroundCall::hook(llvm::IRBuilder<>& builder, llvm::StringRef name, llvm::ArrayRef<llvm::Value*> arguments,
                                 llvm::Type* result) {
  std::vector<llvm::Type*> types;
  for (llvm::Value* argument : arguments) types.push_back(argument->getType());
  return builder.CreateCall(emitter_.hook(name, result == nullptr ? emitter_.nothing() : result, types), arguments);
}

}  // namespace isobar::fuzz
