#pragma once

/// What Lambda's API is asked, as JSON; what it takes; and where its key is. Pure.

#include <string>
#include <vector>

#include "cloud/cloud_machine.h"

namespace isobar::cloud::lambda {

/// Errors   kInvalidArgument: a name, label, image or count that Lambda does not take (the message names it)
Status check_order(const CreateOrder& order);

/// One machine, with its mark as tags.
std::string launch_body(const CreateOrder& order, const Mark& mark, const std::string& key_name);
std::string terminate_body(const std::vector<std::string>& ids);
std::string key_body(const std::string& name, const std::string& public_line);

/// The key in the text of ~/.lambda_cloud/lambda_keys: lines of "NAME = VALUE".
/// Errors   kInvalidArgument: it holds no api_key; values are never quoted
Result<std::string> parse_key_file(std::string_view text);

}  // namespace isobar::cloud::lambda
