#pragma once

/// What a machine carries with it, so that whoever finds it knows whose it is, which node it is and how to get in, with no record
/// but EC2's own. Pure.

#include "answers.h"
#include "cloud/provider.h"

namespace isobar::cloud::ec2 {

inline constexpr const char* kClusterTag = "isobar-cluster";
inline constexpr const char* kRankTag = "isobar-rank";    ///< identity within the cluster, for life
inline constexpr const char* kNodesTag = "isobar-nodes";  ///< how many there are, so that a lost one is noticed
inline constexpr const char* kTokenTag = "isobar-token";  ///< the order that made it
inline constexpr const char* kOwnerTag = "isobar-owner";  ///< whose isobar: several people may share an account
inline constexpr const char* kZoneTag = "isobar-zone";    ///< as the offer named it: an id, "use1-az1"
inline constexpr const char* kLoginTag = "isobar-login";  ///< the user of the image
inline constexpr const char* kVcpusTag = "isobar-vcpus";
inline constexpr const char* kGpusTag = "isobar-gpus";

/// Errors   kInvalidArgument: a name, label or count that EC2 does not take (the message names it)
Status check_order(const CreateOrder& order);
Tags tags_of(const CreateOrder& order, const std::string& owner, int rank, const std::string& login_user);

/// Derived from the order's token, at most 64 characters as EC2 wants it.
std::string client_token_of(const std::string& order_token, int rank);

/// −1: a machine whose tag was tampered with.
int rank_of(const Machine& machine);
Instance instance_of(const Machine& machine, const std::string& region);

/// Filters for what carries these tags: machines in whatever state, spot requests.
std::vector<Filter> all_of_owner(const std::string& owner);
std::vector<Filter> all_of_cluster(const std::string& owner, const std::string& cluster);
std::vector<Filter> all_of_token(const std::string& owner, const std::string& token);
/// Of the machines that match, those that are not gone.
std::vector<Filter> live(std::vector<Filter> filters);

}  // namespace isobar::cloud::ec2
