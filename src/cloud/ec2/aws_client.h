#pragma once

/// One call of an AWS service: addressed, signed, sent, and sent again while its failure may pass. Every call made here may be
/// repeated: those that make something either name it themselves (a client token, a key's or a group's name) or find out
/// that it is there already.

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/time.h"
#include "cloud/repeats.h"
#include "net/http.h"
#include "requests.h"
#include "storage/aws_access.h"

namespace isobar::cloud::ec2 {

enum class Service { kEc2, kSts, kSsm, kServiceQuotas };

/// Where services are when they are not AWS's own: the variables AWS_ENDPOINT_URL_EC2, …_STS, …_SSM, …_SERVICE_QUOTAS, and
/// AWS_ENDPOINT_URL for what those leave open, as awscli takes them.
std::map<Service, std::string> find_endpoints(const storage::Surroundings& surroundings);

/// Whether it can be part of a host's name: lower-case letters, digits and dashes.
bool is_region_name(std::string_view text);

struct AwsCall {
  Service service = Service::kEc2;
  std::string region;
  std::string doing;         ///< "run node 0 of train": how errors begin
  Form form;                 ///< of the Query API
  std::string target, json;  ///< of the JSON protocol instead: "AmazonSSM.GetParameter"
  /// Refusals that pass by themselves for this call alone: what was made a moment ago is not seen everywhere at once.
  std::vector<std::string> settling = {};
};

/// Safe from any thread; blocks its caller.
class AwsClient {
 public:
  struct Parts {
    std::shared_ptr<storage::SecretSource<storage::AwsCredentials>> credentials;
    std::map<Service, std::string> endpoints;
    net::HttpTransport& transport;
    const Clock& clock;
    std::function<void(Duration)> sleep;
  };
  explicit AwsClient(Parts parts) : parts_(std::move(parts)), pace_{parts_.clock, parts_.sleep} {}

  /// The body of the answer. Trouble inside AWS is waited out with up to 8 attempts, an API that cannot be reached with 5 (some ten
  /// seconds), throttling until `end`; credentials that have expired are fetched anew once.
  /// Errors   the refusal, with AWS's code. "ApiUnreachable": no answer at all; "CredentialsNotFound"
  Answer<std::string> call(const AwsCall& call, Instant end);

  const Pace& pace() const { return pace_; }

 private:
  Answer<std::string> attempt(const AwsCall& call, Instant end, bool& renewed, Again& again);
  Answer<net::HttpRequest> request_for(const AwsCall& call, const storage::AwsCredentials& credentials) const;

  const Parts parts_;
  const Pace pace_;
};

}  // namespace isobar::cloud::ec2
