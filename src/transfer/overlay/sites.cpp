#include <fmt/format.h>

#include <boost/json.hpp>

#include "net/listener.h"
#include "transfer/gateway_sites.h"
#include "yaml/field_reader.h"

namespace isobar::transfer {

namespace {

namespace json = boost::json;

void read_address(FieldReader& reader, std::string_view key, std::string& into) {
  if (!reader.text(key, into) || into.empty()) return;
  if (!net::make_address(into, 1).ok())
    reader.report(key, fmt::format("'{}' is no IP address; gateways call one another by address", into));
}

GatewaySite read_site(const std::string& region, FieldReader& reader) {
  GatewaySite site;
  site.region = region;
  reader.text("ssh", site.ssh);
  reader.text("namespace", site.namespace_path);
  if (!site.namespace_path.empty() && site.namespace_path[0] != '/') site.namespace_path = "/run/netns/" + site.namespace_path;
  if (!site.namespace_path.empty() && !site.ssh.empty())
    reader.report("namespace", "a machine behind ssh is entered by ssh alone; leave one of both out");
  read_address(reader, "address", site.address);
  reader.text_map("address-from", site.address_from);
  if (site.address.empty() && site.address_from.empty()) reader.report("address", "where do other gateways reach it? Give its IP address");
  reader.finish();
  return site;
}

}  // namespace

Result<std::vector<GatewaySite>> parse_sites(std::string_view yaml, const std::string& name) {
  TRY_ASSIGN(const auto documents, read_yaml(yaml, name));
  Problems problems(name);
  FieldReader top(documents[0], "", problems);
  std::vector<GatewaySite> sites;
  if (const auto* node = top.get("sites")) {
    FieldReader regions(*node, "sites", problems);
    for (const auto& field : regions.free_fields()) {
      // One machine, or a list of them.
      const std::string region = field.key.text;
      const bool several = field.value.kind == YamlNode::Kind::kSequence;
      const std::size_t count = several ? field.value.items.size() : 1;
      for (std::size_t i = 0; i < count; ++i) {
        const YamlNode& one = several ? field.value.items[i] : field.value;
        FieldReader reader(one, several ? fmt::format("sites.{}[{}]", region, i) : fmt::format("sites.{}", region), problems);
        sites.push_back(read_site(region, reader));
      }
    }
  } else {
    top.report("sites", "the sites are missing: a map from region to machine");
  }
  top.finish();
  if (!problems.empty()) return invalid(problems.text());
  return sites;
}

Result<std::vector<GatewaySite>> parse_testbed_sites(std::string_view text, std::string& scenario) {
  boost::system::error_code failure;
  const json::value document = json::parse({text.data(), text.size()}, failure);
  const auto* top = document.if_object();
  const auto* regions = top && top->contains("regions") ? top->at("regions").if_array() : nullptr;
  if (failure || !regions || !top->contains("file") || !top->at("file").is_string())
    return invalid("what ISOBAR_NETEM names does not describe an emulated network");
  scenario = std::string(top->at("file").get_string());
  std::vector<GatewaySite> sites;
  for (const auto& entry : *regions) {
    const auto* region = entry.if_object();
    const auto* addresses = region && region->contains("addresses") ? region->at("addresses").if_object() : nullptr;
    if (!addresses || !region->contains("name") || !region->contains("namespace_path"))
      return invalid("what ISOBAR_NETEM names does not describe an emulated network");
    GatewaySite site;
    site.region = "netem:" + std::string(region->at("name").get_string());
    site.namespace_path = std::string(region->at("namespace_path").get_string());
    for (const auto& [peer, address] : *addresses) site.address_from["netem:" + std::string(peer)] = std::string(address.get_string());
    sites.push_back(std::move(site));
  }
  return sites;
}

}  // namespace isobar::transfer
