#include "own_domains.h"

#include <optional>

#include "calls.h"
#include "coverage.h"
#include "isobar/fuzz_abi.h"
#include "llvm/Analysis/LoopInfo.h"
#include "llvm/IR/Dominators.h"
#include "llvm/IR/Instructions.h"
#include "llvm/IR/Intrinsics.h"
#include "llvm/Support/ErrorHandling.h"
#include "register.h"

namespace isobar::fuzz {
namespace {

bool uses_result(const Expression& expression) {
  if (expression.kind == Expression::Kind::kResult) return true;
  return llvm::any_of(expression.of, [](const Expression& part) { return uses_result(part); });
}

bool uses_result(const OwnDomain& domain) {
  return uses_result(domain.value) || (domain.key == Key::kExpression && uses_result(domain.key_expression));
}

bool is_within(const llvm::Function& function, const OwnDomain& domain) {
  return domain.function.empty() || is_named(function.getName(), domain.function);
}

bool matches(const llvm::Instruction& instruction, const OwnDomain& domain) {
  switch (domain.match) {
    case Match::kCall: {
      const auto* call = llvm::dyn_cast<llvm::CallBase>(&instruction);
      return call != nullptr && is_named(called_name(*call), domain.function);
    }
    case Match::kReturn: return llvm::isa<llvm::ReturnInst>(instruction);
    case Match::kLoad: return llvm::isa<llvm::LoadInst>(instruction);
    case Match::kStore: return llvm::isa<llvm::StoreInst>(instruction);
    case Match::kCompare: return llvm::isa<llvm::ICmpInst>(instruction) && !instruction.hasMetadata("nosanitize");
    default: return false;
  }
}

// What an expression means at one place. Null: a part of it is not there, an argument that the call has not, or is no number.
class Evaluation {
 public:
  Evaluation(Emitter& emitter, llvm::IRBuilder<>& builder, const OwnMatch& match) : emitter_(emitter), builder_(builder), match_(match) {}

  llvm::Value* operator()(const Expression& expression) {
    if (expression.of.empty()) return leaf(expression);
    llvm::Value* a = (*this)(expression.of[0]);
    llvm::Value* b = (*this)(expression.of[1]);
    return a == nullptr || b == nullptr ? nullptr : binary(expression.kind, a, b);
  }

 private:
  llvm::Value* leaf(const Expression& expression) {
    switch (expression.kind) {
      case Expression::Kind::kNumber: return builder_.getInt64(expression.number);
      case Expression::Kind::kArgument: return argument(static_cast<unsigned>(expression.number));
      case Expression::Kind::kResult: return result();
      case Expression::Kind::kSize: return size();
      case Expression::Kind::kValue: return moved();
      default: return number(match_.at->getOperand(expression.kind == Expression::Kind::kLeft ? 0 : 1));
    }
  }

  llvm::Value* argument(unsigned which) {
    if (match_.domain->match == Match::kCall) {
      auto* call = llvm::cast<llvm::CallBase>(match_.at);
      return which < call->arg_size() ? number(call->getArgOperand(which)) : nullptr;
    }
    llvm::Function* function = match_.block->getParent();
    return which < function->arg_size() ? number(function->getArg(which)) : nullptr;
  }

  llvm::Value* result() {
    if (match_.domain->match == Match::kCall) return number(match_.at);
    llvm::Value* returned = llvm::cast<llvm::ReturnInst>(match_.at)->getReturnValue();
    return returned == nullptr ? nullptr : number(returned);
  }

  llvm::Value* moved() { return number(llvm::isa<llvm::StoreInst>(match_.at) ? match_.at->getOperand(0) : match_.at); }

  llvm::Value* size() {
    const llvm::Type* type = llvm::isa<llvm::LoadInst>(match_.at) ? match_.at->getType() : match_.at->getOperand(0)->getType();
    const auto bytes = emitter_.module().getDataLayout().getTypeStoreSize(const_cast<llvm::Type*>(type));
    return bytes.isScalable() ? nullptr : builder_.getInt64(bytes.getKnownMinValue());
  }

  llvm::Value* number(llvm::Value* value) {
    if (value->getType()->isPointerTy()) return builder_.CreatePtrToInt(value, emitter_.bits(64));
    return value->getType()->isIntegerTy() ? builder_.CreateZExtOrTrunc(value, emitter_.bits(64)) : nullptr;
  }

  llvm::Value* binary(Expression::Kind kind, llvm::Value* a, llvm::Value* b) {
    switch (kind) {
      case Expression::Kind::kAdd: return builder_.CreateAdd(a, b);
      case Expression::Kind::kSubtract: return builder_.CreateSub(a, b);
      case Expression::Kind::kMultiply: return builder_.CreateMul(a, b);
      case Expression::Kind::kDivide: return divided(a, b, true);
      case Expression::Kind::kRemainder: return divided(a, b, false);
      case Expression::Kind::kAnd: return builder_.CreateAnd(a, b);
      case Expression::Kind::kOr: return builder_.CreateOr(a, b);
      case Expression::Kind::kXor: return builder_.CreateXor(a, b);
      // Of a shift as in C the lower six bits of how far count.
      case Expression::Kind::kShiftLeft: return builder_.CreateShl(a, builder_.CreateAnd(b, 63));
      case Expression::Kind::kShiftRight: return builder_.CreateLShr(a, builder_.CreateAnd(b, 63));
      case Expression::Kind::kMinimum: return builder_.CreateSelect(builder_.CreateICmpULT(a, b), a, b);
      case Expression::Kind::kMaximum: return builder_.CreateSelect(builder_.CreateICmpULT(a, b), b, a);
      default: return builder_.CreateSelect(builder_.CreateICmpULT(a, b), builder_.CreateSub(b, a), builder_.CreateSub(a, b));
    }
  }

  llvm::Value* divided(llvm::Value* a, llvm::Value* b, bool quotient) {
    llvm::Value* none = builder_.CreateICmpEQ(b, builder_.getInt64(0));
    llvm::Value* by = builder_.CreateSelect(none, builder_.getInt64(1), b);
    llvm::Value* result = quotient ? builder_.CreateUDiv(a, by) : builder_.CreateURem(a, by);
    return builder_.CreateSelect(none, builder_.getInt64(0), result);
  }

  Emitter& emitter_;
  llvm::IRBuilder<>& builder_;
  const OwnMatch& match_;
};

// Null: there is no such place.
llvm::Instruction* place_of_hook(Emitter& emitter, const OwnMatch& match) {
  if (match.at == nullptr) return beginning_of(*match.block);
  if (auto* call = llvm::dyn_cast<llvm::CallBase>(match.at); call != nullptr && uses_result(*match.domain)) {
    AroundCall around(emitter, *call);
    return around.has_after() ? around.after_place() : nullptr;
  }
  return llvm::isa<llvm::LoadInst>(match.at) ? match.at->getNextNode() : match.at;
}

// Where the function was called from, as a distance within the program: addresses differ from one process to the next.
llvm::Value* caller_of(Emitter& emitter, llvm::IRBuilder<>& builder) {
  auto* declared = llvm::Intrinsic::getDeclaration(&emitter.module(), llvm::Intrinsic::returnaddress);
  llvm::Value* address = builder.CreatePtrToInt(builder.CreateCall(declared, {builder.getInt32(0)}), emitter.bits(64));
  return builder.CreateSub(address, llvm::ConstantExpr::getPtrToInt(bound(emitter, "__start_isobar_counters"), emitter.bits(64)));
}

bool hook(Emitter& emitter, SiteTable& sites, const OwnMatch& match) {
  const OwnDomain& domain = *match.domain;
  llvm::Instruction* place = place_of_hook(emitter, match);
  if (place == nullptr) return false;
  const Place site = match.at != nullptr ? Emitter::place_of(*match.at) : Emitter::place_of(*match.block);
  BuilderAt builder(place, match.at != nullptr ? match.at->getDebugLoc() : place->getDebugLoc());
  Evaluation evaluate(emitter, builder, match);
  llvm::Value* value = evaluate(domain.value);
  llvm::Value* key = domain.key == Key::kExpression ? evaluate(domain.key_expression) : nullptr;
  if (value == nullptr || (domain.key == Key::kExpression && key == nullptr)) return false;
  llvm::Value* cell = nullptr;
  if (domain.key == Key::kSite) {
    cell = sites.cell({domain.name, domain.op, domain.reducer, domain.initial}, site, 0);
  } else {
    if (domain.key == Key::kCaller) key = caller_of(emitter, builder);
    llvm::Constant* declared = declare_keyed(emitter, domain.name, domain.keys, domain.op, domain.reducer, domain.initial);
    cell = builder.CreateCall(emitter.hook("__isobar_fuzz_cell_of", emitter.pointer(), {emitter.pointer(), emitter.bits(64)}),
                              {declared, key});
  }
  const char* const records[] = {"__isobar_fuzz_cell_add", "__isobar_fuzz_cell_max", "__isobar_fuzz_cell_min", "__isobar_fuzz_cell_or",
                                 "__isobar_fuzz_cell_set"};
  builder.CreateCall(emitter.hook(records[domain.op], emitter.nothing(), {emitter.pointer(), emitter.bits(64)}), {cell, value});
  return true;
}

void find_in_blocks(llvm::Function& function, const OwnDomain& domain, std::vector<OwnMatch>& found) {
  for (llvm::BasicBlock& block : function) {
    if (domain.match == Match::kBlock && block.getFirstInsertionPt() != block.end()) found.push_back({&domain, nullptr, &block});
    for (llvm::Instruction& instruction : block)
      if (matches(instruction, domain)) found.push_back({&domain, &instruction, &block});
  }
}

}  // namespace

std::vector<OwnDomain> own_domains_of(const std::string& text) {
  auto read = read_domains(text);
  if (const auto* error = std::get_if<TextError>(&read))
    llvm::report_fatal_error(llvm::Twine("isobar-fuzz: own domains: line ") + llvm::Twine(error->line) + ", column " +
                                 llvm::Twine(error->column) + ": " + error->message,
                             false);
  return std::get<std::vector<OwnDomain>>(std::move(read));
}

std::vector<OwnMatch> find_own(llvm::Function& function, const std::vector<OwnDomain>& domains) {
  std::vector<OwnMatch> found;
  if (domains.empty()) return found;
  const llvm::DominatorTree dominators(function);
  const llvm::LoopInfo loops(dominators);
  for (const OwnDomain& domain : domains) {
    if (domain.match != Match::kCall && !is_within(function, domain)) continue;
    if (domain.match == Match::kEntry) found.push_back({&domain, nullptr, &function.getEntryBlock()});
    if (domain.match == Match::kLoop)
      for (const llvm::Loop* loop : loops.getLoopsInPreorder()) found.push_back({&domain, nullptr, loop->getHeader()});
    find_in_blocks(function, domain, found);
  }
  return found;
}

void hook_own(Emitter& emitter, SiteTable& sites, const std::vector<OwnMatch>& matches, std::set<const OwnDomain*>& used) {
  for (const OwnMatch& match : matches)
    if (hook(emitter, sites, match)) used.insert(match.domain);
}

}  // namespace isobar::fuzz
