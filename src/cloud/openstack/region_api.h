#pragma once

/// The services of one region as one user's project sees them: Nova, Neutron, Glance. Calls block until `end` at most.

#include <memory>
#include <string>
#include <vector>

#include "answers.h"
#include "cloud/rest_client.h"
#include "requests.h"

namespace isobar::cloud::openstack {

/// Where a region's services are, and how they are spoken to.
struct Region {
  std::string name;
  std::string compute, network, image;  ///< addresses, without a slash at the end
  Microversion version;                 ///< of Nova's API, as it was agreed on
  RestClient client;

  bool takes_tags() const { return version >= Microversion{2, 52}; }
};

class RegionApi {
 public:
  RegionApi(std::shared_ptr<const Region> region, Instant end) : region_(std::move(region)), end_(end) {}

  /// All servers of the project with a mark.
  Answer<std::vector<CloudMachine>> machines() const;
  Answer<std::string> make_server(const std::string& body, const std::string& doing) const;
  /// "os-start", "os-stop"; one that is so already is no error.
  Answer<Nothing> power(const std::string& id, const std::string& action) const;
  Answer<Nothing> remove_server(const std::string& id) const;
  Answer<std::vector<Flavor>> flavors() const;
  Answer<std::vector<std::string>> zones() const;
  Answer<Limits> limits() const;
  /// Enters the key under its name, which is made from it.
  Answer<Nothing> have_key(const std::string& name, const std::string& public_line) const;

  /// By its name or id; the newest of several.
  Answer<std::vector<Image>> images(const std::string& name) const;
  Answer<std::vector<Network>> networks(bool external) const;
  Answer<std::vector<SecurityGroup>> groups(const std::string& name = {}) const;
  Answer<std::string> make_group(const std::string& name, const std::string& description) const;
  /// One that is there already is no error.
  Answer<Nothing> make_rule(const std::string& body) const;
  Answer<Nothing> remove_group(const std::string& id) const;
  /// name   empty: all of the project
  Answer<std::vector<NetworkPort>> ports(const std::string& name = {}) const;
  Answer<std::string> make_port(const std::string& body) const;
  /// Puts the port into a security group, beside those that it is in.
  Answer<Nothing> let_in(const NetworkPort& port, const std::string& group) const;
  Answer<Nothing> remove_port(const std::string& id) const;
  Answer<std::vector<FloatingAddress>> floating() const;
  Answer<std::string> make_floating(const std::string& body) const;
  Answer<Nothing> remove_floating(const std::string& id) const;

  const Region& region() const { return *region_; }

 private:
  Answer<std::string> get(const std::string& doing, const std::string& url) const;
  Answer<std::string> post(const std::string& doing, const std::string& url, const std::string& body) const;
  Answer<Nothing> remove(const std::string& doing, const std::string& url) const;
  template <class T>
  Answer<std::vector<T>> all(const std::string& doing, const std::string& base, std::string url,
                             Result<Page<T>> (*parse)(std::string_view)) const;

  std::shared_ptr<const Region> region_;
  Instant end_;
};

}  // namespace isobar::cloud::openstack
