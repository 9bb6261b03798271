#pragma once

/// What is common to all instrumentation: the types and hooks of isobar/fuzz_abi.h as LLVM has them, texts, where a site is in the source,
/// and the arrays of cells and records that each function brings with it.
///
/// All that belongs to a function lies in its comdat group, so that a linker keeps or drops the function's code, counters, cells and
/// records together; sections of one name then have their parts in one order in the linked file, which is what registration relies on.

#include <map>
#include <string>
#include <vector>

#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/Module.h"

namespace isobar::fuzz {

/// A place in the source, as far as debug information knows it.
struct Place {
  std::string function, file;
  uint32_t line = 0;
};

/// A domain whose keys are sites, as the object declares it to the runtime.
struct SiteDomain {
  std::string name;
  uint8_t op, reducer;
  uint64_t initial;
  bool operator<(const SiteDomain& other) const { return name < other.name; }
};

class Emitter {
 public:
  explicit Emitter(llvm::Module& module);

  llvm::Module& module() { return module_; }
  llvm::LLVMContext& context() { return module_.getContext(); }
  llvm::IntegerType* bits(unsigned width) { return llvm::IntegerType::get(context(), width); }
  llvm::PointerType* pointer() { return llvm::PointerType::get(bits(8), 0); }
  llvm::Type* nothing() { return llvm::Type::getVoidTy(context()); }

  /// Declares a hook of the runtime, which throws nothing.
  llvm::FunctionCallee hook(llvm::StringRef name, llvm::Type* result, llvm::ArrayRef<llvm::Type*> parameters);
  /// A variable of the runtime's, as a pointer to its type.
  llvm::Constant* variable(llvm::StringRef name, llvm::Type* type);
  /// A constant string; one for each text in a module.
  llvm::GlobalVariable* text(const std::string& content);
  /// `constant` as a plain pointer (typed pointers, LLVM 14).
  llvm::Constant* plain(llvm::Constant* constant) { return llvm::ConstantExpr::getPointerCast(constant, pointer()); }

  /// `instruction` will not be looked at by sanitizers.
  template <class T>
  T* unwatched(T* instruction) {
    instruction->setMetadata("nosanitize", llvm::MDNode::get(context(), {}));
    return instruction;
  }

  /// The array's place, until place_arrays() knows how long it is: element `index` of an array of elements of `size` bytes.
  /// The array that is to come stands for itself by `placeholder`.
  llvm::GlobalVariable* placeholder();
  llvm::Constant* element(llvm::GlobalVariable* array, uint64_t index, uint64_t size);

  /// Makes the real array in `section` within the function's comdat, and puts it in the placeholder's place.
  llvm::GlobalVariable* place_array(llvm::Function& function, llvm::GlobalVariable* placeholder, llvm::Constant* content,
                                    const std::string& section, bool constant, unsigned alignment);
  /// The records of sites, isobar_fuzz_site each.
  void place_records(llvm::Function& function, const std::vector<std::pair<Place, uint32_t>>& sites, const std::string& section);

  /// Where an instruction, or the first with a line in a block, comes from.
  static Place place_of(const llvm::Instruction& instruction);
  static Place place_of(const llvm::BasicBlock& block);

 private:
  llvm::Module& module_;
  std::map<std::string, llvm::GlobalVariable*> texts_;
  std::vector<llvm::GlobalValue*> kept_;
};

/// The sites of one function, and their cells.
class SiteTable {
 public:
  SiteTable(Emitter& emitter, llvm::Function& function) : emitter_(emitter), function_(function) {}

  /// The cell of a new site, as a pointer.
  llvm::Constant* cell(const SiteDomain& domain, const Place& place, uint32_t form);
  /// A word of all ones for a switch, which begins each run so: struct seen of target/domain_cmp.c.
  llvm::Constant* unseen();
  /// Puts all arrays into the module. Adds the domains that it met to `domains`, with how many sites each has.
  void finish(std::map<SiteDomain, unsigned>& domains);

 private:
  struct Sites {
    llvm::GlobalVariable* array = nullptr;
    std::vector<std::pair<Place, uint32_t>> records;
  };
  Emitter& emitter_;
  llvm::Function& function_;
  std::map<SiteDomain, Sites> domains_;
  llvm::GlobalVariable* unseen_ = nullptr;
  uint64_t unseen_count_ = 0;
};

/// "mem.largest" → "mem_largest", as sections and symbols have it.
std::string symbol_of_domain(const std::string& name);

}  // namespace isobar::fuzz
