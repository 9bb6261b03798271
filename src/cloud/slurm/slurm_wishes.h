#pragma once

/// What a user asks of Slurm beyond the shape of the nodes, as labels of the task's `resources`:
///
///   labels:
///     slurm/account: physics            # whom to charge
///     slurm/qos: high
///     slurm/time: 4h                    # or as sbatch writes it: 1-00:00:00
///     slurm/options: --constraint=nvlink --exclude=w7

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace isobar::cloud {

struct SlurmWishes {
  std::string account, qos;
  std::optional<Duration> time_limit;  ///< none: the partition's own
  std::vector<std::string> options;    ///< of sbatch, each one word
};
/// Other labels are none of Slurm's business and passed over.
/// Errors   kInvalidArgument: an unknown key that begins with slurm/ (with the nearest), a time that is none
Result<SlurmWishes> slurm_wishes(const std::map<std::string, std::string>& labels);

}  // namespace isobar::cloud
