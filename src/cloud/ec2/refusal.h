#pragma once

/// The three forms in which AWS says no (EC2's XML, the XML of STS, the JSON of SSM and Service Quotas), as one value, and what each
/// code means for whoever asked. Pure.

#include <string>
#include <string_view>

#include "cloud/answer.h"

namespace isobar::cloud::ec2 {

struct ApiRefusal {
  int status = 0;       ///< HTTP
  std::string code;     ///< "InvalidAMIID.NotFound"; empty when the body was no such document
  std::string message;  ///< AWS's own sentence
  std::string request_id;
};

/// body  at most a few kilobytes count; a proxy's HTML leaves everything but `status` empty
ApiRefusal parse_refusal(int status, std::string_view body);

/// The same request may succeed a moment later: throttled, or trouble inside AWS. A want of capacity is not among these, although
/// EC2 reports it as a server error: waiting does not help where another zone may.
bool is_passing(const ApiRefusal& refusal);
bool is_throttling(std::string_view code);
/// The credentials were good until just now; fresh ones may be had.
bool is_expired(std::string_view code);

/// "run node 0 of train: EC2 in us-east-1 answered 400 VcpuLimitExceeded: You have … [request 4442587F]", with the mend where
/// there is one.
Refused refused_by(const ApiRefusal& refusal, std::string_view service, std::string_view region, std::string_view doing);

}  // namespace isobar::cloud::ec2
