#include "kube_status.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kube_quantity.h"

namespace isobar::cloud {
namespace {

using testing::AllOf;
using testing::HasSubstr;

// As kube-apiserver 1.36 answers.
std::string status(const std::string& reason, const std::string& message) {
  return "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\",\"message\":\"" + message + "\",\"reason\":\"" +
         reason + "\",\"code\":0}\n";
}

TEST(KubeStatus, SaysWhatIsMissingAndWhatMendsIt) {
  struct Row {
    int http;
    std::string reason, message;
    Code code;
    std::string provider_code, mend;
  };
  for (const Row& row : {
           Row{401, "Unauthorized", "Unauthorized", Code::kPermissionDenied, "Unauthorized", "log in to the cluster anew"},
           Row{403, "Forbidden", "pods is forbidden: User \\\"eve\\\" cannot create resource \\\"pods\\\"", Code::kPermissionDenied,
               "Forbidden", "Role"},
           Row{403, "Forbidden", "pods \\\"x\\\" is forbidden: exceeded quota: few, requested: pods=1", Code::kExhausted, "QuotaExceeded",
               "free some"},
           Row{403, "Forbidden", "pods \\\"x\\\" is forbidden: violates PodSecurity \\\"restricted:latest\\\"", Code::kInvalidArgument,
               "InvalidPod", "pod_config"},
           Row{404, "NotFound", "pods \\\"x\\\" not found", Code::kNotFound, "NotFound", ""},
           Row{409, "AlreadyExists", "pods \\\"x\\\" already exists", Code::kAlreadyExists, "Conflict", ""},
           Row{409, "Conflict", "the object has been modified", Code::kConflict, "Conflict", ""},
           Row{410, "Expired", "too old resource version", Code::kConflict, "Expired", ""},
           Row{422, "Invalid", "Pod \\\"x\\\" is invalid: spec.containers[0].image: Required value", Code::kInvalidArgument, "InvalidPod",
               ""},
           Row{429, "TooManyRequests", "too many requests", Code::kUnavailable, "TooManyRequests", ""},
           Row{503, "ServiceUnavailable", "etcd is away", Code::kUnavailable, "ContextUnreachable", ""},
       }) {
    const auto told = explain_kube_refusal("lab", "create pod x", row.http, status(row.reason, row.message));
    EXPECT_EQ(told.error.code(), row.code) << row.message;
    EXPECT_EQ(told.provider_code, row.provider_code) << row.message;
    EXPECT_EQ(told.reason, row.reason);
    EXPECT_THAT(told.error.message(), AllOf(HasSubstr("Kubernetes context lab: create pod x: "), HasSubstr(row.mend)));
  }
}

TEST(KubeStatus, WhatAGatewayAnswersIsToldInItsFirstWords) {
  EXPECT_THAT(explain_kube_refusal("lab", "list nodes", 502, "<html>bad gateway</html>").error.message(), HasSubstr("bad gateway"));
  EXPECT_THAT(explain_kube_refusal("lab", "list nodes", 500, "").error.message(), HasSubstr("HTTP 500"));
}

TEST(KubeStatus, HowLongToWaitIsHeardWithinReason) {
  const auto wait = [](std::string_view header) { return explain_kube_refusal("c", "d", 429, "", header).error.retry_after(); };
  EXPECT_EQ(wait("3"), std::chrono::seconds(3));
  EXPECT_EQ(wait("86400"), std::chrono::seconds(60));
  EXPECT_EQ(wait("soon"), std::chrono::seconds(0));
  EXPECT_EQ(wait("-4"), std::chrono::seconds(0));
}

TEST(KubeQuantity, IsReadInAllItsForms) {
  for (const auto& [text, value] : std::initializer_list<std::pair<const char*, double>>{{"2", 2},
                                                                                         {"500m", 0.5},
                                                                                         {"1.5", 1.5},
                                                                                         {"1e3", 1000},
                                                                                         {"1E3", 1000},
                                                                                         {"1E", 1e18},
                                                                                         {"16Gi", 16.0 * 1024 * 1024 * 1024},
                                                                                         {"100M", 1e8},
                                                                                         {"0", 0}})
    EXPECT_DOUBLE_EQ(parse_quantity(text).value_or(-1), value) << text;
  for (const char* text : {"", "Gi", "-1", "1Xi", "1 Gi", "nan", "inf"}) EXPECT_FALSE(parse_quantity(text)) << text;
}

}  // namespace
}  // namespace isobar::cloud
