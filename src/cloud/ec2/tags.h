#pragma once

/// The mark of a machine, as EC2 keeps it: tags, and filters that find them. Pure.

#include "answers.h"
#include "cloud/cloud_machine.h"

namespace isobar::cloud::ec2 {

/// Errors   kInvalidArgument: a name, label or count that EC2 does not take (the message names it)
Status check_order(const CreateOrder& order);
Tags tags_of(const CreateOrder& order, const std::string& owner, int rank, const std::string& login_user);

/// Derived from the order's token, at most 64 characters as EC2 wants it.
std::string client_token_of(const std::string& order_token, int rank);

/// As it is for all clouds.
CloudMachine machine_of(const Machine& machine, const std::string& region);

/// Filters for what carries these tags: machines in whatever state, spot requests.
std::vector<Filter> all_that_is(const Wanted& wanted);
/// The same for machines alone, which can also be wanted only while they are not gone.
std::vector<Filter> machines_that_are(const Wanted& wanted);

}  // namespace isobar::cloud::ec2
