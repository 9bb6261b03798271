#include "traffic.h"

#include <array>

#include "calls.h"
#include "isobar/fuzz_abi.h"

namespace isobar::fuzz {
namespace {

enum class Does {
  kWaits,
  kResultIsBytes,  // and negative when it failed
  kResultIsItems,  // of as many bytes as the argument says
  kTextThrough,    // the argument is the text that goes through, if the result is not null or negative
  kTells,          // the argument is a format or text
  kTellsStream,    // the argument is the stream, `second` the text
  kTellsCharacter,
  kTellsItems,
  kTellsFile,
  kTellsFileText,
};

struct Mover {
  const char* name;
  const char* arguments;
  Does does;
  unsigned first, second;  // which arguments matter
};

constexpr std::array<Mover, 9> kLocks = {{
    {"pthread_mutex_lock", "p", Does::kWaits, 0, 0},
    {"pthread_mutex_timedlock", "p", Does::kWaits, 0, 0},
    {"pthread_mutex_clocklock", "p", Does::kWaits, 0, 0},
    {"pthread_rwlock_rdlock", "p", Does::kWaits, 0, 0},
    {"pthread_rwlock_wrlock", "p", Does::kWaits, 0, 0},
    {"pthread_spin_lock", "p", Does::kWaits, 0, 0},
    {"mtx_lock", "p", Does::kWaits, 0, 0},
    {"mtx_timedlock", "p", Does::kWaits, 0, 0},
    {"sem_wait", "p", Does::kWaits, 0, 0},
}};

constexpr std::array<Mover, 37> kInputAndOutput = {{
    {"read", "npn", Does::kResultIsBytes, 0, 0},
    {"__read_chk", "npn", Does::kResultIsBytes, 0, 0},
    {"pread", "npn", Does::kResultIsBytes, 0, 0},
    {"pread64", "npn", Does::kResultIsBytes, 0, 0},
    {"write", "npn", Does::kResultIsBytes, 0, 0},
    {"pwrite", "npn", Does::kResultIsBytes, 0, 0},
    {"pwrite64", "npn", Does::kResultIsBytes, 0, 0},
    {"readv", "npn", Does::kResultIsBytes, 0, 0},
    {"writev", "npn", Does::kResultIsBytes, 0, 0},
    {"preadv", "npn", Does::kResultIsBytes, 0, 0},
    {"pwritev", "npn", Does::kResultIsBytes, 0, 0},
    {"recv", "npn", Does::kResultIsBytes, 0, 0},
    {"__recv_chk", "npn", Does::kResultIsBytes, 0, 0},
    {"recvfrom", "npn", Does::kResultIsBytes, 0, 0},
    {"recvmsg", "np", Does::kResultIsBytes, 0, 0},
    {"send", "npn", Does::kResultIsBytes, 0, 0},
    {"sendto", "npn", Does::kResultIsBytes, 0, 0},
    {"sendmsg", "np", Does::kResultIsBytes, 0, 0},
    {"sendfile", "nnpn", Does::kResultIsBytes, 0, 0},
    {"sendfile64", "nnpn", Does::kResultIsBytes, 0, 0},
    {"splice", "npnp", Does::kResultIsBytes, 0, 0},
    {"copy_file_range", "npnp", Does::kResultIsBytes, 0, 0},
    {"getline", "ppp", Does::kResultIsBytes, 0, 0},
    {"getdelim", "ppnp", Does::kResultIsBytes, 0, 0},
    {"__getdelim", "ppnp", Does::kResultIsBytes, 0, 0},
    {"fprintf", "pp", Does::kResultIsBytes, 0, 0},
    {"vfprintf", "pp", Does::kResultIsBytes, 0, 0},
    {"__fprintf_chk", "pnp", Does::kResultIsBytes, 0, 0},
    {"printf", "p", Does::kResultIsBytes, 0, 0},
    {"vprintf", "p", Does::kResultIsBytes, 0, 0},
    {"fread", "pnnp", Does::kResultIsItems, 1, 0},
    {"__fread_chk", "pnnnp", Does::kResultIsItems, 2, 0},
    {"fwrite", "pnnp", Does::kResultIsItems, 1, 0},
    {"fread_unlocked", "pnnp", Does::kResultIsItems, 1, 0},
    {"fgets", "pnp", Does::kTextThrough, 0, 0},
    {"fputs", "pp", Does::kTextThrough, 0, 0},
    {"puts", "p", Does::kTextThrough, 0, 0},
}};

constexpr std::array<Mover, 24> kMessages = {{
    {"printf", "p", Does::kTells, 0, 0},
    {"vprintf", "p", Does::kTells, 0, 0},
    {"__printf_chk", "np", Does::kTells, 1, 0},
    {"puts", "p", Does::kTells, 0, 0},
    {"perror", "p", Does::kTells, 0, 0},
    {"syslog", "np", Does::kTells, 1, 0},
    {"vsyslog", "np", Does::kTells, 1, 0},
    {"__syslog_chk", "nnp", Does::kTells, 2, 0},
    {"warn", "p", Does::kTells, 0, 0},
    {"warnx", "p", Does::kTells, 0, 0},
    {"error", "nnp", Does::kTells, 2, 0},
    {"fprintf", "pp", Does::kTellsStream, 0, 1},
    {"vfprintf", "pp", Does::kTellsStream, 0, 1},
    {"__fprintf_chk", "pnp", Does::kTellsStream, 0, 2},
    {"fputs", "pp", Does::kTellsStream, 1, 0},
    {"putchar", "n", Does::kTellsCharacter, 0, 0},
    {"putc", "np", Does::kTellsCharacter, 0, 1},
    {"fputc", "np", Does::kTellsCharacter, 0, 1},
    {"fwrite", "pnnp", Does::kTellsItems, 0, 0},
    {"write", "npn", Does::kTellsFile, 0, 0},
    {"dprintf", "np", Does::kTellsFileText, 0, 1},
    {"vdprintf", "np", Does::kTellsFileText, 0, 1},
    {"__dprintf_chk", "nnp", Does::kTellsFileText, 0, 2},
    {"__vfprintf_chk", "pnp", Does::kTellsStream, 0, 2},
}};

template <size_t N>
const Mover* known_in(const std::array<Mover, N>& table, const llvm::CallBase& call) {
  const llvm::StringRef name = called_name(call);
  if (name.empty()) return nullptr;
  for (const Mover& known : table)
    if (name == known.name && has_arguments(call, known.arguments)) return &known;
  return nullptr;
}

class TrafficHooks {
 public:
  TrafficHooks(Emitter& emitter, SiteTable& sites) : emitter_(emitter), sites_(sites) {}

  void hook(llvm::CallBase& call, const Mover& known, const char* domain) {
    AroundCall around(emitter_, call);
    if (known.does < Does::kTells && !around.has_after()) return;
    llvm::Constant* cell = sites_.cell({domain, ISOBAR_FUZZ_OP_ADD, ISOBAR_FUZZ_REDUCE_MAX, 0}, Emitter::place_of(call), 0);
    if (known.does < Does::kTells) moved(around, call, known, cell);
    else told(around, known, cell);
  }

 private:
  void moved(AroundCall& around, llvm::CallBase& call, const Mover& known, llvm::Constant* cell) {
    if (known.does == Does::kWaits) {
      auto before = around.before();
      llvm::Value* since = around.hook(before, "__isobar_fuzz_now", {}, emitter_.bits(64));
      auto after = around.after();
      around.hook(after, "__isobar_fuzz_waited", {cell, since});
      return;
    }
    auto after = around.after();
    if (known.does == Does::kTextThrough) {
      llvm::Value* none = llvm::ConstantPointerNull::get(emitter_.pointer());
      llvm::Value* went = call.getType()->isPointerTy() ? after.CreateIsNotNull(&call)
                                                        : after.CreateICmpSGE(&call, llvm::ConstantInt::get(call.getType(), 0));
      around.hook(after, "__isobar_fuzz_io_text", {cell, after.CreateSelect(went, around.pointer(after, known.first), none)});
    } else if (!call.getType()->isIntegerTy()) {
      return;
    } else if (known.does == Does::kResultIsBytes) {
      around.hook(after, "__isobar_fuzz_io_bytes", {cell, around.result_number(after)});
    } else {
      around.hook(after, "__isobar_fuzz_io_items", {cell, around.result_number(after), around.number(after, known.first)});
    }
  }

  void told(AroundCall& around, const Mover& known, llvm::Constant* cell) {
    auto builder = around.before();
    const auto pointer = [&](unsigned i) { return around.pointer(builder, i); };
    switch (known.does) {
      case Does::kTells: around.hook(builder, "__isobar_fuzz_lines_text", {cell, pointer(known.first)}); return;
      case Does::kTellsStream:
        around.hook(builder, "__isobar_fuzz_lines_stream", {cell, pointer(known.first), pointer(known.second)});
        return;
      case Does::kTellsCharacter: {
        llvm::Value* stream =
            known.second == 0 ? static_cast<llvm::Value*>(llvm::ConstantPointerNull::get(emitter_.pointer())) : pointer(known.second);
        around.hook(builder, "__isobar_fuzz_lines_character", {cell, stream, around.number(builder, known.first, 32)});
        return;
      }
      case Does::kTellsItems:
        around.hook(builder, "__isobar_fuzz_lines_items",
                    {cell, pointer(3), pointer(0), around.number(builder, 1), around.number(builder, 2)});
        return;
      case Does::kTellsFile:
        around.hook(builder, "__isobar_fuzz_lines_file", {cell, around.number(builder, 0, 32), pointer(1), around.number(builder, 2)});
        return;
      default: around.hook(builder, "__isobar_fuzz_lines_file_text", {cell, around.number(builder, 0, 32), pointer(known.second)}); return;
    }
  }

  Emitter& emitter_;
  SiteTable& sites_;
};

}  // namespace

std::vector<llvm::CallBase*> find_traffic(llvm::Function& function, const Settings& settings) {
  std::vector<llvm::CallBase*> found;
  for (llvm::BasicBlock& block : function) {
    for (llvm::Instruction& instruction : block) {
      auto* call = llvm::dyn_cast<llvm::CallBase>(&instruction);
      if (call == nullptr) continue;
      if ((settings.lock && known_in(kLocks, *call) != nullptr) || (settings.io && known_in(kInputAndOutput, *call) != nullptr) ||
          (settings.log && known_in(kMessages, *call) != nullptr))
        found.push_back(call);
    }
  }
  return found;
}

void hook_traffic(Emitter& emitter, SiteTable& sites, const std::vector<llvm::CallBase*>& calls, const Settings& settings) {
  TrafficHooks hooks(emitter, sites);
  for (llvm::CallBase* call : calls) {
    if (const Mover* known = known_in(kLocks, *call); known != nullptr && settings.lock) hooks.hook(*call, *known, "lock");
    if (const Mover* known = known_in(kInputAndOutput, *call); known != nullptr && settings.io) hooks.hook(*call, *known, "io");
    if (const Mover* known = known_in(kMessages, *call); known != nullptr && settings.log) hooks.hook(*call, *known, "log");
  }
}

}  // namespace isobar::fuzz
