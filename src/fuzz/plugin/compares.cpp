#include "compares.h"

#include <array>

#include "calls.h"
#include "isobar/fuzz_abi.h"
#include "llvm/IR/Dominators.h"
#include "llvm/IR/MDBuilder.h"
#include "llvm/Transforms/Utils/BasicBlockUtils.h"

namespace isobar::fuzz {
namespace {

constexpr uint32_t kScored = 0x80000000u;  // as target/domain_cmp.c has it
constexpr unsigned kCasesMax = 256;        // of a switch: more are a table of a parser's, say, and cost more than they tell

enum class Hook {
  kMemory,
  kText,
  kTextLimited,
  kSearchText,
  kSearchMemory,
  kStringText,
  kStringString,
  kStringFind,
  kStringFindText,
  kStringFindString,
  kStringPart
};

struct KnownCompare {
  const char* name;
  Hook hook;
  unsigned arguments;
  uint32_t form;
};

constexpr uint32_t kEqual = ISOBAR_FUZZ_CMP_EQUAL;
constexpr uint32_t kAnyCase = ISOBAR_FUZZ_CMP_EQUAL | ISOBAR_FUZZ_CMP_ANY_CASE;
constexpr std::array<KnownCompare, 20> kKnown = {{
    {"memcmp", Hook::kMemory, 3, kEqual},
    {"bcmp", Hook::kMemory, 3, kEqual},
    {"timingsafe_memcmp", Hook::kMemory, 3, kEqual},
    {"strcmp", Hook::kText, 2, kEqual},
    {"strcoll", Hook::kText, 2, kEqual},
    {"strncmp", Hook::kTextLimited, 3, kEqual},
    {"strcasecmp", Hook::kText, 2, kAnyCase},
    {"strncasecmp", Hook::kTextLimited, 3, kAnyCase},
    {"strcmpi", Hook::kText, 2, kAnyCase},
    {"strstr", Hook::kSearchText, 2, kEqual},
    {"strcasestr", Hook::kSearchText, 2, kAnyCase},
    {"memmem", Hook::kSearchMemory, 4, kEqual},
    // std::string::compare(const char*) const, compare(const std::string&) const, find(const char*, size_t, size_t), find(const char*,
    // size_t), find(const std::string&, size_t), compare(size_t, size_t, const char*).
    {"_ZNKSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEE7compareEPKc", Hook::kStringText, 2, kEqual},
    {"_ZNKSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEE7compareERKS4_", Hook::kStringString, 2, kEqual},
    {"_ZNKSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEE4findEPKcmm", Hook::kStringFind, 4, kEqual},
    {"_ZNKSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEE4findEPKcm", Hook::kStringFindText, 3, kEqual},
    {"_ZNKSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEE4findERKS4_m", Hook::kStringFindString, 3, kEqual},
    {"_ZNKSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEE7compareEmmPKc", Hook::kStringPart, 4, kEqual},
    {"g_strcmp0", Hook::kText, 2, kEqual},
    {"g_ascii_strcasecmp", Hook::kText, 2, kAnyCase},
}};

const KnownCompare* known_compare(const llvm::CallBase& call) {
  const llvm::StringRef name = called_name(call);
  if (name.empty()) return nullptr;
  for (const KnownCompare& known : kKnown) {
    if (name != known.name || call.arg_size() != known.arguments) continue;
    return call.getArgOperand(0)->getType()->isPointerTy() ? &known : nullptr;
  }
  return nullptr;
}

bool goes_back(const llvm::BasicBlock* from, const llvm::BasicBlock* to, const llvm::DominatorTree& dominators) {
  if (dominators.dominates(to, from)) return true;
  const llvm::BasicBlock* next = to->getSingleSuccessor();
  return next != nullptr && dominators.dominates(next, from);
}

// `i < 16` at the end of a loop: how far the counter is from its bound is known without looking.
bool counts_to_constant(const llvm::CmpInst& compare, const llvm::DominatorTree& dominators) {
  if (!llvm::isa<llvm::Constant>(compare.getOperand(1)) || !compare.hasOneUse()) return false;
  const auto* branch = llvm::dyn_cast<llvm::BranchInst>(compare.user_back());
  if (branch == nullptr) return false;
  return llvm::any_of(branch->successors(), [&](const llvm::BasicBlock* to) { return goes_back(branch->getParent(), to, dominators); });
}

bool is_result_of_hooked(const llvm::Value* value) {
  const auto* call = llvm::dyn_cast<llvm::CallBase>(value);
  return call != nullptr && known_compare(*call) != nullptr;
}

bool tells_something(const llvm::CmpInst& compare, const llvm::DominatorTree& dominators) {
  const llvm::Value* a = compare.getOperand(0);
  const llvm::Value* b = compare.getOperand(1);
  const llvm::Type* type = a->getType();
  if (compare.hasMetadata("nosanitize") || (llvm::isa<llvm::Constant>(a) && llvm::isa<llvm::Constant>(b))) return false;
  if (is_result_of_hooked(a) || is_result_of_hooked(b)) return false;
  if (type->isFloatTy() || type->isDoubleTy()) return !compare.isFalseWhenEqual() || compare.getPredicate() != llvm::CmpInst::FCMP_FALSE;
  if (!type->isIntegerTy() || type->getIntegerBitWidth() < 2 || type->getIntegerBitWidth() > 128) return false;
  return !counts_to_constant(compare, dominators);
}

unsigned rounded(unsigned width) { return width <= 8 ? 8 : width <= 16 ? 16 : width <= 32 ? 32 : 64; }

bool is_equality(const llvm::CmpInst& compare) {
  const auto predicate = compare.getPredicate();
  if (compare.isIntPredicate()) return predicate == llvm::CmpInst::ICMP_EQ || predicate == llvm::CmpInst::ICMP_NE;
  return predicate == llvm::CmpInst::FCMP_OEQ || predicate == llvm::CmpInst::FCMP_UEQ || predicate == llvm::CmpInst::FCMP_ONE ||
         predicate == llvm::CmpInst::FCMP_UNE;
}

// What a site of two numbers is told: the form, and both sides as 64 bits.
struct Sides {
  uint32_t form;
  llvm::Value *a, *b;
};

class CompareHooks {
 public:
  CompareHooks(Emitter& emitter, SiteTable& sites, const Settings& settings)
      : emitter_(emitter),
        sites_(sites),
        scored_(settings.cmp),
        domain_{settings.cmp ? "cmp" : "operands", ISOBAR_FUZZ_OP_MAX, ISOBAR_FUZZ_REDUCE_MAX, 0} {}

  void integers(llvm::IRBuilder<>& builder, llvm::CmpInst& compare) {
    for (const Sides& sides : sides_of(builder, compare)) {
      const char* hook = scored_ ? "__isobar_fuzz_cmp_integers" : "__isobar_fuzz_log_integers";
      call(builder, hook, {cell(compare, sides.form), builder.getInt32(sides.form), sides.a, sides.b});
    }
  }

  void floats(llvm::IRBuilder<>& builder, llvm::CmpInst& compare) {
    const unsigned width = compare.getOperand(0)->getType()->isFloatTy() ? 32 : 64;
    const uint32_t form =
        width | (is_equality(compare) ? ISOBAR_FUZZ_CMP_EQUAL : ISOBAR_FUZZ_CMP_LESS) | constant_form(compare.getOperand(1));
    const auto bits = [&](llvm::Value* side) {
      return builder.CreateZExt(builder.CreateBitCast(side, emitter_.bits(width)), emitter_.bits(64));
    };
    call(builder, "__isobar_fuzz_cmp_floats",
         {cell(compare, form), builder.getInt32(form | scored()), bits(compare.getOperand(0)), bits(compare.getOperand(1))});
  }

  void switches(llvm::IRBuilder<>& builder, llvm::SwitchInst& choice) {
    const unsigned width = rounded(choice.getCondition()->getType()->getIntegerBitWidth());
    const uint32_t form = width | ISOBAR_FUZZ_CMP_EQUAL | ISOBAR_FUZZ_CMP_CASE | ISOBAR_FUZZ_CMP_CONSTANT;
    std::vector<uint64_t> values;
    llvm::Constant* first = nullptr;
    for (const auto& one : choice.cases()) {
      if (values.size() == kCasesMax) break;
      values.push_back(one.getCaseValue()->getZExtValue());
      llvm::Constant* made = cell(choice, form);
      if (first == nullptr) first = made;
    }
    llvm::Constant* content = llvm::ConstantDataArray::get(emitter_.context(), values);
    auto* table =
        new llvm::GlobalVariable(emitter_.module(), content->getType(), true, llvm::GlobalValue::PrivateLinkage, content, "isobar.cases");
    llvm::Value* value = builder.CreateZExt(choice.getCondition(), emitter_.bits(64));
    call(builder, "__isobar_fuzz_cmp_switch",
         {first, builder.getInt32(static_cast<uint32_t>(values.size())), builder.getInt32(form | scored()), value, emitter_.plain(table)});
  }

  void calls(llvm::IRBuilder<>& builder, llvm::CallBase& original) {
    const KnownCompare& known = *known_compare(original);
    const auto pointer = [&](unsigned i) { return builder.CreatePointerCast(original.getArgOperand(i), emitter_.pointer()); };
    const auto size = [&](unsigned i) { return builder.CreateZExtOrTrunc(original.getArgOperand(i), emitter_.bits(64)); };
    const uint32_t form = known.form | form_of_buffers(known.hook, original);
    std::vector<llvm::Value*> arguments = {cell(original, form), builder.getInt32(form | scored())};
    const auto add = [&](std::initializer_list<llvm::Value*> more) { arguments.insert(arguments.end(), more); };
    switch (known.hook) {
      case Hook::kMemory: add({pointer(0), pointer(1), size(2)}); return call(builder, "__isobar_fuzz_cmp_memory", arguments);
      case Hook::kText:
        add({pointer(0), pointer(1), builder.getInt64(UINT64_MAX)});
        return call(builder, "__isobar_fuzz_cmp_text", arguments);
      case Hook::kTextLimited: add({pointer(0), pointer(1), size(2)}); return call(builder, "__isobar_fuzz_cmp_text", arguments);
      case Hook::kSearchText: add({pointer(0), pointer(1)}); return call(builder, "__isobar_fuzz_cmp_search_text", arguments);
      case Hook::kSearchMemory:
        add({pointer(0), size(1), pointer(2), size(3)});
        return call(builder, "__isobar_fuzz_cmp_search_memory", arguments);
      case Hook::kStringText: add({pointer(0), pointer(1)}); return call(builder, "__isobar_fuzz_cmp_string_text", arguments);
      case Hook::kStringString: add({pointer(0), pointer(1)}); return call(builder, "__isobar_fuzz_cmp_string_string", arguments);
      case Hook::kStringFind:
        add({pointer(0), pointer(1), size(2), size(3)});
        return call(builder, "__isobar_fuzz_cmp_string_find", arguments);
      case Hook::kStringFindText:
        add({pointer(0), pointer(1), size(2)});
        return call(builder, "__isobar_fuzz_cmp_string_find_text", arguments);
      case Hook::kStringFindString:
        add({pointer(0), pointer(1), size(2)});
        return call(builder, "__isobar_fuzz_cmp_string_find_string", arguments);
      case Hook::kStringPart:
        add({pointer(0), size(1), size(2), pointer(3)});
        return call(builder, "__isobar_fuzz_cmp_string_part", arguments);
    }
  }

  /// Where code runs while operands are logged: before `place`. Always, where the domain wants it.
  llvm::Instruction* when_wanted(llvm::Instruction* place) {
    if (scored_) return place;
    llvm::IRBuilder<> builder(place);
    llvm::Value* logging =
        emitter_.unwatched(builder.CreateLoad(emitter_.bits(8), emitter_.variable("__isobar_fuzz_logging", emitter_.bits(8))));
    llvm::MDNode* seldom = llvm::MDBuilder(emitter_.context()).createBranchWeights(1, 1 << 20);
    return llvm::SplitBlockAndInsertIfThen(builder.CreateICmpNE(logging, builder.getInt8(0)), place, false, seldom);
  }
  bool scored_always() const { return scored_; }

 private:
  uint32_t scored() const { return scored_ ? kScored : 0; }
  llvm::Constant* cell(const llvm::Instruction& site, uint32_t form) { return sites_.cell(domain_, Emitter::place_of(site), form); }
  static uint32_t constant_form(const llvm::Value* value) { return llvm::isa<llvm::Constant>(value) ? ISOBAR_FUZZ_CMP_CONSTANT : 0; }

  static uint32_t form_of_buffers(Hook hook, const llvm::CallBase& call) {
    uint32_t form = 0;
    if (hook == Hook::kText || hook == Hook::kTextLimited || hook == Hook::kSearchText) form |= ISOBAR_FUZZ_CMP_TEXT;
    if (hook == Hook::kSearchText || hook == Hook::kSearchMemory || hook == Hook::kStringFind || hook == Hook::kStringFindText ||
        hook == Hook::kStringFindString)
      form |= ISOBAR_FUZZ_CMP_SEARCH;
    const unsigned second = hook == Hook::kSearchMemory ? 2 : hook == Hook::kStringPart ? 3 : 1;
    return form | constant_form(call.getArgOperand(second)->stripPointerCasts());
  }

  // Of numbers wider than 64 bits, the halves one after the other.
  std::vector<Sides> sides_of(llvm::IRBuilder<>& builder, llvm::CmpInst& compare) {
    llvm::Value* a = compare.getOperand(0);
    llvm::Value* b = compare.getOperand(1);
    const unsigned width = a->getType()->getIntegerBitWidth();
    const uint32_t form = (is_equality(compare) ? ISOBAR_FUZZ_CMP_EQUAL : ISOBAR_FUZZ_CMP_LESS) | constant_form(b) |
                          (compare.isSigned() ? ISOBAR_FUZZ_CMP_SIGNED : 0);
    const auto widened = [&](llvm::Value* side, unsigned to) {
      llvm::Value* rounded_up =
          compare.isSigned() ? builder.CreateSExt(side, emitter_.bits(to)) : builder.CreateZExt(side, emitter_.bits(to));
      return builder.CreateZExt(rounded_up, emitter_.bits(64));
    };
    if (width <= 64) return {{form | rounded(width), widened(a, rounded(width)), widened(b, rounded(width))}};
    const auto half = [&](llvm::Value* side, unsigned shift) {
      llvm::Value* whole = compare.isSigned() ? builder.CreateSExt(side, emitter_.bits(128)) : builder.CreateZExt(side, emitter_.bits(128));
      return builder.CreateTrunc(builder.CreateLShr(whole, shift), emitter_.bits(64));
    };
    return {{form | 64, half(a, 64), half(b, 64)}, {(form & ~ISOBAR_FUZZ_CMP_SIGNED) | 64, half(a, 0), half(b, 0)}};
  }

  void call(llvm::IRBuilder<>& builder, const char* hook, llvm::ArrayRef<llvm::Value*> arguments) {
    std::vector<llvm::Type*> types;
    for (llvm::Value* argument : arguments) types.push_back(argument->getType());
    builder.CreateCall(emitter_.hook(hook, emitter_.nothing(), types), arguments);
  }

  Emitter& emitter_;
  SiteTable& sites_;
  bool scored_;
  SiteDomain domain_;
};

void hook_number(CompareHooks& hooks, llvm::IRBuilder<>& builder, llvm::Instruction& compare) {
  if (auto* choice = llvm::dyn_cast<llvm::SwitchInst>(&compare)) return hooks.switches(builder, *choice);
  auto& two = llvm::cast<llvm::CmpInst>(compare);
  if (two.isIntPredicate()) hooks.integers(builder, two);
  else hooks.floats(builder, two);
}

// Of one block. They are logged at the last of them, behind one look at the byte.
void hook_numbers(CompareHooks& hooks, const std::vector<llvm::Instruction*>& numbers) {
  if (numbers.empty()) return;
  if (hooks.scored_always()) {
    for (llvm::Instruction* compare : numbers) {
      llvm::IRBuilder<> builder(compare);
      hook_number(hooks, builder, *compare);
    }
    return;
  }
  llvm::IRBuilder<> builder(hooks.when_wanted(numbers.back()));
  for (llvm::Instruction* compare : numbers) {
    builder.SetCurrentDebugLocation(compare->getDebugLoc());
    hook_number(hooks, builder, *compare);
  }
}

}  // namespace

Compares find_compares(llvm::Function& function) {
  const llvm::DominatorTree dominators(function);
  Compares found;
  for (llvm::BasicBlock& block : function) {
    for (llvm::Instruction& instruction : block) {
      if (auto* compare = llvm::dyn_cast<llvm::CmpInst>(&instruction)) {
        if (tells_something(*compare, dominators)) found.numbers[&block].push_back(compare);
      } else if (auto* choice = llvm::dyn_cast<llvm::SwitchInst>(&instruction)) {
        if (choice->getNumCases() > 0 && choice->getCondition()->getType()->getIntegerBitWidth() <= 64)
          found.numbers[&block].push_back(choice);
      } else if (auto* call = llvm::dyn_cast<llvm::CallBase>(&instruction)) {
        if (known_compare(*call) != nullptr) found.calls.push_back(call);
      }
    }
  }
  return found;
}

void hook_compares(Emitter& emitter, SiteTable& sites, const Compares& compares, const Settings& settings) {
  CompareHooks hooks(emitter, sites, settings);
  for (const auto& [block, numbers] : compares.numbers) hook_numbers(hooks, numbers);
  for (llvm::CallBase* call : compares.calls) {
    llvm::IRBuilder<> builder(hooks.when_wanted(call));
    builder.SetCurrentDebugLocation(call->getDebugLoc());
    hooks.calls(builder, *call);
  }
}

}  // namespace isobar::fuzz
