#pragma once

/// What the driver asks of one region, each question once and with all its pages. Safe from any thread.

#include "answers.h"
#include "aws_client.h"

namespace isobar::cloud::ec2 {

class RegionApi {
 public:
  /// end   no question is repeated after it
  RegionApi(AwsClient& client, std::string region, Instant end) : client_(client), region_(std::move(region)), end_(end) {}
  const std::string& region() const { return region_; }
  Instant end() const { return end_; }
  /// Between two looks at the same thing; not beyond `end`.
  void pause(Duration span) const { client_.pace().pause(span, end_); }

  Answer<std::vector<Machine>> machines(const std::vector<Filter>& filters);
  /// Repeated, it answers with the same machine.
  Answer<Machine> run(const RunOrder& order, const std::string& doing);
  /// id → state now. Of ids that are unknown EC2 refuses all.
  Answer<std::map<std::string, std::string>> stop(const std::vector<std::string>& ids);
  Answer<std::map<std::string, std::string>> start(const std::vector<std::string>& ids);
  Answer<std::map<std::string, std::string>> terminate(const std::vector<std::string>& ids);
  /// Of a machine that powers itself off. One question each.
  Answer<Nothing> set_shutdown_behavior(const std::vector<std::string>& ids, bool terminate);
  Answer<std::vector<std::string>> spot_requests(const std::vector<Filter>& filters);
  Answer<Nothing> cancel_spot_requests(const std::vector<std::string>& ids);

  Answer<std::vector<Zone>> zones(const std::vector<Filter>& filters);
  Answer<std::vector<std::string>> default_vpcs();
  Answer<std::vector<Subnet>> subnets(const std::vector<Filter>& filters);
  Answer<std::vector<SecurityGroup>> security_groups(const std::vector<Filter>& filters);
  Answer<std::string> create_security_group(const std::string& name, const std::string& description, const std::string& vpc_id,
                                            const Tags& tags);
  /// Errors   DependencyViolation: a machine is in it
  Answer<Nothing> delete_security_group(const std::string& group_id);
  Answer<Nothing> authorize(const std::string& group_id, PortRange range);
  Answer<Nothing> set_groups(const std::string& instance_id, const std::vector<std::string>& group_ids);
  Answer<Nothing> authorize(const std::string& group_id, Ingress ingress);
  Answer<Nothing> import_key_pair(const std::string& name, const std::string& public_key_line, const Tags& tags);
  Answer<std::vector<Image>> images(const std::vector<Filter>& filters, const std::string& owner = {});

  /// A public parameter of SSM.
  Answer<std::string> parameter(const std::string& name);
  /// Of the service "ec2".
  Answer<double> quota(const std::string& code);
  /// The ARN of who we are.
  Answer<std::string> identity();

 private:
  Answer<std::string> ask(const std::string& doing, Form form, std::vector<std::string> settling = {});
  Answer<std::string> ask_json(Service service, const std::string& doing, std::string target, std::string json);
  Answer<std::map<std::string, std::string>> change(const std::string& action, const std::string& doing,
                                                    const std::vector<std::string>& ids);
  template <class T>
  Answer<std::vector<T>> ask_all(const std::string& doing, const Form& form, Result<Page<T>> (*parse)(std::string_view));

  AwsClient& client_;
  const std::string region_;
  const Instant end_;
};

}  // namespace isobar::cloud::ec2
