#pragma once

/// Surroundings that a test makes up.

#include <map>

#include "storage/surroundings.h"

namespace isobar::storage {

struct KnownSurroundings {
  std::map<std::string, std::string> variables, files, programs;

  Surroundings get() const {
    Surroundings surroundings;
    surroundings.variable = [known = variables](const std::string& name) -> std::optional<std::string> {
      const auto found = known.find(name);
      return found == known.end() ? std::nullopt : std::optional(found->second);
    };
    surroundings.read_file = [known = files](const std::string& path) -> Result<std::string> {
      const auto found = known.find(path);
      if (found == known.end()) return not_found(path + ": there is no such file");
      return found->second;
    };
    surroundings.run_program = [known = programs](const std::string& command, const Done<std::string>& done) {
      const auto found = known.find(command);
      if (found == known.end()) return done(Error(Code::kPermissionDenied, "it ended with code 127"));
      done(found->second);
    };
    surroundings.home = "/home/u";
    return surroundings;
  }
};

}  // namespace isobar::storage
