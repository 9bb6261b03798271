/// The pass: instruments each function of a module, last of all optimisations, so that what is counted is what runs. What a function looked
/// like before decides all: first which blocks get counters and where hooks go, then code is added, which itself is neither counted nor
/// hooked.

#include <map>
#include <set>

#include "allocations.h"
#include "changed_lines.h"
#include "compares.h"
#include "coverage.h"
#include "depth.h"
#include "emit.h"
#include "llvm/IR/PassManager.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Passes/PassPlugin.h"
#include "llvm/Support/raw_ostream.h"
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
    const Settings settings = settings_of_command_line();
    Emitter emitter(module);
    std::vector<llvm::Function*> functions;
    for (llvm::Function& function : module)
      if (is_to_be_instrumented(function)) functions.push_back(&function);
    unsigned blocks = 0;
    std::map<SiteDomain, unsigned> domains;
    const auto recursive = settings.recursion ? recursive_functions(module) : std::set<const llvm::Function*>();
    for (llvm::Function* function : functions) blocks += instrument(emitter, *function, settings, recursive, domains);
    if (blocks != 0) register_blocks(emitter, settings);
    for (const auto& [domain, sites] : domains) register_sites(emitter, domain);
    if (blocks != 0 && settings.stack) register_scalar(emitter, "stack");
    if (blocks != 0 && settings.mem) register_scalar(emitter, "mem.peak");
    if (settings.mem) note_own_new(emitter);
    if (blocks != 0) note_domains(emitter, name_of_domains(settings));
    if (settings.list_sites) list(module, blocks, domains);
    return llvm::PreservedAnalyses::none();
  }

 private:
  // First looks, then changes.
  static unsigned instrument(Emitter& emitter, llvm::Function& function, const Settings& settings,
                             const std::set<const llvm::Function*>& recursive, std::map<SiteDomain, unsigned>& domains) {
    const std::vector<llvm::BasicBlock*> blocks = blocks_to_count(function, settings);
    const Compares compares = find_compares(function);
    const auto allocations = settings.mem ? find_allocations(function, settings) : std::vector<llvm::CallBase*>();
    const auto traffic = find_traffic(function, settings);
    const auto changed = settings.diff ? blocks_that_changed(function, settings.changed) : std::vector<llvm::BasicBlock*>();
    SiteTable sites(emitter, function);
    if (settings.loops) hook_loops(emitter, sites, function);
    count_blocks(emitter, function, blocks, settings);
    hook_changed(emitter, changed);
    hook_allocations(emitter, sites, allocations, settings);
    hook_traffic(emitter, sites, traffic, settings);
    hook_compares(emitter, sites, compares, settings);
    if (settings.stack) hook_stack(emitter, function);
    if (recursive.count(&function) != 0) hook_recursion(emitter, sites, function);
    sites.finish(domains);
    if (function.getName() == "main") announce_main(emitter, function);
    return static_cast<unsigned>(blocks.size());
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

  static void list(const llvm::Module& module, unsigned blocks, const std::map<SiteDomain, unsigned>& domains) {
    llvm::errs() << "isobar-fuzz: " << module.getSourceFileName() << ": blocks " << blocks;
    for (const auto& [domain, sites] : domains) llvm::errs() << ", " << domain.name << " " << sites;
    llvm::errs() << "\n";
  }
};

}  // namespace
}  // namespace isobar::fuzz

extern "C" __attribute__((visibility("default"))) llvm::PassPluginLibraryInfo llvmGetPassPluginInfo() {  // NOLINT: LLVM's name
  return {LLVM_PLUGIN_API_VERSION, "isobar-fuzz", "1", [](llvm::PassBuilder& builder) {
            builder.registerOptimizerLastEPCallback(
                [](llvm::ModulePassManager& passes, llvm::OptimizationLevel) { passes.addPass(isobar::fuzz::Instrumentation()); });
          }};
}
