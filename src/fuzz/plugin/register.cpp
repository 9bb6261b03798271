#include "register.h"

#include "isobar/fuzz_abi.h"
#include "llvm/Transforms/Utils/ModuleUtils.h"

namespace isobar::fuzz {
namespace {

constexpr int kPriority = 1;  // before the constructors of the program, which are instrumented code

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

// A struct isobar_fuzz_domain.
llvm::GlobalVariable* declaration(Emitter& emitter, const std::string& name, uint32_t keys, bool of_sites, uint8_t op, uint8_t reducer,
                                  uint64_t initial) {
  llvm::Constant* null = llvm::ConstantPointerNull::get(emitter.pointer());
  return structure(emitter, "__isobar_fuzz_domain_" + symbol_of_domain(name),
                   {emitter.plain(emitter.text(name)), number(emitter, 32, keys), number(emitter, 8, op), number(emitter, 8, reducer),
                    number(emitter, 8, of_sites ? 1 : 0), number(emitter, 8, 0), number(emitter, 64, initial), null, null,
                    number(emitter, 32, 0), number(emitter, 32, 0)});
}

void note(Emitter& emitter, const std::string& symbol, const std::string& text, const std::string& section) {
  llvm::Constant* content = llvm::ConstantDataArray::getString(emitter.context(), text);
  auto* made = new llvm::GlobalVariable(emitter.module(), content->getType(), true, llvm::GlobalValue::LinkOnceODRLinkage, content, symbol);
  one_per_linked_object(emitter, made, symbol);
  made->setSection(section);
  made->setAlignment(llvm::Align(1));
  llvm::appendToUsed(emitter.module(), {made});
}

}  // namespace

llvm::Constant* bound(Emitter& emitter, const std::string& symbol) {
  llvm::Constant* found = emitter.module().getOrInsertGlobal(symbol, emitter.bits(8));
  if (auto* global = llvm::dyn_cast<llvm::GlobalVariable>(found)) {
    global->setLinkage(llvm::GlobalValue::ExternalWeakLinkage);
    global->setVisibility(llvm::GlobalValue::HiddenVisibility);
  }
  return emitter.plain(found);
}

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
  llvm::GlobalVariable* declared = declaration(emitter, domain.name, 0, true, domain.op, domain.reducer, domain.initial);
  constructor(emitter, "__isobar_fuzz_register_" + symbol, "__isobar_fuzz_register_sites",
              {emitter.plain(declared), bound(emitter, "__start_isobar_c_" + symbol), bound(emitter, "__stop_isobar_c_" + symbol),
               bound(emitter, "__start_isobar_s_" + symbol)});
}

llvm::Constant* declare_keyed(Emitter& emitter, const std::string& name, uint32_t keys, uint8_t op, uint8_t reducer, uint64_t initial) {
  const std::string symbol = symbol_of_domain(name);
  if (llvm::GlobalVariable* known = emitter.module().getNamedGlobal("__isobar_fuzz_domain_" + symbol)) return emitter.plain(known);
  llvm::Constant* declared = emitter.plain(declaration(emitter, name, keys, false, op, reducer, initial));
  constructor(emitter, "__isobar_fuzz_register_" + symbol, "__isobar_fuzz_register_domain", {declared});
  return declared;
}

void register_scalar(Emitter& emitter, const std::string& name) {
  const std::string symbol = symbol_of_domain(name);
  constructor(emitter, "__isobar_fuzz_register_" + symbol, "__isobar_fuzz_use_" + symbol, {});
}

void note_domains(Emitter& emitter, const std::string& names) {
  note(emitter, "__isobar_fuzz_domains_are_" + symbol_of_domain(names), names, "isobar_domains");
}
void note_matched(Emitter& emitter, const std::string& name) {
  note(emitter, "__isobar_fuzz_matched_" + symbol_of_domain(name), name, "isobar_matched");
}

}  // namespace isobar::fuzz
