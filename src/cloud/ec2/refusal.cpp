#include "refusal.h"

#include <fmt/format.h>

#include <array>
#include <boost/json.hpp>

#include "base/text.h"
#include "storage/refusal.h"
#include "storage/xml.h"

namespace isobar::cloud::ec2 {

namespace {

constexpr std::size_t kBytesMost = 64 << 10;
constexpr std::size_t kSentenceMost = 600;

std::string one_line(std::string_view text) {
  std::string line(text.substr(0, kSentenceMost));
  for (char& c : line)
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7f) c = ' ';
  return std::string(trim(line));
}

// EC2: <Response><Errors><Error>…</Error></Errors><RequestID>; STS: <ErrorResponse><Error>…</Error><RequestId>.
bool read_xml(std::string_view body, ApiRefusal& refusal) {
  const auto document = storage::XmlDocument::parse(body, kBytesMost);
  if (!document.ok()) return false;
  const auto root = document->root();
  const auto error = root.child("Errors") ? root.child("Errors").child("Error") : root.child("Error");
  if (!error) return false;
  refusal.code = one_line(error.text_of("Code"));
  refusal.message = one_line(error.text_of("Message"));
  refusal.request_id = one_line(root.child("RequestID") ? root.text_of("RequestID") : root.text_of("RequestId"));
  return true;
}

// {"__type": "com.amazonaws.ssm#ParameterNotFound", "message": "…"}
void read_json(std::string_view body, ApiRefusal& refusal) {
  if (body.size() > kBytesMost) return;
  boost::system::error_code failure;
  const auto value = boost::json::parse(body, failure);
  const auto* object = failure ? nullptr : value.if_object();
  if (object == nullptr) return;
  const auto text = [&](std::string_view name) {
    const auto* field = object->if_contains(name);
    return field != nullptr && field->is_string() ? one_line(std::string_view(field->get_string())) : std::string();
  };
  const std::string type = text("__type");
  refusal.code = type.substr(type.find('#') + 1);
  refusal.message = text("message").empty() ? text("Message") : text("message");
}

template <std::size_t n>
bool is_one_of(const std::array<std::string_view, n>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

constexpr std::array<std::string_view, 6> kThrottles = {
    "RequestLimitExceeded", "Throttling", "ThrottlingException", "ThrottledException", "EC2ThrottledException", "TooManyRequestsException"};
constexpr std::array<std::string_view, 5> kTroubles = {"InternalError", "InternalFailure", "InternalServerError", "Unavailable",
                                                       "ServiceUnavailable"};
constexpr std::array<std::string_view, 4> kExpired = {"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"};

// What the user does about it, for the refusals that users meet.
struct Mend {
  std::string_view code;
  std::string_view mend;
};
constexpr std::array kMends = {
    Mend{"AuthFailure", "the credentials are wrong, or the region is not enabled for the account (AWS Account settings, Regions)"},
    Mend{"InvalidClientTokenId", "the access key does not exist; run `aws configure`"},
    Mend{"UnrecognizedClientException", "the access key does not exist; run `aws configure`"},
    Mend{"SignatureDoesNotMatch", "the secret key is not the access key's, or this machine's clock is wrong; run `aws configure`"},
    Mend{"ExpiredToken", "the session has expired; run `aws sso login`, or get new session credentials"},
    Mend{"RequestExpired", "the session has expired, or this machine's clock is wrong"},
    Mend{"OptInRequired", "the account is not signed up for this; see the AWS console"},
    Mend{"PendingVerification", "AWS is still verifying the account for this region; it takes up to a few hours"},
    Mend{"UnauthorizedOperation", "the account's policy does not allow it; see the policy in the README of the aws driver"},
    Mend{"AccessDenied", "the account's policy does not allow it; see the policy in the README of the aws driver"},
    Mend{"AuthFailure.ServiceLinkedRoleCreationNotPermitted",
         "an administrator makes the role once: `aws iam create-service-linked-role --aws-service-name spot.amazonaws.com`"},
    Mend{"VcpuLimitExceeded", "ask for more vCPUs in the Service Quotas console"},
    Mend{"MaxSpotInstanceCountExceeded", "ask for more spot vCPUs in the Service Quotas console"},
    Mend{"VolumeLimitExceeded", "ask for more EBS storage in the Service Quotas console, or for smaller disks"},
};

Code code_of(const ApiRefusal& refusal) {
  const std::string_view code = refusal.code;
  const auto holds = [&](std::string_view part) { return code.find(part) != code.npos; };
  if (is_throttling(code) || holds("Insufficient") || holds("LimitExceeded") || code == "MaxSpotInstanceCountExceeded")
    return Code::kExhausted;
  if (code == "UnauthorizedOperation" || code == "AuthFailure" || code == "OptInRequired" || code == "PendingVerification" ||
      code == "Blocked" || code == "InvalidClientTokenId" || code == "SignatureDoesNotMatch" || holds("AccessDenied") || is_expired(code))
    return Code::kPermissionDenied;
  if (holds("NotFound") || code == "NoSuchResourceException") return Code::kNotFound;
  if (holds("Duplicate")) return Code::kAlreadyExists;
  return storage::code_of_status(refusal.status);
}

}  // namespace

ApiRefusal parse_refusal(int status, std::string_view body) {
  ApiRefusal refusal{.status = status};
  if (!read_xml(body, refusal)) read_json(body, refusal);
  return refusal;
}

bool is_throttling(std::string_view code) { return is_one_of(kThrottles, code); }
bool is_expired(std::string_view code) { return is_one_of(kExpired, code); }

bool is_passing(const ApiRefusal& refusal) {
  if (refusal.code.empty()) return refusal.status >= 500 || refusal.status == 429;
  return is_throttling(refusal.code) || is_one_of(kTroubles, refusal.code);
}

Refused refused_by(const ApiRefusal& refusal, std::string_view service, std::string_view region, std::string_view doing) {
  std::string text = fmt::format("{}: {} in {} answered {}", doing, service, region, refusal.status);
  if (!refusal.code.empty()) text += " " + refusal.code;
  if (!refusal.message.empty()) text += ": " + refusal.message;
  if (!refusal.request_id.empty()) text += fmt::format(" [request {}]", refusal.request_id);
  for (const Mend& mend : kMends)
    if (mend.code == refusal.code) text += fmt::format("; {}", mend.mend);
  return {Error(code_of(refusal), std::move(text)), refusal.code.empty() ? fmt::format("Http{}", refusal.status) : refusal.code};
}

}  // namespace isobar::cloud::ec2
