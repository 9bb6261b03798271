// What OpenStack's services, or whoever answers in their place, may send; and the marks on what belongs to a cluster. Nothing they say
// may do more than fail to parse, and no message may hold control characters.

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "answers.h"
#include "base/check.h"
#include "requests.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace isobar::cloud;
  using namespace isobar::cloud::openstack;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto servers = parse_servers(text); servers.ok())
    for (const auto& machine : servers->items) {
      CHECK(!machine.id.empty());
      CHECK(machine.mark.rank >= -1 && machine.mark.rank < kNodesMost, machine.mark.rank);
    }
  if (const auto flavors = parse_flavors(text); flavors.ok())
    for (const auto& flavor : flavors->items) CHECK(flavor.accelerator_count >= 0, flavor.accelerator_count);
  (void)parse_token(text, "public");
  (void)parse_microversion(text);
  (void)parse_zones(text);
  (void)parse_limits(text);
  (void)parse_key_pairs(text);
  (void)parse_images(text);
  (void)parse_networks(text);
  (void)parse_security_groups(text);
  (void)parse_ports_of_network(text);
  (void)parse_floating(text);
  (void)parse_made(text, "port");
  const Mark mark = read_mark_text(text);
  if (!mark.owner.empty()) CHECK(read_mark_text(mark_text(mark)).owner == mark.owner);
  const std::string told = refused_by(parse_refusal(400, text), "OpenStack", {}, "look").message();
  CHECK(std::none_of(told.begin(), told.end(), [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7f; }));
  return 0;
}
