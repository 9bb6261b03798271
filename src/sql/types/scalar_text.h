#pragma once

/// Numbers, bytes, uuids and truth as text.

#include "sql/type.h"
#include "sql/value.h"

namespace isobar::sql {

SqlResult<bool> bool_from_text(std::string_view text);
/// Of smallint, integer, bigint.
SqlResult<std::int64_t> integer_from_text(std::string_view text, std::int64_t least, std::int64_t most, std::string_view type);
/// Of oid and its like: unsigned, 32 bits.
SqlResult<std::int64_t> oid_from_text(std::string_view text, std::string_view type);
SqlResult<double> float_from_text(std::string_view text, bool single);
SqlResult<std::string> bytea_from_text(std::string_view text);
SqlResult<Uuid> uuid_from_text(std::string_view text);

/// The shortest digits that read back to it (style.extra_float_digits > 0), or 15 (single: 6) and those more.
void append_float(std::string& out, double value, bool single, int extra_digits);
void append_bytea(std::string& out, std::string_view bytes, bool escape);
void append_uuid(std::string& out, const Uuid& uuid);

SqlError invalid_text(std::string_view type, std::string_view text);

}  // namespace isobar::sql
