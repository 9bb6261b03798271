#include "register.h"

#include "isobar/fuzz_abi.h"
#include "llvm/Transforms/Utils/ModuleUtils.h"

namespace isobar::fuzz {
namespace {

constexpr int kPriority = 1;  // before the constructors of the program, which are instrumented code

// A bound of a section, as the linker defines it; null where the section is not.
llvm::Constant* bound(Emitter& emitter, const std::string& symbol) {
  llvm::Constant* found = emitter.module().getOrInsertGlobal(symbol, emitter.bits(8));
  if (auto* global = llvm::dyn_cast<llvm::GlobalVariable>(found)) {
    global->setLinkage(llvm::GlobalValue::ExternalWeakLinkage);
    global->setVisibility(llvm::GlobalValue::HiddenVisibility);
  }
  return emitter.plain(found);
}

template <class T>
T* one_per_linked_object(Emitter& emitter, T* object, const std::string& name) {
  object->setLinkage(llvm::GlobalValue::LinkOnceODRLinkage);
  object->setVisibility(llvm::GlobalValue::HiddenVisibility);
  object->setComdat(emitter.module().getOrInsertComdat(name));
  return object;
}

llvm::GlobalVariable* structure(Emitter& emitter, const std::string& name, llvm::ArrayRef<llvm::Constant*> fields, bool constant = false) {
  llvm::Constant* content = llvm::ConstantStruct::getAnon(emitter.context(), fields);
  auto* made =
      new llvm::GlobalVariable(emitter.module(), content->getType(), constant, llvm::GlobalValue::LinkOnceODRLinkage, content, name);
  made->setAlignment(llvm::Align(8));
  return one_per_linked_object(emitter, made, name);
}

// A constructor that calls `hook` with `arguments`.
void constructor(Emitter& emitter, const std::string& name, llvm::StringRef hook, llvm::ArrayRef<llvm::Constant*> arguments) {
  auto* function = llvm::Function::Create(llvm::FunctionType::get(emitter.nothing(), false), llvm::GlobalValue::LinkOnceODRLinkage, name,
                                          &emitter.module());
  one_per_linked_object(emitter, function, name);
  function->setDoesNotThrow();
  llvm::IRBuilder<> builder(llvm::BasicBlock::Create(emitter.context(), "", function));
  std::vector<llvm::Type*> types;
  std::vector<llvm::Value*> values;
  for (llvm::Constant* argument : arguments) {
    types.push_back(argument->getType());
    values.push_back(argument);
  }
  builder.CreateCall(emitter.hook(hook, emitter.nothing(), types), values);
  builder.CreateRetVoid();
  llvm::appendToGlobalCtors(emitter.module(), function, kPriority, function);
}

llvm::Constant* number(Emitter& emitter, unsigned width, uint64_t value) { return llvm::ConstantInt::get(emitter.bits(width), value); }

}  // namespace

void register_blocks(Emitter& emitter, const Settings& settings) {
  const uint32_t flags = (settings.slow ? ISOBAR_FUZZ_USES_SLOW : 0) | (settings.perf ? ISOBAR_FUZZ_USES_PERF : 0) |
                         (settings.valid ? ISOBAR_FUZZ_USES_VALID : 0) | (settings.diff ? ISOBAR_FUZZ_USES_DIFF : 0);
  llvm::Constant* null = llvm::ConstantPointerNull::get(emitter.pointer());
  const bool counts = settings.counts();
  llvm::GlobalVariable* module =
      structure(emitter, "__isobar_fuzz_module",
                {number(emitter, 32, ISOBAR_FUZZ_ABI_VERSION), number(emitter, 32, flags), bound(emitter, "__start_isobar_counters"),
                 bound(emitter, "__stop_isobar_counters"), counts ? bound(emitter, "__start_isobar_counts") : null,
                 counts ? bound(emitter, "__stop_isobar_counts") : null, bound(emitter, "__start_isobar_blocks"),
                 bound(emitter, "__stop_isobar_blocks"), null, number(emitter, 32, 0), number(emitter, 32, 0)});
  constructor(emitter, "__isobar_fuzz_register", "__isobar_fuzz_register_module", {emitter.plain(module)});
}

void register_sites(Emitter& emitter, const SiteDomain& domain) {
  const std::string symbol = symbol_of_domain(domain.name);
  llvm::Constant* null = llvm::ConstantPointerNull::get(emitter.pointer());
  llvm::GlobalVariable* declared =
      structure(emitter, "__isobar_fuzz_domain_" + symbol,
                {emitter.plain(emitter.text(domain.name)), number(emitter, 32, 0), number(emitter, 8, domain.op),
                 number(emitter, 8, domain.reducer), number(emitter, 8, 1), number(emitter, 8, 0), number(emitter, 64, domain.initial),
                 null, null, number(emitter, 32, 0), number(emitter, 32, 0)});
  constructor(emitter, "__isobar_fuzz_register_" + symbol, "__isobar_fuzz_register_sites",
              {emitter.plain(declared), bound(emitter, "__start_isobar_c_" + symbol), bound(emitter, "__stop_isobar_c_" + symbol),
               bound(emitter, "__start_isobar_s_" + symbol)});
}

void register_scalar(Emitter& emitter, const std::string& name) {
  const std::string symbol = symbol_of_domain(name);
  constructor(emitter, "__isobar_fuzz_register_" + symbol, "__isobar_fuzz_use_" + symbol, {});
}

void note_domains(Emitter& emitter, const std::string& names) {
  const std::string symbol = "__isobar_fuzz_domains_are_" + symbol_of_domain(names);
  llvm::Constant* content = llvm::ConstantDataArray::getString(emitter.context(), names);
  auto* note = new llvm::GlobalVariable(emitter.module(), content->getType(), true, llvm::GlobalValue::LinkOnceODRLinkage, content, symbol);
  one_per_linked_object(emitter, note, symbol);
  note->setSection("isobar_domains");
  note->setAlignment(llvm::Align(1));
  llvm::appendToUsed(emitter.module(), {note});
}

}  // namespace isobar::fuzz
