#include "nats_library.h"

#include <array>

#include "base/shared_library.h"

namespace isobar::features {

namespace {

Result<NatsLibrary> load_nats() {
  const std::array<std::string, 3> names{"libnats.so.3.4", "libnats.so.3.8", "libnats.so"};
  TRY_ASSIGN(const SharedLibrary library, SharedLibrary::open(names, "NATS is read by its C client: apt-get install libnats3.4"));
  NatsLibrary nats;
#define ISOBAR_NATS_FIND(name) TRY(library.find(#name, nats.name##_));
  ISOBAR_NATS_FUNCTIONS(ISOBAR_NATS_FIND)
#undef ISOBAR_NATS_FIND
  return nats;
}

}  // namespace

Result<const NatsLibrary*> NatsLibrary::load() {
  static const auto kLibrary = load_nats();
  if (!kLibrary) return kLibrary.error();
  return &*kLibrary;
}

}  // namespace isobar::features
