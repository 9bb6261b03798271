#pragma once

/// SCRAM-SHA-256 (RFC 7677): what a server keeps of a password.

#include <optional>
#include <string>
#include <string_view>

#include "db/sql_session.h"

namespace isobar::db {

/// With a salt of its own. Cost: `iterations` hashes
ScramVerifier make_scram_verifier(std::string_view password, std::uint32_t iterations = 4096);
/// One that no password fits, always the same for a name as long as the process lives: who asks learns nothing.
ScramVerifier made_up_verifier(std::string_view user);
/// As PostgreSQL keeps it: SCRAM-SHA-256$iterations:salt$stored:server.
std::string scram_text(const ScramVerifier& verifier);
/// None: it is not of that form.
std::optional<ScramVerifier> parse_scram(std::string_view text);

}  // namespace isobar::db
