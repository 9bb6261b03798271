#pragma once

/// One user's machines in one account, over all regions in which there may be any.

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "cloud/ec2_provider.h"
#include "region_api.h"
#include "regions_used.h"

namespace isobar::cloud::ec2 {

struct Account {
  AwsClient client;
  std::string owner;
  std::string region;  ///< the user's own; "us-east-1" when none is set
  RegionsUsed regions_used;

  RegionApi in(const std::string& where, Duration deadline) { return {client, where, client.now() + deadline}; }
  Result<std::set<std::string>> regions() const;
};

/// Credentials, region and endpoints, as AWS's own tools find them. Nothing is asked of anyone yet.
/// Errors   kInvalidArgument: a file or variable that is wrong, with the mend
Result<std::shared_ptr<Account>> open_account(const Ec2Provider::Parts& parts);

/// Region → machines that match, from all regions at once; those without any are left out. A region that is closed to the account
/// holds nothing, which is known when another one answers.
Result<std::map<std::string, std::vector<Machine>>> find_machines(Account& account, const std::vector<Filter>& filters, Duration deadline);

/// Does the same in all regions at once. Errors   the first, in the order of the regions' names; the others were done all the same
Status in_every_region(Account& account, const std::function<Answer<Nothing>(const std::string& region)>& act);

}  // namespace isobar::cloud::ec2
