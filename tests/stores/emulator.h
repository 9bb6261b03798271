#pragma once

/// An emulator of an object store as a child process that ends with this one.

#include <cstdint>
#include <string>
#include <vector>

#include "base/file.h"

namespace isobar::stores {

class Emulator {
 public:
  /// name     as emulator.py knows it
  /// Errors   kUnavailable: why it cannot be had here, in one line
  static Result<Emulator> start(const std::string& name);
  /// Another script that prints "READY PORT" and ends with its standard input.
  static Result<Emulator> start_script(const std::string& script, const std::vector<std::string>& arguments);
  Emulator(Emulator&&) = default;
  Emulator& operator=(Emulator&&) = delete;
  ~Emulator();

  std::uint16_t port() const { return port_; }

 private:
  Emulator() = default;
  Fd stdin_;
  pid_t pid_ = 0;
  std::uint16_t port_ = 0;
};

}  // namespace isobar::stores
