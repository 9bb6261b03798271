/// The pass: instruments each function of a module, last of all optimisations, so that what is counted is what runs. What a function looked
/// like before decides all: first which blocks get counters and where hooks go, then code is added, which itself is neither counted nor
/// hooked.

#include <map>
#include <set>

#include "allocations.h"
#include "calls.h"
#include "changed_lines.h"
#include "compares.h"
#include "coverage.h"
#include "depth.h"
#include "emit.h"
#include "llvm/IR/InlineAsm.h"
#include "llvm/IR/PassManager.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Passes/PassPlugin.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Transforms/Utils/ModuleUtils.h"
#include "own_domains.h"
#include "register.h"
#include "settings.h"
#include "traffic.h"

namespace isobar::fuzz {
namespace {

// Code of the program's. Not that of sanitizers and of this pass, nor what has no place for instructions of others.
bool is_to_be_instrumented(const llvm::Function& function) {
  if (function.isDeclaration() || function.hasAvailableExternallyLinkage() || function.hasFnAttribute(llvm::Attribute::Naked)) return false;
  if (function.hasFnAttribute(llvm::Attribute::NoSanitizeCoverage) ||
      function.hasFnAttribute(llvm::Attribute::DisableSanitizerInstrumentation))
    return false;
  const llvm::StringRef name = function.getName();
  for (const char* prefix :
       {"__isobar_", "isobar_fuzz_", "__sanitizer_", "__asan_", "__ubsan_", "__msan_", "asan.", "msan.", "tsan.", "__llvm_"})
    if (name.take_front(llvm::StringRef(prefix).size()) == prefix) return false;
  return !llvm::isa<llvm::UnreachableInst>(function.getEntryBlock().getTerminator()) || function.size() > 1;
}

class Instrumentation : public llvm::PassInfoMixin<Instrumentation> {
 public:
  // Runs at -O0 and on functions that ask not to be optimised, too.
  static bool isRequired() { return true; }  // NOLINT(readability-identifier-naming): LLVM's name

  llvm::PreservedAnalyses run(llvm::Module& module, llvm::ModuleAnalysisManager&) {
    Asked asked{settings_of_command_line(), {}, {}};
    asked.own = own_domains_of(asked.settings.own_domains);
    if (asked.settings.recursion) asked.recursive = recursive_functions(module);
    Emitter emitter(module);
    std::vector<llvm::Function*> functions;
    for (llvm::Function& function : module)
      if (is_to_be_instrumented(function)) functions.push_back(&function);
    Made made;
    for (llvm::Function* function : functions) instrument(emitter, *function, asked, made);
    if (made.blocks != 0) announce(emitter, asked, made);
    if (asked.settings.list_sites) list(module, made);
    return llvm::PreservedAnalyses::none();
  }

 private:
  struct Asked {
    Settings settings;
    std::vector<OwnDomain> own;
    std::set<const llvm::Function*> recursive;
  };
  struct Made {
    size_t blocks = 0;
    std::map<SiteDomain, unsigned> sites;
    std::set<const OwnDomain*> matched;
  };

  // First looks, then changes.
  static void instrument(Emitter& emitter, llvm::Function& function, const Asked& asked, Made& made) {
    const Settings& settings = asked.settings;
    Counted counted{blocks_to_count(function, settings), {}};
    counted.choices = choices_to_count(function);
    const Compares compares = find_compares(function);
    const auto allocations = settings.mem ? find_allocations(function, settings) : std::vector<llvm::CallBase*>();
    const auto traffic = find_traffic(function, settings);
    const auto changed = settings.diff ? blocks_that_changed(function, settings.changed) : std::vector<llvm::BasicBlock*>();
    const auto exits = exits_of(function);
    const auto own = find_own(function, asked.own);
    SiteTable sites(emitter, function);
    if (settings.loops) hook_loops(emitter, sites, function);
    made.blocks += count_runs(emitter, function, counted, settings);
    hook_changed(emitter, changed);
    hook_allocations(emitter, sites, allocations, settings);
    hook_traffic(emitter, sites, traffic, settings);
    hook_compares(emitter, sites, compares, settings);
    hook_own(emitter, sites, own, made.matched);
    if (settings.stack) hook_stack(emitter, function);
    if (asked.recursive.count(&function) != 0) hook_recursion(emitter, sites, function);
    for (llvm::CallBase* exit : exits) AroundCall(emitter, *exit).hook_before("__isobar_fuzz_finish");
    sites.finish(made.sites);
    if (function.getName() == "main") announce_main(emitter, function);
  }

  // Ends of the process that run nothing of what exit() runs, so that the runtime learns of them here.
  static std::vector<llvm::CallBase*> exits_of(llvm::Function& function) {
    std::vector<llvm::CallBase*> found;
    for (llvm::BasicBlock& block : function)
      for (llvm::Instruction& instruction : block)
        if (auto* call = llvm::dyn_cast<llvm::CallBase>(&instruction)) {
          const llvm::StringRef name = called_name(*call);
          if (name == "_exit" || name == "_Exit" || name == "quick_exit") found.push_back(call);
        }
    return found;
  }

  // What there is, told to the runtime when the program starts and to the wrapper when it is linked.
  static void announce(Emitter& emitter, const Asked& asked, const Made& made) {
    register_blocks(emitter, asked.settings);
    for (const auto& [domain, sites] : made.sites) register_sites(emitter, domain);
    if (asked.settings.stack) register_scalar(emitter, "stack");
    if (asked.settings.mem) register_scalar(emitter, "mem.peak");
    if (asked.settings.mem) note_own_new(emitter);
    note_domains(emitter, name_of_domains(asked.settings, asked.own));
    for (const OwnDomain* domain : made.matched) note_matched(emitter, domain->name);
  }

  // Before all else that main does, so that a run has no memory of how it came to be.
  static void announce_main(Emitter& emitter, llvm::Function& function) {
    llvm::IRBuilder<> builder(beginning_of(function.getEntryBlock()));
    const bool has_arguments =
        function.arg_size() >= 2 && function.getArg(0)->getType()->isIntegerTy(32) && function.getArg(1)->getType()->isPointerTy();
    llvm::Value* count = has_arguments ? static_cast<llvm::Value*>(function.getArg(0)) : builder.getInt32(0);
    llvm::Value* values = has_arguments ? builder.CreatePointerCast(function.getArg(1), emitter.pointer())
                                        : static_cast<llvm::Value*>(llvm::ConstantPointerNull::get(emitter.pointer()));
    builder.CreateCall(emitter.hook("__isobar_fuzz_main", emitter.nothing(), {emitter.bits(32), emitter.pointer()}), {count, values});
  }

  static void list(const llvm::Module& module, const Made& made) {
    llvm::errs() << "isobar-fuzz: " << module.getSourceFileName() << ": blocks " << made.blocks;
    for (const auto& [domain, sites] : made.sites) llvm::errs() << ", " << domain.name << " " << sites;
    llvm::errs() << "\n";
  }
};

// What a user names has to be there when the optimiser is done, with the arguments that it has in the source: it is neither inlined nor
// changed.
class KeepNamed : public llvm::PassInfoMixin<KeepNamed> {
 public:
  static bool isRequired() { return true; }  // NOLINT(readability-identifier-naming): LLVM's name

  llvm::PreservedAnalyses run(llvm::Module& module, llvm::ModuleAnalysisManager&) {
    const Settings settings = settings_of_command_line();
    std::set<std::string> names;
    for (const OwnDomain& domain : own_domains_of(settings.own_domains)) names.insert(domain.function);
    for (const Allocator& allocator : settings.allocators) names.insert(allocator.name);
    names.erase("");
    if (names.empty()) return llvm::PreservedAnalyses::all();
    for (llvm::Function& function : module) {
      if (function.isDeclaration() || function.hasFnAttribute(llvm::Attribute::AlwaysInline)) continue;
      if (llvm::none_of(names, [&](const std::string& name) { return is_named(function.getName(), name); })) continue;
      function.addFnAttr(llvm::Attribute::NoInline);
      use_arguments(function);
      llvm::appendToCompilerUsed(module, {&function});
    }
    return llvm::PreservedAnalyses::none();
  }

 private:
  // An argument that nobody looks at would be passed as anything.
  static void use_arguments(llvm::Function& function) {
    llvm::IRBuilder<> builder(beginning_of(function.getEntryBlock()));
    for (llvm::Argument& argument : function.args()) {
      llvm::Type* type = argument.getType();
      if (!type->isPointerTy() && !(type->isIntegerTy() && type->getIntegerBitWidth() <= 64)) continue;
      auto* nothing = llvm::FunctionType::get(builder.getVoidTy(), {type}, false);
      builder.CreateCall(nothing, llvm::InlineAsm::get(nothing, "", "r", true), {&argument});
    }
  }
};

}  // namespace
}  // namespace isobar::fuzz

extern "C" __attribute__((visibility("default"))) llvm::PassPluginLibraryInfo llvmGetPassPluginInfo() {  // NOLINT: LLVM's name
  return {LLVM_PLUGIN_API_VERSION, "isobar-fuzz", "1", [](llvm::PassBuilder& builder) {
            builder.registerPipelineStartEPCallback(
                [](llvm::ModulePassManager& passes, llvm::OptimizationLevel) { passes.addPass(isobar::fuzz::KeepNamed()); });
            builder.registerOptimizerLastEPCallback(
                [](llvm::ModulePassManager& passes, llvm::OptimizationLevel) { passes.addPass(isobar::fuzz::Instrumentation()); });
          }};
}
