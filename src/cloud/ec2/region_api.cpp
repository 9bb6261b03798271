#include "region_api.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <iterator>

namespace isobar::cloud::ec2 {

namespace {
constexpr int kPagesMost = 1000;
constexpr std::size_t kIdsAtOnce = 500;

std::vector<std::vector<std::string>> batches(const std::vector<std::string>& ids) {
  std::vector<std::vector<std::string>> out;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (i % kIdsAtOnce == 0) out.emplace_back();
    out.back().push_back(ids[i]);
  }
  return out;
}
}  // namespace

Answer<std::string> RegionApi::ask(const std::string& doing, Form form, std::vector<std::string> settling) {
  return client_.call({Service::kEc2, region_, doing, std::move(form), {}, {}, std::move(settling)}, end_);
}

Answer<std::string> RegionApi::ask_json(Service service, const std::string& doing, std::string target, std::string json) {
  return client_.call({service, region_, doing, {}, std::move(target), std::move(json)}, end_);
}

template <class T>
Answer<std::vector<T>> RegionApi::ask_all(const std::string& doing, const Form& form, Result<Page<T>> (*parse)(std::string_view)) {
  std::vector<T> all;
  std::string next;
  for (int number = 0; number < kPagesMost; ++number) {
    Form asked = form;
    if (!next.empty()) asked.emplace_back("NextToken", next);
    TRY_ASSIGN(const auto body, ask(doing, std::move(asked)));
    TRY_ASSIGN(auto page, parse(body).context(doing));
    std::move(page.items.begin(), page.items.end(), std::back_inserter(all));
    if (page.next.empty()) return all;
    if (page.next == next) break;
    next = page.next;
  }
  return Error(Code::kDataLoss, doing + ": the pages of the answer do not end");
}

Answer<std::vector<Machine>> RegionApi::machines(const std::vector<Filter>& filters) {
  Form form = describe("DescribeInstances", filters);
  form.emplace_back("MaxResults", "1000");
  return ask_all<Machine>("list machines", form, parse_machines);
}

Answer<Machine> RegionApi::run(const RunOrder& order, const std::string& doing) {
  TRY_ASSIGN(const auto body, ask(doing, run_instances(order), {"InvalidGroup.NotFound", "InvalidKeyPair.NotFound"}));
  TRY_ASSIGN(auto machine, parse_run(body).context(doing));
  return machine;
}

Answer<std::map<std::string, std::string>> RegionApi::change(const std::string& action, const std::string& doing,
                                                             const std::vector<std::string>& ids) {
  std::map<std::string, std::string> states;
  for (const auto& batch : batches(ids)) {
    // A machine may be named by RunInstances before all of EC2 knows of it, and takes no orders until it is no longer pending.
    TRY_ASSIGN(const auto body, ask(doing, of_each(action, "InstanceId", batch), {"InvalidInstanceID.NotFound", "IncorrectInstanceState"}));
    TRY_ASSIGN(auto changed, parse_state_changes(body).context(doing));
    states.merge(changed);
  }
  return states;
}

Answer<Nothing> RegionApi::set_shutdown_behavior(const std::vector<std::string>& ids, bool terminate) {
  for (const auto& id : ids) TRY(ask("say what becomes of a machine that ends by itself", ec2::set_shutdown_behavior(id, terminate)));
  return Nothing{};
}

Answer<std::map<std::string, std::string>> RegionApi::stop(const std::vector<std::string>& ids) {
  return change("StopInstances", "stop machines", ids);
}
Answer<std::map<std::string, std::string>> RegionApi::start(const std::vector<std::string>& ids) {
  return change("StartInstances", "start machines", ids);
}
Answer<std::map<std::string, std::string>> RegionApi::terminate(const std::vector<std::string>& ids) {
  return change("TerminateInstances", "terminate machines", ids);
}

Answer<std::vector<std::string>> RegionApi::spot_requests(const std::vector<Filter>& filters) {
  return ask_all<std::string>("list spot requests", describe("DescribeSpotInstanceRequests", filters), parse_spot_requests);
}

Answer<Nothing> RegionApi::cancel_spot_requests(const std::vector<std::string>& ids) {
  for (const auto& batch : batches(ids))
    TRY(ask("cancel spot requests", of_each("CancelSpotInstanceRequests", "SpotInstanceRequestId", batch)));
  return Nothing{};
}

Answer<std::vector<Zone>> RegionApi::zones(const std::vector<Filter>& filters) {
  return ask_all<Zone>("find the zone", describe("DescribeAvailabilityZones", filters), parse_zones);
}

Answer<std::vector<std::string>> RegionApi::default_vpcs() {
  return ask_all<std::string>("find the default VPC", describe("DescribeVpcs", std::vector<Filter>{{"is-default", {"true"}}}), parse_vpcs);
}

Answer<std::vector<Subnet>> RegionApi::subnets(const std::vector<Filter>& filters) {
  return ask_all<Subnet>("find a subnet", describe("DescribeSubnets", filters), parse_subnets);
}

Answer<std::vector<SecurityGroup>> RegionApi::security_groups(const std::vector<Filter>& filters) {
  return ask_all<SecurityGroup>("find the security group", describe("DescribeSecurityGroups", filters), parse_security_groups);
}

Answer<std::string> RegionApi::create_security_group(const std::string& name, const std::string& description, const std::string& vpc_id,
                                                     const Tags& tags) {
  const std::string doing = fmt::format("create the security group {}", name);
  TRY_ASSIGN(const auto body, ask(doing, ec2::create_security_group(name, description, vpc_id, tags)));
  TRY_ASSIGN(auto id, parse_group_id(body).context(doing));
  return id;
}

Answer<Nothing> RegionApi::authorize(const std::string& group_id, Ingress ingress) {
  TRY(ask("open the security group", authorize_ingress(group_id, ingress), {"InvalidGroup.NotFound"}));
  return Nothing{};
}

Answer<Nothing> RegionApi::delete_security_group(const std::string& group_id) {
  const auto gone = ask("delete the security group " + group_id, ec2::delete_security_group(group_id));
  if (!gone.ok() && !gone.refused_with("InvalidGroup.NotFound")) return gone.error();
  return Nothing{};
}

Answer<Nothing> RegionApi::authorize(const std::string& group_id, PortRange range) {
  const auto done = ask("open ports " + describe(range), authorize_ports(group_id, range), {"InvalidGroup.NotFound"});
  if (!done.ok() && !done.refused_with("InvalidPermission.Duplicate")) return done.error();
  return Nothing{};
}

Answer<Nothing> RegionApi::set_groups(const std::string& instance_id, const std::vector<std::string>& group_ids) {
  TRY(ask("change the security groups of machine " + instance_id, ec2::set_groups(instance_id, group_ids), {"InvalidGroup.NotFound"}));
  return Nothing{};
}

Answer<Nothing> RegionApi::import_key_pair(const std::string& name, const std::string& public_key_line, const Tags& tags) {
  TRY(ask("import the key pair " + name, ec2::import_key_pair(name, public_key_line, tags)));
  return Nothing{};
}

Answer<std::vector<Image>> RegionApi::images(const std::vector<Filter>& filters, const std::string& owner) {
  Form form = describe("DescribeImages", filters);
  if (!owner.empty()) form.emplace_back("Owner.1", owner);
  return ask_all<Image>("find the image", form, parse_images);
}

Answer<std::string> RegionApi::parameter(const std::string& name) {
  const std::string doing = "find the image " + name;
  TRY_ASSIGN(const auto body,
             ask_json(Service::kSsm, doing, "AmazonSSM.GetParameter", boost::json::serialize(boost::json::object{{"Name", name}})));
  TRY_ASSIGN(auto value, parse_parameter(body).context(doing));
  return value;
}

Answer<double> RegionApi::quota(const std::string& code) {
  const std::string doing = "read the quota " + code;
  TRY_ASSIGN(const auto body, ask_json(Service::kServiceQuotas, doing, "ServiceQuotasV20190624.GetServiceQuota",
                                       boost::json::serialize(boost::json::object{{"QuotaCode", code}, {"ServiceCode", "ec2"}})));
  TRY_ASSIGN(const double value, parse_quota(body).context(doing));
  return value;
}

Answer<std::string> RegionApi::identity() {
  const std::string doing = "ask AWS who we are";
  Form form = {{"Action", "GetCallerIdentity"}, {"Version", "2011-06-15"}};
  TRY_ASSIGN(const auto body, client_.call({Service::kSts, region_, doing, std::move(form), {}, {}}, end_));
  TRY_ASSIGN(auto arn, parse_identity(body).context(doing));
  return arn;
}

}  // namespace isobar::cloud::ec2
