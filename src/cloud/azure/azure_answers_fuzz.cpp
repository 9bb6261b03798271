// What Azure, or whoever answers in its place, may send; the CLI's profile; names of images. Nothing they say may do more than fail to
// parse, what is taken into addresses must be plain names, and no message may hold control characters.

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "answers.h"
#include "base/check.h"
#include "cloud/json_fields.h"
#include "launch_rules.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace isobar::cloud;
  using namespace isobar::cloud::azure;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto page = parse_machines(text); page.ok())
    for (const auto& listed : page->items)
      if (!listed.machine.mark.owner.empty()) CHECK(parse_id(listed.machine.id).ok(), listed.machine.id);
  if (const auto page = parse_groups(text); page.ok())
    for (const auto& group : page->items) CHECK(is_plain_name(group.name), group.name);
  (void)parse_statuses(text);
  (void)parse_interfaces(text);
  (void)parse_addresses(text);
  (void)parse_provisioning(text);
  (void)parse_subscription(text);
  if (const auto id = parse_id(text); id.ok()) CHECK(id->text() == text);
  if (const auto id = default_subscription(text); !id.empty()) CHECK(is_subscription(id));
  (void)find_image(text, {});
  CHECK(machine_name(group_name(std::string(text), "owner", "token", "eastus"), 999).size() <= 64);
  const std::string told = refused_by(parse_refusal(400, text), "Azure", {}, "look").message();
  CHECK(std::none_of(told.begin(), told.end(), [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7f; }));
  CHECK(told.size() < 3000, told.size());
  return 0;
}
