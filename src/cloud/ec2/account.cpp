#include "account.h"

#include <fmt/format.h>

#include <future>
#include <mutex>
#include <thread>

namespace isobar::cloud::ec2 {

namespace {

constexpr const char* kRegionOfNone = "us-east-1";

/// A region that the account has not enabled answers as if the credentials were wrong.
bool is_closed(const Refused& refused) { return refused.aws_code == "AuthFailure" || refused.aws_code == "OptInRequired"; }

}  // namespace

Result<std::set<std::string>> Account::regions() const {
  TRY_ASSIGN(auto all, regions_used.read());
  all.insert(region);
  return all;
}

Result<std::shared_ptr<Account>> open_account(const Ec2Provider::Parts& parts) {
  TRY_ASSIGN(const auto access, storage::find_aws_access(parts.surroundings, parts.settings.profile, parts.transport, parts.clock));
  const auto sleep = parts.sleep ? parts.sleep : [](Duration span) { std::this_thread::sleep_for(span); };
  return std::make_shared<Account>(Account{
      AwsClient({access.credentials, find_endpoints(parts.surroundings), parts.transport, parts.clock, sleep}), parts.settings.owner,
      access.region.empty() ? kRegionOfNone : access.region, RegionsUsed(parts.settings.home / "aws" / "regions")});
}

Status in_every_region(Account& account, const std::function<Answer<Nothing>(const std::string& region)>& act) {
  TRY_ASSIGN(const auto regions, account.regions());
  std::vector<std::future<Answer<Nothing>>> outcomes;
  for (const auto& region : regions) outcomes.push_back(std::async(std::launch::async, act, region));
  bool any_open = false;
  std::optional<Refused> closed, failed;
  for (auto& outcome : outcomes) {
    const auto done = outcome.get();
    if (done.ok()) any_open = true;
    else if (is_closed(done.error()) && !closed) closed = done.error();
    else if (!is_closed(done.error()) && !failed) failed = done.error();
  }
  if (failed) return *failed;
  if (closed && !any_open) return *closed;
  return {};
}

Result<std::map<std::string, std::vector<Machine>>> find_machines(Account& account, const std::vector<Filter>& filters, Duration deadline) {
  std::mutex mutex;
  std::map<std::string, std::vector<Machine>> found;
  TRY(in_every_region(account, [&](const std::string& region) -> Answer<Nothing> {
    TRY_ASSIGN(auto machines, account.in(region, deadline).machines(filters));
    const std::scoped_lock lock(mutex);
    if (!machines.empty()) found[region] = std::move(machines);
    return Nothing{};
  }));
  return found;
}

}  // namespace isobar::cloud::ec2
