// Definitions of domains: any text is read, or refused at a place that it has.
#include <cstdlib>

#include "fuzz/domain_text.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto read = isobar::fuzz::read_domains(std::string_view(reinterpret_cast<const char*>(data), size));
  if (const auto* error = std::get_if<isobar::fuzz::TextError>(&read))
    if (error->line == 0 || error->column == 0 || error->column > size + 1 || error->message.empty()) std::abort();
  return 0;
}
