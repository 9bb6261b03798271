#include "db/signatures.h"

namespace isobar::db {

std::string_view signed_text(const TxId& id) { return {reinterpret_cast<const char*>(id.hash.data()), id.hash.size()}; }

}  // namespace isobar::db
