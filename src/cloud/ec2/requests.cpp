#include "requests.h"

#include <fmt/format.h>

#include "crypto/encoding.h"

namespace isobar::cloud::ec2 {

namespace {

constexpr const char* kVersion = "2016-11-15";

void add_tags(Form& form, int number, const std::string& resource, const Tags& tags) {
  const std::string prefix = fmt::format("TagSpecification.{}.", number);
  form.emplace_back(prefix + "ResourceType", resource);
  int tag = 0;
  for (const auto& [key, value] : tags) {
    form.emplace_back(fmt::format("{}Tag.{}.Key", prefix, ++tag), key);
    form.emplace_back(fmt::format("{}Tag.{}.Value", prefix, tag), value);
  }
}

void add_network(Form& form, const RunOrder& order) {
  if (order.subnet_id.empty()) {
    form.emplace_back("SecurityGroupId.1", order.security_group_id);
    return;
  }
  // As an interface, because only there a public address can be asked for whatever the subnet's own default is.
  const std::string prefix = "NetworkInterface.1.";
  form.emplace_back(prefix + "DeviceIndex", "0");
  form.emplace_back(prefix + "SubnetId", order.subnet_id);
  form.emplace_back(prefix + "SecurityGroupId.1", order.security_group_id);
  form.emplace_back(prefix + "AssociatePublicIpAddress", "true");
  form.emplace_back(prefix + "DeleteOnTermination", "true");
}

void add_root_disk(Form& form, const RunOrder& order) {
  const std::string prefix = "BlockDeviceMapping.1.";
  form.emplace_back(prefix + "DeviceName", order.root_device);
  form.emplace_back(prefix + "Ebs.VolumeSize", std::to_string(order.disk_gb));
  form.emplace_back(prefix + "Ebs.VolumeType", order.disk_type);
  form.emplace_back(prefix + "Ebs.DeleteOnTermination", "true");
}

void add_tcp_from_anywhere(Form& form, PortRange range) {
  const std::string prefix = "IpPermissions.1.";
  form.emplace_back(prefix + "IpProtocol", "tcp");
  form.emplace_back(prefix + "FromPort", std::to_string(range.first));
  form.emplace_back(prefix + "ToPort", std::to_string(range.last));
  form.emplace_back(prefix + "IpRanges.1.CidrIp", "0.0.0.0/0");
  form.emplace_back(prefix + "Ipv6Ranges.1.CidrIpv6", "::/0");
}

}  // namespace

Form form(std::string action) { return {{"Action", std::move(action)}, {"Version", kVersion}}; }

Form describe(std::string action, std::span<const Filter> filters) {
  Form result = form(std::move(action));
  int number = 0;
  for (const Filter& filter : filters) {
    result.emplace_back(fmt::format("Filter.{}.Name", ++number), filter.name);
    int value = 0;
    for (const auto& text : filter.values) result.emplace_back(fmt::format("Filter.{}.Value.{}", number, ++value), text);
  }
  return result;
}

Form of_each(std::string action, const std::string& parameter, std::span<const std::string> ids) {
  Form result = form(std::move(action));
  int number = 0;
  for (const auto& id : ids) result.emplace_back(fmt::format("{}.{}", parameter, ++number), id);
  return result;
}

Form run_instances(const RunOrder& order) {
  Form result = form("RunInstances");
  result.emplace_back("ClientToken", order.client_token);
  result.emplace_back("MinCount", "1");
  result.emplace_back("MaxCount", "1");
  result.emplace_back("ImageId", order.image_id);
  result.emplace_back("InstanceType", order.instance_type);
  result.emplace_back("KeyName", order.key_name);
  // A machine that powers itself off keeps its disk, as one that is stopped does.
  if (!order.spot) result.emplace_back("InstanceInitiatedShutdownBehavior", "stop");
  // Jobs cannot get at the machine's credentials by fooling a program into fetching a URL.
  result.emplace_back("MetadataOptions.HttpTokens", "required");
  add_network(result, order);
  add_root_disk(result, order);
  add_tags(result, 1, "instance", order.tags);
  add_tags(result, 2, "volume", order.tags);
  if (order.spot) {
    result.emplace_back("InstanceMarketOptions.MarketType", "spot");
    result.emplace_back("InstanceMarketOptions.SpotOptions.SpotInstanceType", "one-time");
    result.emplace_back("InstanceMarketOptions.SpotOptions.InstanceInterruptionBehavior", "terminate");
    add_tags(result, 3, "spot-instances-request", order.tags);
  }
  return result;
}

Form set_shutdown_behavior(const std::string& id, bool terminate) {
  Form result = form("ModifyInstanceAttribute");
  result.emplace_back("InstanceId", id);
  result.emplace_back("Attribute", "instanceInitiatedShutdownBehavior");
  result.emplace_back("Value", terminate ? "terminate" : "stop");
  return result;
}

Form import_key_pair(const std::string& name, const std::string& public_key_line, const Tags& tags) {
  Form result = form("ImportKeyPair");
  result.emplace_back("KeyName", name);
  result.emplace_back("PublicKeyMaterial", crypto::to_base64(public_key_line));
  add_tags(result, 1, "key-pair", tags);
  return result;
}

Form create_security_group(const std::string& name, const std::string& description, const std::string& vpc_id, const Tags& tags) {
  Form result = form("CreateSecurityGroup");
  result.emplace_back("GroupName", name);
  result.emplace_back("GroupDescription", description);
  result.emplace_back("VpcId", vpc_id);
  add_tags(result, 1, "security-group", tags);
  return result;
}

Form delete_security_group(const std::string& group_id) {
  Form result = form("DeleteSecurityGroup");
  result.emplace_back("GroupId", group_id);
  return result;
}

Form set_groups(const std::string& instance_id, const std::vector<std::string>& group_ids) {
  Form result = of_each("ModifyInstanceAttribute", "GroupId", group_ids);
  result.emplace_back("InstanceId", instance_id);
  return result;
}

Form authorize_ports(const std::string& group_id, PortRange range) {
  Form result = form("AuthorizeSecurityGroupIngress");
  result.emplace_back("GroupId", group_id);
  add_tcp_from_anywhere(result, range);
  return result;
}

Form authorize_ingress(const std::string& group_id, Ingress ingress) {
  Form result = form("AuthorizeSecurityGroupIngress");
  result.emplace_back("GroupId", group_id);
  const std::string prefix = "IpPermissions.1.";
  if (ingress == Ingress::kWithinGroup) {
    result.emplace_back(prefix + "IpProtocol", "-1");
    result.emplace_back(prefix + "Groups.1.GroupId", group_id);
    return result;
  }
  add_tcp_from_anywhere(result, {22, 22});
  return result;
}

}  // namespace isobar::cloud::ec2
