#include "features/outside.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "made_outside.h"

namespace isobar::features {

Result<fs::path> find_allowed(const std::string& name, const OutsidePrograms& programs) {
  if (programs.folders.empty())
    return Error(
        Code::kPermissionDenied,
        fmt::format("'{}' is run by the definition, and nothing is run here unless --allow-programs DIR names the folder of what may be",
                    name));
  std::vector<std::string> looked, folders;
  for (const auto& folder : programs.folders) {
    const fs::path allowed = fs::absolute(folder).lexically_normal();
    folders.push_back(allowed.string());
    const fs::path file = (allowed / name).lexically_normal();  // of an absolute name: itself
    const fs::path inside = file.lexically_relative(allowed);
    if (inside.empty() || *inside.begin() == ".." || inside == ".") continue;
    std::error_code ignored;
    if (fs::is_regular_file(file, ignored)) return file;
    looked.push_back(file.string());
  }
  if (!looked.empty()) return unavailable(fmt::format("there is no {}", join(looked, ", and no ")));
  return Error(Code::kPermissionDenied, fmt::format("'{}' is not in {}, where what definitions run may be", name, join(folders, ", ")));
}

Result<std::shared_ptr<OutsideFeaturizer>> open_outside(const OutsideParameters& parameters, Type type, const OutsidePrograms& programs) {
  const bool command = !parameters.command.empty();
  TRY_ASSIGN(const fs::path file, find_allowed(command ? parameters.command.front() : parameters.library, programs));
  return command ? make_command(parameters, file, type, programs) : make_library(parameters, file, type);
}

}  // namespace isobar::features
