#pragma once

/// Expensive features that code of the user's makes: a program that is spoken to over standard input and output
/// (docs/formats/feature-command.md), or a shared library (features/isobar_featurizer.h).

#include <functional>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "features/definition.h"

namespace isobar::features {

/// What definitions may run. Who writes one is not thereby allowed to run anything.
struct OutsidePrograms {
  std::vector<fs::path> folders;  ///< programs and libraries in them and below; none: nothing is run
  /// Told what programs write to standard error, and why they are begun again; from any thread. none: nobody is
  std::function<void(std::string_view program, std::string_view line)> said{};
};

struct MadeOutside {
  std::vector<Result<Value>> values;  ///< one for each key; an error is the key's alone
  double cpu_seconds = 0;             ///< what it took of the program's process, or of this thread; where that is not known, of the clock
};

/// Safe from any thread; whoever comes second waits.
class OutsideFeaturizer {
 public:
  virtual ~OutsideFeaturizer() = default;
  /// keys     of each its newest events, the oldest first: of each event the values of OutsideParameters::of
  /// stop     it is given up
  /// Errors   of all keys together: kUnavailable: the program cannot be run, or ended, or said what is no answer, or is not to be begun
  ///          again yet; kDeadlineExceeded: it took longer than the feature's timeout, or was stopped
  virtual Result<MadeOutside> make(std::span<const std::span<const Row>> keys, const std::stop_token& stop) = 0;
  /// How long `make` is going to fail because the last failures were so recent.
  virtual Duration pause() const = 0;
  /// Of the last `make`: why it failed for all keys.
  virtual Status problem() const = 0;
};

/// Nothing is run yet, but a library is loaded.
/// type     what the feature is
/// Errors   kPermissionDenied: it lies in none of the folders, with the mend; kUnavailable: no such file, no library of that form
Result<std::shared_ptr<OutsideFeaturizer>> open_outside(const OutsideParameters& parameters, Type type, const OutsidePrograms& programs);

/// The file that a definition names, in the first of the folders that has it. Errors   as `open_outside`
Result<fs::path> find_allowed(const std::string& name, const OutsidePrograms& programs);

}  // namespace isobar::features
