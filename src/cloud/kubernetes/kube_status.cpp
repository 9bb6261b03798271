#include "kube_status.h"

#include <fmt/format.h>

#include <charconv>

#include "base/text.h"
#include "kube_json.h"

namespace isobar::cloud {

namespace {

constexpr std::size_t kWordsMost = 400;

struct Said {
  std::string reason, message;
};

Said said_in(std::string_view body) {
  const auto status = parse_kube_json(body);
  if (!status.ok() || text_in(*status, {"kind"}) != "Status") return {{}, std::string(trim(body.substr(0, kWordsMost)))};
  return {std::string(text_in(*status, {"reason"})), std::string(text_in(*status, {"message"}).substr(0, 4 * kWordsMost))};
}

struct Verdict {
  Code code;
  std::string_view provider_code;
  std::string_view mend;
};

Verdict verdict_of(int status, const Said& said) {
  const auto says = [&](std::string_view words) { return said.message.find(words) != std::string::npos; };
  switch (status) {
    case 401: return {Code::kPermissionDenied, "Unauthorized", "the credentials are not accepted; log in to the cluster anew"};
    case 403:
      if (says("exceeded quota")) return {Code::kExhausted, "QuotaExceeded", "free some, or ask the cluster's administrators for more"};
      if (says("violates PodSecurity"))
        return {Code::kInvalidArgument, "InvalidPod", "change kubernetes.pod_config to what the namespace's policy permits"};
      return {Code::kPermissionDenied, "Forbidden", "ask the cluster's administrators for a Role that permits it"};
    case 404: return {Code::kNotFound, "NotFound", ""};
    case 409: return {said.reason == "AlreadyExists" ? Code::kAlreadyExists : Code::kConflict, "Conflict", ""};
    case 410: return {Code::kConflict, "Expired", ""};
    case 400:
    case 415:
    case 422: return {Code::kInvalidArgument, "InvalidPod", ""};
    case 429: return {Code::kUnavailable, "TooManyRequests", ""};
    default: break;
  }
  if (status >= 500) return {Code::kUnavailable, "ContextUnreachable", ""};
  return {Code::kInvalidArgument, "Refused", ""};
}

std::chrono::nanoseconds wait_of(std::string_view retry_after) {
  int seconds = 0;
  const auto [end, failure] = std::from_chars(retry_after.data(), retry_after.data() + retry_after.size(), seconds);
  constexpr int kMost = 60;
  return failure == std::errc() && seconds > 0 ? std::chrono::seconds(std::min(seconds, kMost)) : std::chrono::seconds(0);
}

}  // namespace

KubeRefusal explain_kube_refusal(std::string_view context, std::string_view doing, int status, std::string_view body,
                                 std::string_view retry_after) {
  const auto said = said_in(body);
  const auto verdict = verdict_of(status, said);
  std::string message = fmt::format("Kubernetes context {}: {}: {}", context, doing,
                                    said.message.empty() ? fmt::format("it answers HTTP {}", status) : said.message);
  if (!verdict.mend.empty()) message += fmt::format("; {}", verdict.mend);
  return {Error(verdict.code, std::move(message)).with_retry_after(wait_of(retry_after)), status, said.reason,
          std::string(verdict.provider_code)};
}

}  // namespace isobar::cloud
