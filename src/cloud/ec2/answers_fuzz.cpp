// What EC2, or whoever answers in its place, may send. Nothing it says may do more than fail to parse, and no message may hold
// control characters.

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "answers.h"
#include "base/check.h"
#include "refusal.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace isobar::cloud::ec2;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto page = parse_machines(text); page.ok())
    for (const Machine& machine : page->items) CHECK(!machine.id.empty() && !machine.state.empty());
  if (const auto machine = parse_run(text); machine.ok()) CHECK(!machine->id.empty());
  (void)parse_zones(text);
  (void)parse_vpcs(text);
  (void)parse_subnets(text);
  (void)parse_security_groups(text);
  (void)parse_group_id(text);
  (void)parse_images(text);
  (void)parse_spot_requests(text);
  (void)parse_state_changes(text);
  (void)parse_identity(text);
  (void)parse_parameter(text);
  (void)parse_quota(text);
  const auto refusal = parse_refusal(400, text);
  const std::string told = refused_by(refusal, "EC2", "us-east-1", "look").message();
  CHECK(std::none_of(told.begin(), told.end(), [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7f; }));
  CHECK(told.size() < 3000, told.size());
  return 0;
}
