#pragma once

/// Libraries that are taken from the system when they are first needed, so that programs start, and run, where they are not.

#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace isobar {

/// Stays loaded until the process ends.
class SharedLibrary {
 public:
  /// names       as the dynamic linker takes them, or paths: the first that loads is it
  /// how_to_get  what a person does who has none of them
  /// Errors      kUnavailable: none loads; the message has the reason, and how_to_get
  static Result<SharedLibrary> open(std::span<const std::string> names, std::string_view how_to_get);

  /// Errors   kUnavailable: the library has no such function: it is of another version
  template <class Function>
  Status find(const char* name, Function*& function) const {
    TRY_ASSIGN(void* found, find_any(name));
    function = reinterpret_cast<Function*>(found);
    return {};
  }
  const std::string& name() const { return name_; }

 private:
  SharedLibrary(void* handle, std::string name) : handle_(handle), name_(std::move(name)) {}
  Result<void*> find_any(const char* name) const;

  void* handle_;
  std::string name_;
};

}  // namespace isobar
