#pragma once

/// What Lambda's API answers, as values. Pure. The Errors of all parsers are kDataLoss: what arrived is not what Lambda sends.
/// Source   Lambda Cloud API, version 1.10 (docs-api.lambda.ai)

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "cloud/cloud_machine.h"
#include "cloud/rest_client.h"

namespace isobar::cloud::lambda {

/// GET /instances
Result<std::vector<CloudMachine>> parse_instances(std::string_view json);
/// POST /instance-operations/launch: the ids of what was made.
Result<std::vector<std::string>> parse_launch(std::string_view json);
/// POST /instance-operations/terminate: the ids of those that end.
Result<std::set<std::string>> parse_terminated(std::string_view json);
/// GET /instance-types: type → regions that have room for it now.
Result<std::map<std::string, std::set<std::string>>> parse_capacity(std::string_view json);
/// GET /firewall-rules: the TCP ports that everyone is let in to, merged.
Result<Ports> parse_open_ports(std::string_view json);
/// GET /ssh-keys: their names.
Result<std::set<std::string>> parse_keys(std::string_view json);

RestRefusal parse_refusal(int status, std::string_view body);

}  // namespace isobar::cloud::lambda
