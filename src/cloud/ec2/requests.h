#pragma once

/// Questions to EC2 as the forms that its Query API takes. Pure.
/// Source   Amazon EC2 API Reference, version 2016-11-15

#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/ports.h"
#include "net/url.h"

namespace isobar::cloud::ec2 {

using Form = net::QueryParameters;
using Tags = std::map<std::string, std::string>;

struct Filter {
  std::string name;  ///< "tag:isobar-cluster", "instance-state-name"
  std::vector<std::string> values;
};

/// Action and Version alone.
Form form(std::string action);
/// "Filter.1.Name=…&Filter.1.Value.1=…": instances and the like must pass all filters, each by any of its values.
Form describe(std::string action, std::span<const Filter> filters);
/// "InstanceId.1=…&InstanceId.2=…"
Form of_each(std::string action, const std::string& parameter, std::span<const std::string> ids);

/// One machine. One call makes one, so that its rank is among its tags from the first instant.
struct RunOrder {
  std::string client_token;  ///< at most 64 ASCII characters; EC2 makes one machine for it, however often it is asked
  std::string image_id, root_device;
  std::string instance_type;
  std::string key_name;
  std::string subnet_id;  ///< empty: EC2 chooses the zone
  std::string security_group_id;
  std::uint64_t disk_gb = 0;
  std::string disk_type;  ///< "gp3"
  bool spot = false;
  Tags tags;  ///< of the machine, its volume and its spot request
};
Form run_instances(const RunOrder& order);

/// What becomes of a machine that powers itself off.
Form set_shutdown_behavior(const std::string& id, bool terminate);

Form import_key_pair(const std::string& name, const std::string& public_key_line, const Tags& tags);
Form create_security_group(const std::string& name, const std::string& description, const std::string& vpc_id, const Tags& tags);
Form delete_security_group(const std::string& group_id);
/// All groups that a machine is to be in, in place of those that it is.
Form set_groups(const std::string& instance_id, const std::vector<std::string>& group_ids);

/// What is let in to the machines of a security group.
enum class Ingress {
  kSshFromAnywhere,  ///< TCP 22 from 0.0.0.0/0 and ::/0
  kWithinGroup,      ///< everything from members of the same group
};
Form authorize_ingress(const std::string& group_id, Ingress ingress);
/// TCP from 0.0.0.0/0 and ::/0. One range a request, for EC2 refuses all of those of which one is let in already.
Form authorize_ports(const std::string& group_id, PortRange range);

}  // namespace isobar::cloud::ec2
