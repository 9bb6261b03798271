#include "keystone.h"

#include <fmt/format.h>

#include "cloud/repeats.h"
#include "openstack_refusals.h"

namespace isobar::cloud::openstack {

namespace {

constexpr Duration kSignInWithin = 30s, kSpare = 60s;
constexpr std::uint64_t kAnswerMost = 8 << 20;

}  // namespace

Result<Keystone::Session> Keystone::session() {
  const MutexLock lock(mutex_);
  if (!session_ || session_->told.expires <= pace_.now() + kSpare) {
    session_.reset();
    TRY_ASSIGN(session_, ask());
  }
  return *session_;
}

void Keystone::forget(const std::string& token) {
  const MutexLock lock(mutex_);
  if (session_ && session_->token == token) session_.reset();
}

Result<Keystone::Session> Keystone::ask() {
  const std::string doing = fmt::format("sign in to the cloud '{}' of OpenStack at {}", access_.cloud, access_.auth_url);
  Repeats repeats(pace_, pace_.now() + kSignInWithin);
  for (;;) {
    net::HttpRequest request;
    request.method = "POST";
    TRY_ASSIGN(request.url, net::parse_url(access_.auth_url + "/v3/auth/tokens").context(doing));
    request.headers = {{"Accept", "application/json"}, {"Content-Type", "application/json"}, {"User-Agent", "isobar"}};
    request.owned_body = auth_body(access_);
    request.body_bytes_max = kAnswerMost;
    const auto response = transport_.fetch(std::move(request));
    if (!response.ok()) {
      if (response.error().code() == Code::kUnavailable && repeats.once_more(Again::kUnreachable)) continue;
      return response.error().context(doing);
    }
    if (response->ok()) {
      Session session{.token = std::string(response->headers.get("X-Subject-Token")), .told = {}};
      if (session.token.empty()) return Error(Code::kDataLoss, doing + ": the answer holds no token");
      TRY_ASSIGN(session.told, parse_token(response->body, access_.interface).context(doing));
      return session;
    }
    if (response->status >= 500 && repeats.once_more(Again::kTrouble)) continue;
    return refused_by(parse_refusal(response->status, response->body), "Keystone", kRefusals, doing);
  }
}

}  // namespace isobar::cloud::openstack
