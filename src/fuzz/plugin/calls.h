#pragma once

/// Calls by name, and hooks before and after them. The call itself stays as it is.

#include <vector>

#include "emit.h"
#include "llvm/IR/InstrTypes.h"

namespace isobar::fuzz {

/// The name of the function that is called, whatever the prototype the program gave it; empty for pointers, assembler and intrinsics.
llvm::StringRef called_name(const llvm::CallBase& call);

/// Whether a symbol is what the user calls `name`: "pool::take" is _ZN4pool4takeEm.
bool is_named(llvm::StringRef symbol, const std::string& name);

/// A builder at an instruction, for the line of another.
class BuilderAt : public llvm::IRBuilder<> {
 public:
  BuilderAt(llvm::Instruction* place, const llvm::DebugLoc& line) : llvm::IRBuilder<>(place) { SetCurrentDebugLocation(line); }
};

/// Code around one call.
class AroundCall {
 public:
  AroundCall(Emitter& emitter, llvm::CallBase& call) : emitter_(emitter), call_(call) {}

  /// Whether there is a place after it: not behind a tail call that must be one, nor behind what does not return.
  bool has_after() const;
  BuilderAt before() { return {&call_, call_.getDebugLoc()}; }
  BuilderAt after() { return {after_place(), call_.getDebugLoc()}; }
  llvm::Instruction* after_place();

  /// Without arguments.
  void hook_before(llvm::StringRef name) {
    BuilderAt builder = before();
    hook(builder, name, {});
  }

  llvm::Value* pointer(llvm::IRBuilder<>& builder, unsigned argument);
  llvm::Value* number(llvm::IRBuilder<>& builder, unsigned argument, unsigned width = 64);
  /// The result, sign-extended.
  llvm::Value* result_number(llvm::IRBuilder<>& builder);
  llvm::Value* result_pointer(llvm::IRBuilder<>& builder);

  llvm::CallInst* hook(llvm::IRBuilder<>& builder, llvm::StringRef name, llvm::ArrayRef<llvm::Value*> arguments,
                       llvm::Type* result = nullptr);

 private:
  Emitter& emitter_;
  llvm::CallBase& call_;
};

/// Whether each of the arguments is there, and of its kind: 'p' a pointer, 'n' an integer, '.' anything.
bool has_arguments(const llvm::CallBase& call, llvm::StringRef kinds);

}  // namespace isobar::fuzz
