#pragma once

/// A transport for tests: it answers with what the test wrote down, in order, and remembers what it was asked.

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <string>
#include <vector>

#include "base/time.h"
#include "net/http.h"

namespace isobar::storage {

class ScriptedTransport final : public net::HttpTransport {
 public:
  /// The next answer. Asked once more than there are answers, the test fails.
  void answer(int status, std::string body = {}, net::Headers headers = {}) {
    net::HttpResponse response;
    response.status = status;
    response.body = std::move(body);
    response.headers = std::move(headers);
    answers_.push_back(Result<net::HttpResponse>(std::move(response)));
  }
  void fail(Error error) { answers_.push_back(Result<net::HttpResponse>(std::move(error))); }

  void start(net::HttpRequest request, net::HttpDone done) override {
    if (request.owned_body.empty()) request.owned_body = request.body;  // what was sent, kept for the test
    const auto into = request.into;
    asked.push_back(std::move(request));
    if (answers_.empty()) {
      ADD_FAILURE() << "no answer is scripted for " << asked.back().method << " " << asked.back().url.text();
      return done(unavailable("no answer is scripted"));
    }
    Result<net::HttpResponse> response = std::move(answers_.front());
    answers_.pop_front();
    if (response.ok() && response->ok() && !into.empty()) {
      if (response->body.size() > into.size()) return done(Error(Code::kDataLoss, "longer than there is room for"));
      std::copy(response->body.begin(), response->body.end(), into.begin());
      response->body_bytes = response->body.size();
      response->body.clear();
    }
    done(std::move(response));
  }

  const net::HttpRequest& last() const { return asked.back(); }
  std::string last_target() const { return last().url.target; }
  std::string last_header(std::string_view name) const { return std::string(last().headers.get(name)); }
  bool all_answered() const { return answers_.empty(); }

  std::vector<net::HttpRequest> asked;

 private:
  std::deque<Result<net::HttpResponse>> answers_;
};

struct StoppedClock final : Clock {
  Instant at = Instant::from_unix_seconds(1'400'000'000);  ///< 2014-05-13T16:53:20Z
  Instant now() const override { return at; }
};

}  // namespace isobar::storage
