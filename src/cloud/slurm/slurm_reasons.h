#pragma once

/// Why a job waits, ended or was refused, in sentences for people, and in codes for failover (cloud/error_scope.cpp).

#include <string>
#include <string_view>

#include "base/result.h"
#include "slurm_jobs.h"

namespace isobar::cloud {

struct WaitReason {
  std::string sentence;       ///< "other jobs hold the nodes; it starts when they end"
  bool waiting_helps = true;  ///< false: it will wait for ever unless somebody changes it or the cluster
  /// Where waiting does not help: the code for `scope_of_error`.
  std::string provider_code;
};
/// What squeue's reason of a waiting job means. A word that is not known is told as it is, with hope.
WaitReason explain_wait(const SlurmJobState& job);

/// "the time limit of 1:00:00 was reached": what became of a job that has ended.
std::string explain_end(const SlurmJobState& job);

/// What one of Slurm's programs refused to do.
struct SlurmRefusal {
  Error error;
  std::string provider_code;
};
/// cluster  for the message
/// words    what the program wrote to standard error
SlurmRefusal explain_refusal(std::string_view cluster, int exit_code, std::string_view words);

}  // namespace isobar::cloud
