// What Compute Engine, or whoever answers in its place, may send. Nothing it says may do more than fail to parse, what is taken from it
// into addresses must be plain names, and no message may hold control characters.

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "answers.h"
#include "base/check.h"
#include "cloud/json_fields.h"
#include "project.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace isobar::cloud;
  using namespace isobar::cloud::gcp;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto page = parse_machines(text); page.ok())
    for (const auto& machine : page->machines) CHECK(parse_id(machine.id).ok(), machine.id);
  if (const auto id = parse_id(text); id.ok()) CHECK(id->text() == text);
  (void)parse_machine(text);
  if (const auto operation = parse_operation(text); operation.ok()) CHECK(is_plain_name(operation->name));
  (void)parse_preempted(text);
  (void)parse_image(text);
  (void)parse_quotas(text);
  (void)image_candidates(text, {});
  if (const auto project = project_in_config(text); !project.empty()) CHECK(is_project(project));
  const std::string told = refused_by(parse_refusal(400, text), "Compute Engine", {}, "look").message();
  CHECK(std::none_of(told.begin(), told.end(), [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7f; }));
  CHECK(told.size() < 3000, told.size());
  const std::string name = machine_name(std::string(text), "owner", "token", 999);
  CHECK(name.size() <= 63 && is_plain_name(name), name);
  return 0;
}
