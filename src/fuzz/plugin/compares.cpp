#include "compares.h"

#include <algorithm>
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

// A compare's cells; of a switch also its cases, and the least of them.
struct Cells {
  std::vector<llvm::Constant*> cells;
  llvm::Constant* cases = nullptr;
  uint64_t least = 0;
};

class CompareHooks {
 public:
  CompareHooks(Emitter& emitter, SiteTable& sites, const Settings& settings)
      : emitter_(emitter),
        sites_(sites),
        scored_(settings.cmp),
        domain_{settings.cmp ? "cmp" : "operands", ISOBAR_FUZZ_OP_MAX, ISOBAR_FUZZ_REDUCE_MAX, 0} {}

  /// What is logged of a compare of integers or a switch, at the builder's place.
  void log(llvm::IRBuilder<>& builder, llvm::CmpInst& compare, const Cells& cells) {
    const std::vector<Sides> all = sides_of(builder, compare);
    for (size_t i = 0; i < all.size(); ++i)
      call(builder, "__isobar_fuzz_log_integers", {cells.cells[i], builder.getInt32(all[i].form), all[i].a, all[i].b});
  }
  void log(llvm::IRBuilder<>& builder, llvm::SwitchInst& choice, const Cells& cells) {
    call(builder, "__isobar_fuzz_log_switch",
         {cells.cells[0], builder.getInt32(static_cast<uint32_t>(cells.cells.size())), builder.getInt32(form_of(choice)),
          value_of(builder, choice), cells.cases});
  }

  /// One cell for each pair of sides, or each case.
  Cells cells_of(llvm::CmpInst& compare) {
    Cells cells;
    const unsigned halves = compare.getOperand(0)->getType()->getIntegerBitWidth() > 64 ? 2 : 1;
    for (unsigned half = 0; half < halves; ++half) cells.cells.push_back(cell(compare, form_of(compare, half)));
    return cells;
  }
  Cells cells_of(llvm::SwitchInst& choice) {
    Cells cells;
    std::vector<uint64_t> values;
    for (const auto& one : choice.cases()) {
      if (values.size() == kCasesMax) break;
      values.push_back(one.getCaseValue()->getZExtValue());
      cells.cells.push_back(cell(choice, form_of(choice)));
    }
    cells.least = *std::min_element(values.begin(), values.end());
    llvm::Constant* content = llvm::ConstantDataArray::get(emitter_.context(), values);
    auto* table =
        new llvm::GlobalVariable(emitter_.module(), content->getType(), true, llvm::GlobalValue::PrivateLinkage, content, "isobar.cases");
    cells.cases = emitter_.plain(table);
    return cells;
  }

  /// Looks whether the sides are closer than the cell says, and calls only then.
  void score(llvm::CmpInst& compare, const Cells& cells) {
    llvm::IRBuilder<> builder(&compare);
    const std::vector<Sides> all = sides_of(builder, compare);
    for (size_t i = 0; i < all.size(); ++i) {
      builder.SetInsertPoint(&compare);
      llvm::Value* width = builder.getInt64(all[i].form & 0xff);
      llvm::Value* bits = bits_between(builder, all[i]);
      llvm::Value* closer = builder.CreateICmpULT(builder.CreateAdd(bits, load(builder, cells.cells[i])), width);
      llvm::IRBuilder<> seldom(llvm::SplitBlockAndInsertIfThen(closer, &compare, false, unlikely()));
      call(seldom, "__isobar_fuzz_cmp_closer", {cells.cells[i], seldom.CreateSub(width, bits)});
    }
  }
  void score(llvm::SwitchInst& choice, const Cells& cells) {
    llvm::Constant* unseen = sites_.unseen();
    llvm::IRBuilder<> builder(&choice);
    llvm::Value* value = value_of(builder, choice);
    llvm::Value* place = builder.CreateSub(value, builder.getInt64(cells.least));
    llvm::Value* bit = builder.CreateShl(builder.getInt64(1), builder.CreateAnd(place, 63));
    llvm::Value* is_new = builder.CreateICmpNE(builder.CreateAnd(load(builder, unseen), bit), builder.getInt64(0));
    llvm::Value* look = builder.CreateOr(is_new, builder.CreateICmpUGT(place, builder.getInt64(63)));
    llvm::IRBuilder<> seldom(llvm::SplitBlockAndInsertIfThen(look, &choice, false, unlikely()));
    call(seldom, "__isobar_fuzz_cmp_switch",
         {cells.cells[0], unseen, seldom.getInt32(static_cast<uint32_t>(cells.cells.size())), seldom.getInt32(form_of(choice)), value,
          cells.cases, place});
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

  /// Where code runs while operands are logged: before `place`.
  llvm::Instruction* while_logging(llvm::Instruction* place) {
    llvm::IRBuilder<> builder(place);
    llvm::Value* logging =
        emitter_.unwatched(builder.CreateLoad(emitter_.bits(8), emitter_.variable("__isobar_fuzz_logging", emitter_.bits(8))));
    return llvm::SplitBlockAndInsertIfThen(builder.CreateICmpNE(logging, builder.getInt8(0)), place, false, unlikely());
  }
  /// The same; always, where the domain wants it.
  llvm::Instruction* when_wanted(llvm::Instruction* place) { return scored_ ? place : while_logging(place); }
  bool is_scored() const { return scored_; }

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

  static uint32_t form_of(const llvm::CmpInst& compare, unsigned half) {
    const unsigned width = compare.getOperand(0)->getType()->getIntegerBitWidth();
    // The lower half of a wide number has no sign.
    return rounded(width) | (is_equality(compare) ? ISOBAR_FUZZ_CMP_EQUAL : ISOBAR_FUZZ_CMP_LESS) | constant_form(compare.getOperand(1)) |
           (compare.isSigned() && half == 0 ? ISOBAR_FUZZ_CMP_SIGNED : 0);
  }
  static uint32_t form_of(const llvm::SwitchInst& choice) {
    return rounded(choice.getCondition()->getType()->getIntegerBitWidth()) | ISOBAR_FUZZ_CMP_EQUAL | ISOBAR_FUZZ_CMP_CASE |
           ISOBAR_FUZZ_CMP_CONSTANT;
  }

  // Of numbers wider than 64 bits, the upper half and then the lower.
  std::vector<Sides> sides_of(llvm::IRBuilder<>& builder, llvm::CmpInst& compare) {
    llvm::Value* a = compare.getOperand(0);
    llvm::Value* b = compare.getOperand(1);
    const unsigned width = a->getType()->getIntegerBitWidth();
    const auto widened = [&](llvm::Value* side, unsigned to) {
      return compare.isSigned() ? builder.CreateSExt(side, emitter_.bits(to)) : builder.CreateZExt(side, emitter_.bits(to));
    };
    const auto word = [&](llvm::Value* side) { return builder.CreateZExt(widened(side, rounded(width)), emitter_.bits(64)); };
    if (width <= 64) return {{form_of(compare, 0), word(a), word(b)}};
    const auto half = [&](llvm::Value* side, unsigned shift) {
      return builder.CreateTrunc(builder.CreateLShr(widened(side, 128), shift), emitter_.bits(64));
    };
    return {{form_of(compare, 0), half(a, 64), half(b, 64)}, {form_of(compare, 1), half(a, 0), half(b, 0)}};
  }

  llvm::Value* value_of(llvm::IRBuilder<>& builder, llvm::SwitchInst& choice) {
    return builder.CreateZExt(choice.getCondition(), emitter_.bits(64));
  }

  // Of == and != the bits that differ, else those of how far the sides are apart.
  llvm::Value* bits_between(llvm::IRBuilder<>& builder, const Sides& sides) {
    const auto intrinsic = [&](llvm::Intrinsic::ID which) {
      return llvm::Intrinsic::getDeclaration(&emitter_.module(), which, {emitter_.bits(64)});
    };
    if (sides.form & ISOBAR_FUZZ_CMP_EQUAL)
      return builder.CreateCall(intrinsic(llvm::Intrinsic::ctpop), {builder.CreateXor(sides.a, sides.b)});
    const uint64_t sign = sides.form & ISOBAR_FUZZ_CMP_SIGNED ? uint64_t{1} << ((sides.form & 0xff) - 1) : 0;
    llvm::Value* a = sign == 0 ? sides.a : builder.CreateXor(sides.a, sign);
    llvm::Value* b = sign == 0 ? sides.b : builder.CreateXor(sides.b, sign);
    llvm::Value* distance = builder.CreateSelect(builder.CreateICmpULT(a, b), builder.CreateSub(b, a), builder.CreateSub(a, b));
    return builder.CreateSub(builder.getInt64(64), builder.CreateCall(intrinsic(llvm::Intrinsic::ctlz), {distance, builder.getFalse()}));
  }

  llvm::Value* load(llvm::IRBuilder<>& builder, llvm::Constant* word) {
    llvm::Value* place = builder.CreatePointerCast(word, llvm::PointerType::get(emitter_.bits(64), 0));
    return emitter_.unwatched(builder.CreateLoad(emitter_.bits(64), place));
  }

  llvm::MDNode* unlikely() { return llvm::MDBuilder(emitter_.context()).createBranchWeights(1, 1 << 20); }

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

template <class Compare>
void hook_number(CompareHooks& hooks, llvm::IRBuilder<>& logging, Compare& compare) {
  const Cells cells = hooks.cells_of(compare);
  hooks.log(logging, compare, cells);
  if (hooks.is_scored()) hooks.score(compare, cells);
}

// Of one block. They are logged at the last of them, behind one look at the byte; that is done first, while it is one block.
void hook_numbers(CompareHooks& hooks, const std::vector<llvm::Instruction*>& numbers) {
  llvm::IRBuilder<> logging(hooks.while_logging(numbers.back()));
  for (llvm::Instruction* number : numbers) {
    logging.SetCurrentDebugLocation(number->getDebugLoc());
    auto* choice = llvm::dyn_cast<llvm::SwitchInst>(number);
    if (choice != nullptr) hook_number(hooks, logging, *choice);
    else hook_number(hooks, logging, llvm::cast<llvm::ICmpInst>(*number));
  }
}

// Bits that differ are counted at each ==: with an instruction that every x86-64 since 2008 has.
void let_count_bits(llvm::Function& function) {
  if (llvm::StringRef(function.getParent()->getTargetTriple()).take_front(6) != "x86_64") return;
  const std::string features = function.getFnAttribute("target-features").getValueAsString().str();
  function.addFnAttr("target-features", features + (features.empty() ? "" : ",") + "+popcnt");
}

}  // namespace

Compares find_compares(llvm::Function& function) {
  const llvm::DominatorTree dominators(function);
  Compares found;
  for (llvm::BasicBlock& block : function) {
    for (llvm::Instruction& instruction : block) {
      if (auto* compare = llvm::dyn_cast<llvm::CmpInst>(&instruction)) {
        if (!tells_something(*compare, dominators)) continue;
        if (compare->isIntPredicate()) found.numbers[&block].push_back(compare);
        else found.floats.push_back(compare);
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
  if (settings.cmp && !compares.numbers.empty()) let_count_bits(*compares.numbers.begin()->first->getParent());
  CompareHooks hooks(emitter, sites, settings);
  for (const auto& [block, numbers] : compares.numbers) hook_numbers(hooks, numbers);
  for (llvm::CmpInst* compare : compares.floats) {
    llvm::IRBuilder<> builder(hooks.when_wanted(compare));
    builder.SetCurrentDebugLocation(compare->getDebugLoc());
    hooks.floats(builder, *compare);
  }
  for (llvm::CallBase* call : compares.calls) {
    llvm::IRBuilder<> builder(hooks.when_wanted(call));
    builder.SetCurrentDebugLocation(call->getDebugLoc());
    hooks.calls(builder, *call);
  }
}

}  // namespace isobar::fuzz
