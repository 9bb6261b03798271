#pragma once

/// One call of a cloud's API over HTTP and JSON: authorized, sent, sent again while its failure may pass, and its refusal told.

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "cloud/answer.h"
#include "cloud/repeats.h"
#include "net/http.h"

namespace isobar::cloud {

/// How an API says no.
struct RestRefusal {
  int status = 0;          ///< HTTP
  std::string code;        ///< the cloud's own; empty when the body was no such document
  std::string message;     ///< the cloud's own sentence, on one line
  std::string suggestion;  ///< the cloud's own mend, if it gives one
};

/// What a code means for whoever asked. The first row whose code the cloud's contains decides.
struct RefusalRow {
  std::string_view code;
  Code meaning = Code::kInvalidArgument;
  std::string_view mend = {};  ///< what the user does about it; empty: the message says it
};

/// "launch node 0 of train: Lambda Cloud answered 400 insufficient-capacity: Not enough …; mend". The meaning of a code without a row
/// is that of its HTTP status. provider_code is the cloud's, or "Http502".
Refused refused_by(const RestRefusal& refusal, std::string_view shown, std::span<const RefusalRow> rows, std::string_view doing);

/// Text of a cloud's that goes into a message: one line, at most 600 bytes, without control characters.
std::string one_line(std::string_view text);

struct RestCall {
  std::string doing;  ///< "launch node 0 of train": how errors begin
  std::string method = "GET";
  std::string url;
  std::string body = {};   ///< JSON; empty: none
  bool repeatable = true;  ///< false: what it makes it would make twice. Then one whose answer was lost is not sent again
};

/// Safe from any thread; blocks its caller.
class RestClient {
 public:
  struct Dialect {
    std::string shown;  ///< "Lambda Cloud"
    std::function<RestRefusal(int status, std::string_view body)> parse_refusal;
    std::span<const RefusalRow> rows;
    /// The headers that let one in. Errors   told with the code "CredentialsNotFound"
    std::function<Result<net::Headers>()> authorize;
    /// The refusal says that the credentials have just expired: others will be had from `authorize`.
    std::function<bool(const RestRefusal&)> renewed = [](const RestRefusal&) { return false; };
    /// A refusal that says nothing of the call but of when it was made, beyond 429.
    std::function<bool(const RestRefusal&)> is_throttling = [](const RestRefusal&) { return false; };
  };
  RestClient(Dialect dialect, net::HttpTransport& transport, Pace pace)
      : dialect_(std::move(dialect)), transport_(transport), pace_(std::move(pace)) {}

  /// The body of the answer. Throttling is waited out until `end`, as long as Retry-After says; what cannot be reached and trouble
  /// inside the cloud some ten and twenty seconds.
  /// Errors   the refusal with the cloud's code. "ApiUnreachable": no answer at all; "CredentialsNotFound". `may_have_acted` is set on
  ///          the failure of a call that is not repeatable, if it may have done what it should
  Answer<std::string> call(const RestCall& call, Instant end) const;

  const Pace& pace() const { return pace_; }

 private:
  struct Try {
    bool renewed = false;
    Again again = Again::kNever;
    Duration asked = Duration::zero();
  };
  Answer<std::string> attempt(const RestCall& call, Instant end, Try& its) const;

  const Dialect dialect_;
  net::HttpTransport& transport_;
  const Pace pace_;
};

}  // namespace isobar::cloud
