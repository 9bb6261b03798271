#include "allocations.h"

#include <array>
#include <optional>

#include "calls.h"
#include "isobar/fuzz_abi.h"

namespace isobar::fuzz {
namespace {

enum class Gives { kBlock, kNewBlock, kThroughFirst, kBlockOf, kMapping, kText, kFree, kDelete, kUnmap, kUnseen };

struct Giver {
  const char* name;
  const char* arguments;  // as has_arguments() has it
  Gives gives;
  int size, count;  // which arguments; -1: none
};

constexpr std::array<Giver, 36> kAllocators = {{
    {"malloc", "n", Gives::kBlock, 0, -1},
    {"calloc", "nn", Gives::kBlock, 1, 0},
    {"realloc", "pn", Gives::kBlockOf, 1, -1},
    {"reallocarray", "pnn", Gives::kBlockOf, 2, 1},
    {"aligned_alloc", "nn", Gives::kBlock, 1, -1},
    {"memalign", "nn", Gives::kBlock, 1, -1},
    {"posix_memalign", "pnn", Gives::kThroughFirst, 2, -1},
    {"valloc", "n", Gives::kBlock, 0, -1},
    {"pvalloc", "n", Gives::kBlock, 0, -1},
    {"strdup", "p", Gives::kText, -1, -1},
    {"__strdup", "p", Gives::kText, -1, -1},
    {"strndup", "pn", Gives::kText, 1, -1},
    {"__strndup", "pn", Gives::kText, 1, -1},
    {"mmap", "pn", Gives::kMapping, 1, -1},
    {"mmap64", "pn", Gives::kMapping, 1, -1},
    {"munmap", "pn", Gives::kUnmap, 1, -1},
    {"free", "p", Gives::kFree, -1, -1},
    {"cfree", "p", Gives::kFree, -1, -1},
    // operator new and new[]: plain, with nothrow, with alignment, with both.
    {"_Znwm", "n", Gives::kNewBlock, 0, -1},
    {"_Znam", "n", Gives::kNewBlock, 0, -1},
    {"_ZnwmRKSt9nothrow_t", "n", Gives::kNewBlock, 0, -1},
    {"_ZnamRKSt9nothrow_t", "n", Gives::kNewBlock, 0, -1},
    {"_ZnwmSt11align_val_t", "n", Gives::kNewBlock, 0, -1},
    {"_ZnamSt11align_val_t", "n", Gives::kNewBlock, 0, -1},
    {"_ZnwmSt11align_val_tRKSt9nothrow_t", "n", Gives::kNewBlock, 0, -1},
    {"_ZnamSt11align_val_tRKSt9nothrow_t", "n", Gives::kNewBlock, 0, -1},
    {"_ZdlPv", "p", Gives::kDelete, -1, -1},
    {"_ZdaPv", "p", Gives::kDelete, -1, -1},
    {"_ZdlPvm", "p", Gives::kDelete, -1, -1},
    {"_ZdaPvm", "p", Gives::kDelete, -1, -1},
    {"_ZdlPvSt11align_val_t", "p", Gives::kDelete, -1, -1},
    {"_ZdaPvSt11align_val_t", "p", Gives::kDelete, -1, -1},
    {"_ZdlPvmSt11align_val_t", "p", Gives::kDelete, -1, -1},
    {"_ZdaPvmSt11align_val_t", "p", Gives::kDelete, -1, -1},
    {"_ZdlPvRKSt9nothrow_t", "p", Gives::kDelete, -1, -1},
    {"_ZdaPvRKSt9nothrow_t", "p", Gives::kDelete, -1, -1},
}};

std::optional<Giver> known_allocator(const llvm::CallBase& call, const Settings& settings) {
  const llvm::StringRef name = called_name(call);
  if (name.empty()) return std::nullopt;
  for (const Giver& known : kAllocators)
    if (name == known.name && has_arguments(call, known.arguments)) return known;
  for (const Allocator& own : settings.allocators) {
    const unsigned last = static_cast<unsigned>(std::max(own.size, own.count));
    if (!is_named(name, own.name) || call.arg_size() <= last ||
        !call.getArgOperand(static_cast<unsigned>(own.size))->getType()->isIntegerTy())
      continue;
    // What such a function gives may be a part of a larger block, so it is no block of malloc's.
    return Giver{own.name.c_str(), "", Gives::kUnseen, own.size, own.count};
  }
  return std::nullopt;
}

class AllocationHooks {
 public:
  AllocationHooks(Emitter& emitter, SiteTable& sites) : emitter_(emitter), sites_(sites) {}

  void hook(llvm::CallBase& call, const Giver& known) {
    AroundCall around(emitter_, call);
    if (known.size >= 0 || known.gives == Gives::kText) {
      if (known.gives != Gives::kUnmap) asked(around, call, known);
    }
    given(around, call, known);
  }

 private:
  void asked(AroundCall& around, llvm::CallBase& call, const Giver& known) {
    auto builder = around.before();
    const Place place = Emitter::place_of(call);
    llvm::Constant* sum = sites_.cell({"mem", ISOBAR_FUZZ_OP_ADD, ISOBAR_FUZZ_REDUCE_MAX, 0}, place, 0);
    llvm::Constant* largest = sites_.cell({"mem.largest", ISOBAR_FUZZ_OP_MAX, ISOBAR_FUZZ_REDUCE_MAX, 0}, place, 0);
    const auto argument = [&](int i) { return around.number(builder, static_cast<unsigned>(i)); };
    if (known.gives == Gives::kText) {
      llvm::Value* limit = known.size >= 0 ? argument(known.size) : builder.getInt64(UINT64_MAX);
      around.hook(builder, "__isobar_fuzz_mem_asked_text", {sum, largest, around.pointer(builder, 0), limit});
    } else if (known.count >= 0) {
      around.hook(builder, "__isobar_fuzz_mem_asked_items", {sum, largest, argument(known.count), argument(known.size)});
    } else {
      around.hook(builder, "__isobar_fuzz_mem_asked", {sum, largest, argument(known.size)});
    }
  }

  void given(AroundCall& around, llvm::CallBase& call, const Giver& known) {
    auto before = around.before();
    switch (known.gives) {
      case Gives::kFree:
      case Gives::kDelete:
        around.hook(before, "__isobar_fuzz_mem_freed", {around.pointer(before, 0), before.getInt32(known.gives == Gives::kDelete)});
        return;
      case Gives::kUnmap: around.hook(before, "__isobar_fuzz_mem_unmapped", {around.number(before, 1)}); return;
      case Gives::kUnseen: return;
      default: break;
    }
    if (!around.has_after() || (known.gives != Gives::kThroughFirst && !call.getType()->isPointerTy())) return;
    if (known.gives == Gives::kBlockOf) return resized(around, call, known);
    auto after = around.after();
    if (known.gives == Gives::kMapping) {
      around.hook(after, "__isobar_fuzz_mem_mapped", {around.result_pointer(after), around.number(after, 1)});
    } else if (known.gives == Gives::kThroughFirst) {
      llvm::Value* place = after.CreatePointerCast(call.getArgOperand(0), llvm::PointerType::get(emitter_.pointer(), 0));
      llvm::Value* made = emitter_.unwatched(after.CreateLoad(emitter_.pointer(), place));
      llvm::Value* failed = after.CreateICmpNE(&call, llvm::ConstantInt::get(call.getType(), 0));
      llvm::Value* block = after.CreateSelect(failed, llvm::ConstantPointerNull::get(emitter_.pointer()), made);
      around.hook(after, "__isobar_fuzz_mem_got", {block, after.getInt32(0)});
    } else {
      around.hook(after, "__isobar_fuzz_mem_got", {around.result_pointer(after), after.getInt32(known.gives == Gives::kNewBlock)});
    }
  }

  void resized(AroundCall& around, llvm::CallBase&, const Giver& known) {
    auto before = around.before();
    llvm::Value* old = around.hook(before, "__isobar_fuzz_mem_before", {around.pointer(before, 0)}, emitter_.bits(64));
    auto after = around.after();
    around.hook(after, "__isobar_fuzz_mem_became",
                {around.result_pointer(after), old, around.number(after, static_cast<unsigned>(known.size))});
  }

  Emitter& emitter_;
  SiteTable& sites_;
};

}  // namespace

std::vector<llvm::CallBase*> find_allocations(llvm::Function& function, const Settings& settings) {
  std::vector<llvm::CallBase*> found;
  for (llvm::BasicBlock& block : function)
    for (llvm::Instruction& instruction : block)
      if (auto* call = llvm::dyn_cast<llvm::CallBase>(&instruction); call != nullptr && known_allocator(*call, settings))
        found.push_back(call);
  return found;
}

void hook_allocations(Emitter& emitter, SiteTable& sites, const std::vector<llvm::CallBase*>& calls, const Settings& settings) {
  AllocationHooks hooks(emitter, sites);
  for (llvm::CallBase* call : calls) hooks.hook(*call, *known_allocator(*call, settings));
}

void note_own_new(Emitter& emitter) {
  for (const char* name : {"_Znwm", "_Znam"}) {
    const llvm::Function* own = emitter.module().getFunction(name);
    if (own == nullptr || own->isDeclaration()) continue;
    new llvm::GlobalVariable(emitter.module(), emitter.bits(8), false, llvm::GlobalValue::ExternalLinkage,
                             llvm::ConstantInt::get(emitter.bits(8), 1), "__isobar_fuzz_own_new");
    return;
  }
}

}  // namespace isobar::fuzz
