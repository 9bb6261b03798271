#include "base/shared_library.h"

#include <dlfcn.h>
#include <fmt/format.h>

namespace isobar {

Result<SharedLibrary> SharedLibrary::open(std::span<const std::string> names, std::string_view how_to_get) {
  std::string reason;
  for (const auto& name : names) {
    if (void* handle = ::dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL); handle != nullptr) return SharedLibrary(handle, name);
    const char* said = ::dlerror();
    if (reason.empty() && said != nullptr) reason = said;
  }
  return unavailable(fmt::format("{}; {}", reason, how_to_get));
}

Result<void*> SharedLibrary::find_any(const char* name) const {
  void* found = ::dlsym(handle_, name);
  if (found == nullptr)
    return unavailable(fmt::format("{} has no function {}: it is of a version that this program does not know", name_, name));
  return found;
}

}  // namespace isobar
