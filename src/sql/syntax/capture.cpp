// libpg_query makes protobuf-c structures of its tree, packs them, and lets go of them. Its two calls that pack are led here by the linker
// (--wrap, in cmake/pg_query.cmake); where they are not, as in a build with shared libraries, nothing is captured, and the message is read.

#include "capture.h"

namespace isobar::sql {
namespace {

using Read = std::function<bool(const PgQuery__ParseResult&)>;
thread_local const Read* reading = nullptr;
thread_local bool taken = false;

}  // namespace

CapturedTree::CapturedTree(const Read& read) {
  reading = &read;
  taken = false;
}
CapturedTree::~CapturedTree() { reading = nullptr; }

}  // namespace isobar::sql

// NOLINTBEGIN(readability-identifier-naming,bugprone-reserved-identifier): the linker's names.
extern "C" size_t __wrap_pg_query__parse_result__get_packed_size(const PgQuery__ParseResult* tree) {
  using namespace isobar::sql;
  taken = reading != nullptr && (*reading)(*tree);
  return taken ? 0 : protobuf_c_message_get_packed_size(&tree->base);
}
extern "C" size_t __wrap_pg_query__parse_result__pack(const PgQuery__ParseResult* tree, uint8_t* out) {
  return isobar::sql::taken ? 0 : protobuf_c_message_pack(&tree->base, out);
}
// NOLINTEND(readability-identifier-naming,bugprone-reserved-identifier)
