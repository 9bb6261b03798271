#pragma once

/// What a launch on Azure takes that its offer does not say: names, images, the subscription; and the requests that make it. Pure.
/// Source   Azure REST API reference: Compute 2024-07-01, Network 2024-05-01, Resources 2024-03-01

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "answers.h"
#include "cloud/cloud_machine.h"

namespace isobar::cloud::azure {

inline constexpr const char* kLogin = "isobar";

/// An order's resource group, which holds all that the order made: "isobar-train-1a2b3c4d5e6f".
std::string group_name(const std::string& cluster, const std::string& owner, const std::string& token, const std::string& region);
/// "isobar-train-1a2b3c4d5e6f-0", in the group of that name; of a replacement "isobar-train-1a2b3c4d5e6f-0-g1".
std::string machine_name(const std::string& group, int rank, int generation = 0);

/// An image of the marketplace, or one of the user's own by its id.
struct ImageSource {
  std::string publisher, offer, sku, version, id;
};
/// name      an alias, "PUBLISHER:OFFER:SKU:VERSION", or "/subscriptions/…"; empty: Ubuntu 22.04, with NVIDIA's driver for GPUs
/// Errors    kInvalidArgument: no such alias (the message names the nearest), or none of it for the architecture
Result<ImageSource> find_image(std::string_view name, const Offer& offer);

/// The id of the default subscription in the text of azureProfile.json, which may begin with a byte order mark; empty: none.
std::string default_subscription(std::string_view profile);
/// "01234567-89ab-cdef-0123-456789abcdef"
bool is_subscription(std::string_view text);

/// The name under which vCPUs of a size are counted: "Standard_D8s_v5" → "standardDSv5Family". Compared without case; of some sizes Azure's
/// name follows no rule, and theirs is then not found.
std::string family_of(std::string_view size);
/// Which of a region's quotas cannot hold the order's vCPUs; none: all can, or it is not known.
std::optional<Usage> short_usage(const CreateOrder& order, const std::vector<Usage>& usages);

/// Errors   kInvalidArgument: what Azure does not take (the message names it)
Status check_order(const CreateOrder& order);

std::string group_body(const CreateOrder& order, const Mark& mark);
/// SSH from anywhere; Azure lets machines of one network reach one another by itself.
std::string security_group_body(const std::string& region);
/// One rule for all ports of a cluster: put again it says the new ones.
std::string ports_rule_body(const Ports& ports);
std::string network_body(const std::string& region, const std::string& security_group_id);
/// subnet_id, security_group_id   whole ids, "/subscriptions/…"
std::string machine_body(const CreateOrder& order, const Mark& mark, const ImageSource& image, const std::string& subnet_id,
                         const std::string& security_group_id, const std::string& public_key_line);

}  // namespace isobar::cloud::azure
