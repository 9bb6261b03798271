#pragma once

/// What an API server says when it does not do what it was asked (a `Status` object), in sentences and in codes for failover. Pure.

#include <string>
#include <string_view>

#include "base/result.h"

namespace isobar::cloud {

struct KubeRefusal {
  Error error;
  int status = 0;             ///< of HTTP
  std::string reason;         ///< as Kubernetes names it: "AlreadyExists", "Forbidden"; empty: it said none
  std::string provider_code;  ///< for cloud/error_scope.cpp
};

/// context      for the message
/// doing        what was asked: "create pod train-1"
/// body         of the answer; what is no Status is told in its first words
/// retry_after  the header; empty: none
KubeRefusal explain_kube_refusal(std::string_view context, std::string_view doing, int status, std::string_view body,
                                 std::string_view retry_after = {});

}  // namespace isobar::cloud
