// What Lambda, or whoever answers in its place, may send; and the file that holds its key. Nothing they say may do more than fail to
// parse, and no message may hold control characters.

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "answers.h"
#include "base/check.h"
#include "requests.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace isobar::cloud;
  using namespace isobar::cloud::lambda;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto machines = parse_instances(text); machines.ok())
    for (const auto& machine : *machines) {
      CHECK(!machine.id.empty());
      CHECK(machine.mark.rank >= -1 && machine.mark.rank < kNodesMost, machine.mark.rank);
    }
  if (const auto ids = parse_launch(text); ids.ok()) CHECK(!ids->empty() && !ids->front().empty());
  (void)parse_terminated(text);
  (void)parse_capacity(text);
  (void)parse_keys(text);
  if (const auto key = parse_key_file(text); key.ok()) CHECK(!key->empty() && key->find('\n') == key->npos);
  const std::string told = refused_by(parse_refusal(400, text), "Lambda Cloud", {}, "look").message();
  CHECK(std::none_of(told.begin(), told.end(), [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7f; }));
  CHECK(told.size() < 3000, told.size());
  return 0;
}
