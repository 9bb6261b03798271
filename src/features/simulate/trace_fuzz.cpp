// Any bytes as a trace of either form: no crash, and what is accepted is in order and refers to keys that there are.

#include <cmath>

#include "features/trace.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace isobar::features;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const TraceFormat format : {TraceFormat::kCsv, TraceFormat::kJsonLines}) {
    const auto trace = parse_trace(text, format, "fuzz");
    if (!trace.ok()) continue;
    for (std::size_t i = 0; i < trace->rows.size(); ++i) {
      const TraceRow& row = trace->rows[i];
      if (row.key >= trace->keys.size() || !std::isfinite(row.value) || (i > 0 && row.time < trace->rows[i - 1].time)) __builtin_trap();
    }
  }
  return 0;
}
