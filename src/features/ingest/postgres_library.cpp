#include "postgres_library.h"

#include <array>

#include "base/shared_library.h"

namespace isobar::features {

namespace {

Result<PostgresLibrary> load_postgres() {
  const std::array<std::string, 1> names{"libpq.so.5"};
  TRY_ASSIGN(const SharedLibrary library, SharedLibrary::open(names, "PostgreSQL is read by its own client: apt-get install libpq5"));
  PostgresLibrary postgres;
#define ISOBAR_POSTGRES_FIND(name) TRY(library.find(#name, postgres.name##_));
  ISOBAR_POSTGRES_FUNCTIONS(ISOBAR_POSTGRES_FIND)
#undef ISOBAR_POSTGRES_FIND
  return postgres;
}

}  // namespace

Result<const PostgresLibrary*> PostgresLibrary::load() {
  static const auto kLibrary = load_postgres();
  if (!kLibrary) return kLibrary.error();
  return &*kLibrary;
}

}  // namespace isobar::features
