#include "emit.h"

#include "llvm/IR/DebugInfoMetadata.h"
#include "llvm/Transforms/Instrumentation.h"
#include "llvm/Transforms/Utils/ModuleUtils.h"
#if __has_include("llvm/TargetParser/Triple.h")
#include "llvm/TargetParser/Triple.h"
#else
#include "llvm/ADT/Triple.h"
#endif

namespace isobar::fuzz {
namespace {

constexpr uint64_t kCellBytes = 16;  // isobar_fuzz_cell

std::string path_of(const llvm::DIFile* file) {
  if (file == nullptr) return "";
  const std::string name = file->getFilename().str();
  const std::string folder = file->getDirectory().str();
  return name.empty() || name[0] == '/' || folder.empty() ? name : folder + "/" + name;
}

const llvm::DISubprogram* subprogram_of(const llvm::DILocation* location) {
  return location == nullptr ? nullptr : location->getScope()->getSubprogram();
}

// As the compiler has it, where debug information keeps that: line tables alone do not for what is inlined.
std::string name_of(const llvm::DISubprogram* subprogram, const llvm::Function& function) {
  if (subprogram == nullptr || subprogram == function.getSubprogram()) return function.getName().str();
  return (subprogram->getLinkageName().empty() ? subprogram->getName() : subprogram->getLinkageName()).str();
}

// What is inlined from a system's header is told by the line that uses it: many share the header's.
const llvm::DILocation* out_of_headers(const llvm::DILocation* location) {
  while (location != nullptr && location->getInlinedAt() != nullptr &&
         llvm::StringRef(path_of(location->getFile())).take_front(5) == "/usr/")
    location = location->getInlinedAt();
  return location;
}

Place place_in(const llvm::Function& function, const llvm::DILocation* innermost) {
  const llvm::DILocation* location = out_of_headers(innermost);
  const llvm::DISubprogram* subprogram = location == nullptr ? function.getSubprogram() : subprogram_of(location);
  Place place{name_of(subprogram, function), "", 0};
  if (location != nullptr) {
    place.file = path_of(location->getFile());
    place.line = location->getLine();
  } else if (subprogram != nullptr) {
    place.file = path_of(subprogram->getFile());
    place.line = subprogram->getLine();
  } else {
    place.file = function.getParent()->getSourceFileName();
  }
  return place;
}

}  // namespace

std::string symbol_of_domain(const std::string& name) {
  std::string symbol;
  for (char c : name) symbol += std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
  return symbol;
}

Emitter::Emitter(llvm::Module& module) : module_(module) {}

llvm::FunctionCallee Emitter::hook(llvm::StringRef name, llvm::Type* result, llvm::ArrayRef<llvm::Type*> parameters) {
  llvm::FunctionCallee callee = module_.getOrInsertFunction(name, llvm::FunctionType::get(result, parameters, false));
  if (auto* function = llvm::dyn_cast<llvm::Function>(callee.getCallee())) function->setDoesNotThrow();
  return callee;
}

// The runtime is in the executable: code that is for executables alone (-fPIE, or neither) reaches its variables directly.
llvm::Constant* Emitter::variable(llvm::StringRef name, llvm::Type* type) {
  llvm::Constant* found = module_.getOrInsertGlobal(name, type);
  if (auto* global = llvm::dyn_cast<llvm::GlobalVariable>(found))
    if (module_.getPICLevel() == llvm::PICLevel::NotPIC || module_.getPIELevel() != llvm::PIELevel::Default) global->setDSOLocal(true);
  return found;
}

llvm::GlobalVariable* Emitter::text(const std::string& content) {
  llvm::GlobalVariable*& known = texts_[content];
  if (known != nullptr) return known;
  llvm::Constant* bytes = llvm::ConstantDataArray::getString(context(), content);
  known = new llvm::GlobalVariable(module_, bytes->getType(), true, llvm::GlobalValue::PrivateLinkage, bytes, "isobar.text");
  known->setUnnamedAddr(llvm::GlobalValue::UnnamedAddr::Global);
  known->setAlignment(llvm::Align(1));
  return known;
}

llvm::GlobalVariable* Emitter::placeholder() {
  return new llvm::GlobalVariable(module_, bits(8), false, llvm::GlobalValue::ExternalLinkage, nullptr, "isobar.array");
}

llvm::Constant* Emitter::element(llvm::GlobalVariable* array, uint64_t index, uint64_t size) {
  llvm::Constant* offset = llvm::ConstantInt::get(bits(64), index * size);
  return llvm::ConstantExpr::getInBoundsGetElementPtr(bits(8), plain(array), offset);
}

llvm::GlobalVariable* Emitter::place_array(llvm::Function& function, llvm::GlobalVariable* placeholder, llvm::Constant* content,
                                           const std::string& section, bool constant, unsigned alignment) {
  auto* array = new llvm::GlobalVariable(module_, content->getType(), constant, llvm::GlobalValue::PrivateLinkage, content, "isobar.array");
  llvm::Triple triple(module_.getTargetTriple());
  if (llvm::Comdat* comdat = llvm::getOrCreateFunctionComdat(function, triple)) array->setComdat(comdat);
  array->setSection(section);
  array->setAlignment(llvm::Align(alignment));
  llvm::appendToCompilerUsed(module_, {array});
  if (placeholder != nullptr) {
    placeholder->replaceAllUsesWith(llvm::ConstantExpr::getPointerCast(array, placeholder->getType()));
    placeholder->eraseFromParent();
  }
  return array;
}

// Each text is found by its distance from the field itself: no relocation is left for the loader.
void Emitter::place_records(llvm::Function& function, const std::vector<std::pair<Place, uint32_t>>& sites, const std::string& section) {
  llvm::GlobalVariable* self = placeholder();
  const auto distance = [&](const std::string& content, uint64_t field) -> llvm::Constant* {
    if (content.empty()) return llvm::ConstantInt::get(bits(32), 0);
    llvm::Constant* there = llvm::ConstantExpr::getPtrToInt(text(content), bits(64));
    llvm::Constant* here = llvm::ConstantExpr::getPtrToInt(element(self, field, 4), bits(64));
    return llvm::ConstantExpr::getTrunc(llvm::ConstantExpr::getSub(there, here), bits(32));
  };
  std::vector<llvm::Constant*> words;
  for (const auto& [place, form] : sites) {
    words.push_back(distance(place.function, words.size()));
    words.push_back(distance(place.file, words.size()));
    words.push_back(llvm::ConstantInt::get(bits(32), place.line));
    words.push_back(llvm::ConstantInt::get(bits(32), form));
  }
  llvm::Constant* content = llvm::ConstantArray::get(llvm::ArrayType::get(bits(32), words.size()), words);
  place_array(function, self, content, section, true, 4);
}

Place Emitter::place_of(const llvm::Instruction& instruction) {
  const llvm::DILocation* location = instruction.getDebugLoc().get();
  if (location == nullptr || location->getLine() == 0) return place_of(*instruction.getParent());
  return place_in(*instruction.getFunction(), location);
}

Place Emitter::place_of(const llvm::BasicBlock& block) {
  const llvm::Function& function = *block.getParent();
  if (&block != &function.getEntryBlock() || function.getSubprogram() == nullptr) {
    for (const llvm::Instruction& instruction : block) {
      const llvm::DILocation* location = instruction.getDebugLoc().get();
      if (!llvm::isa<llvm::PHINode>(instruction) && location != nullptr && location->getLine() != 0) return place_in(function, location);
    }
    // A block that was made to split an edge has the place it leads to.
    if (const llvm::BasicBlock* next = block.getSingleSuccessor(); next != nullptr && block.size() == 1 && next != &block) {
      for (const llvm::Instruction& instruction : *next) {
        const llvm::DILocation* location = instruction.getDebugLoc().get();
        if (!llvm::isa<llvm::PHINode>(instruction) && location != nullptr && location->getLine() != 0) return place_in(function, location);
      }
    }
  }
  return place_in(function, nullptr);
}

llvm::Constant* SiteTable::cell(const SiteDomain& domain, const Place& place, uint32_t form) {
  Sites& sites = domains_[domain];
  if (sites.array == nullptr) sites.array = emitter_.placeholder();
  sites.records.emplace_back(place, form);
  return emitter_.element(sites.array, sites.records.size() - 1, kCellBytes);
}

llvm::Constant* SiteTable::unseen() {
  if (unseen_ == nullptr) unseen_ = emitter_.placeholder();
  return emitter_.element(unseen_, unseen_count_++, 8);
}

void SiteTable::finish(std::map<SiteDomain, unsigned>& domains) {
  for (auto& [domain, sites] : domains_) {
    const std::string symbol = symbol_of_domain(domain.name);
    auto* type = llvm::ArrayType::get(emitter_.bits(64), sites.records.size() * kCellBytes / 8);
    emitter_.place_array(function_, sites.array, llvm::ConstantAggregateZero::get(type), "isobar_c_" + symbol, false, 8);
    emitter_.place_records(function_, sites.records, "isobar_s_" + symbol);
    domains[domain] += static_cast<unsigned>(sites.records.size());
  }
  domains_.clear();
  if (unseen_ == nullptr) return;
  const std::vector<uint64_t> words(unseen_count_, UINT64_MAX);
  llvm::Constant* ones = llvm::ConstantDataArray::get(emitter_.context(), words);
  emitter_.place_array(function_, unseen_, ones, "isobar_unseen", false, 8);
}

}  // namespace isobar::fuzz
