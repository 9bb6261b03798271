// Any bytes as a task file: parsing must end with a task or a message, and what it accepts must survive being written
// out and read again.

#include <cstddef>
#include <cstdint>

#include "broker/task.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace isobar::broker;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto file = parse_task_file(text, "fuzz.yaml");
  if (!file.ok()) return 0;
  for (const auto& task : file->tasks) {
    if (!task.secrets.empty() || !task.depends_on.empty()) continue;
    const auto shown = show_task(task);
    const auto again = parse_task_file(shown, "again.yaml");
    CHECK(again.ok(), shown, again.ok() ? "" : again.error().message());
    CHECK(show_task(again->tasks[0]) == shown, shown, show_task(again->tasks[0]));
  }
  return 0;
}
