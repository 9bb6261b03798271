// What RunPod, or whoever answers in its place, may send; the file that holds its key; types of pods. Nothing they say may do more than
// fail to parse, and no message may hold control characters.

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "cloud/json_fields.h"
#include "pods.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace isobar::cloud;
  using namespace isobar::cloud::runpod;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto pods = parse_pods(text); pods.ok())
    for (const auto& pod : *pods) {
      CHECK(is_plain_name(pod.id), pod.id);
      CHECK(pod.ssh_port >= 0 && pod.ssh_port < 65536, pod.ssh_port);
    }
  if (const auto id = parse_created(text); id.ok()) CHECK(is_plain_name(*id));
  if (const auto key = parse_config(text); key.ok()) CHECK(!key->empty() && key->find('\n') == key->npos);
  if (const auto type = parse_type(text); type.ok()) CHECK(type->gpu_count > 0 && !type->gpu_id.empty());
  const std::string told = refused_by(parse_refusal(500, text), "RunPod", {}, "look").message();
  CHECK(std::none_of(told.begin(), told.end(), [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7f; }));
  CHECK(told.size() < 3000, told.size());
  return 0;
}
