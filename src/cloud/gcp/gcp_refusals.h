#pragma once

/// What Compute Engine's refusals mean, and what the user does about them.

#include <array>

#include "cloud/rest_client.h"

namespace isobar::cloud::gcp {

inline constexpr std::string_view kShown = "Compute Engine";

inline constexpr std::array kRefusals = {
    RefusalRow{"ZONE_RESOURCE_POOL_EXHAUSTED", Code::kExhausted},
    RefusalRow{"insufficientCapacity", Code::kExhausted},
    RefusalRow{"QUOTA_EXCEEDED", Code::kExhausted, "ask for more at https://console.cloud.google.com/iam-admin/quotas"},
    RefusalRow{"RATE_LIMIT_EXCEEDED", Code::kExhausted},
    RefusalRow{"RESOURCE_OPERATION_RATE_EXCEEDED", Code::kExhausted},
    RefusalRow{"IAM_PERMISSION_DENIED", Code::kPermissionDenied,
               "an owner of the project grants roles/compute.instanceAdmin.v1 and roles/compute.securityAdmin"},
    RefusalRow{"SERVICE_DISABLED", Code::kPermissionDenied, "run `gcloud services enable compute.googleapis.com`"},
    RefusalRow{"BILLING_DISABLED", Code::kPermissionDenied, "link a billing account to the project in the Cloud console"},
    RefusalRow{"UNAUTHENTICATED", Code::kPermissionDenied, "run `gcloud auth application-default login`"},
    RefusalRow{"RESOURCE_NOT_FOUND", Code::kNotFound},
    RefusalRow{"RESOURCE_ALREADY_EXISTS", Code::kAlreadyExists},
    RefusalRow{"INTERNAL_ERROR", Code::kUnavailable},
};

}  // namespace isobar::cloud::gcp
