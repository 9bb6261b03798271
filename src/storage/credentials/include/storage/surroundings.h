#pragma once

/// Where credentials are looked for: the process's variables, the user's files, and helper programs. A value of functions, so that
/// tests stand in for all of it.

#include <functional>
#include <optional>
#include <string>

#include "base/result.h"
#include "storage/store.h"

namespace isobar::storage {

struct Surroundings {
  /// Of the environment. An empty variable is none.
  std::function<std::optional<std::string>(const std::string& name)> variable;
  /// Errors   kNotFound: there is no such file
  std::function<Result<std::string>(const std::string& path)> read_file;
  /// Runs a shell's command and reports what it printed; from a thread of its own, within a minute.
  std::function<void(std::string command, Done<std::string>)> run_program;
  std::string home;  ///< the user's folder

  static Surroundings of_process();

  std::string variable_or(const std::string& name, std::string otherwise = {}) const {
    return variable(name).value_or(std::move(otherwise));
  }
  /// "~/x" below home; anything else as it is.
  std::string path(const std::string& text) const { return text.starts_with("~/") ? home + text.substr(1) : text; }
};

}  // namespace isobar::storage
