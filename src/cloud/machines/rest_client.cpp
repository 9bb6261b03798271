#include "cloud/rest_client.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "storage/refusal.h"

namespace isobar::cloud {

namespace {

constexpr std::size_t kSentenceMost = 600;
constexpr Duration kStallMost = 60s;
constexpr std::uint64_t kAnswerMost = 32 << 20;

const RefusalRow* row_of(const std::string& code, std::span<const RefusalRow> rows) {
  const auto row = std::find_if(rows.begin(), rows.end(), [&](const RefusalRow& each) { return code.find(each.code) != code.npos; });
  return row == rows.end() ? nullptr : &*row;
}

}  // namespace

std::string one_line(std::string_view text) {
  std::string line(text.substr(0, kSentenceMost));
  for (char& c : line)
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7f) c = ' ';
  return std::string(trim(line));
}

Refused refused_by(const RestRefusal& refusal, std::string_view shown, std::span<const RefusalRow> rows, std::string_view doing) {
  std::string text = fmt::format("{}: {} answered {}", doing, shown, refusal.status);
  if (!refusal.code.empty()) text += " " + one_line(refusal.code);
  if (!refusal.message.empty()) text += ": " + one_line(refusal.message);
  const RefusalRow* row = row_of(refusal.code, rows);
  if (row != nullptr && !row->mend.empty()) text += fmt::format("; {}", row->mend);
  else if (!refusal.suggestion.empty()) text += fmt::format(" ({})", one_line(refusal.suggestion));
  const Code code = row == nullptr ? storage::code_of_status(refusal.status) : row->meaning;
  return {Error(code, std::move(text)), refusal.code.empty() ? fmt::format("Http{}", refusal.status) : one_line(refusal.code)};
}

Answer<std::string> RestClient::attempt(const RestCall& call, Instant end, Try& its) const {
  its.again = Again::kNever;
  its.asked = Duration::zero();
  net::HttpRequest request;
  request.method = call.method;
  TRY_ASSIGN(request.url, net::parse_url(call.url).context(call.doing));
  auto headers = dialect_.authorize();
  if (!headers.ok()) return Refused(headers.error().context(call.doing), "CredentialsNotFound");
  request.headers = std::move(*headers);
  request.headers.add("Accept", "application/json");
  request.headers.add("User-Agent", "isobar");
  if (!call.body.empty()) request.headers.add("Content-Type", "application/json");
  request.owned_body = call.body;
  request.body_bytes_max = kAnswerMost;
  request.stall_max = std::clamp<Duration>(end - pace_.now(), 1s, kStallMost);
  const auto response = transport_.fetch(std::move(request));
  if (!response.ok()) {
    const Code code = response.error().code();
    const bool may_pass = code == Code::kUnavailable || code == Code::kDeadlineExceeded || code == Code::kDataLoss;
    Refused refused(response.error().context(fmt::format("{}: {}", call.doing, dialect_.shown)), "ApiUnreachable");
    if (may_pass && call.repeatable) its.again = Again::kUnreachable;
    refused.may_have_acted = may_pass && !call.repeatable;
    return refused;
  }
  if (response->ok()) return response->body;
  const RestRefusal refusal = dialect_.parse_refusal(response->status, response->body);
  Refused refused = refused_by(refusal, dialect_.shown, dialect_.rows, call.doing);
  // A want of capacity may come as a server's error, and does not pass: its row says so.
  const RefusalRow* row = row_of(refusal.code, dialect_.rows);
  const bool passing = row == nullptr ? response->status >= 500 : row->meaning == Code::kUnavailable;
  if (!its.renewed && dialect_.renewed(refusal)) {
    its.renewed = true;
    its.again = Again::kAtOnce;
  } else if (response->status == 429 || dialect_.is_throttling(refusal)) {
    its.again = Again::kThrottled;
    its.asked = storage::retry_after_of(response->headers, pace_.now());
  } else if (passing) {
    if (call.repeatable) its.again = Again::kTrouble;
    its.asked = storage::retry_after_of(response->headers, pace_.now());
    refused.may_have_acted = !call.repeatable;
  }
  return refused;
}

Answer<std::string> RestClient::call(const RestCall& call, Instant end) const {
  Repeats repeats(pace_, end);
  Try its;
  for (;;) {
    auto answer = attempt(call, end, its);
    if (answer.ok() || !repeats.once_more(its.again, its.asked)) return answer;
  }
}

}  // namespace isobar::cloud
