#pragma once

#include "features/source_reader.h"

namespace isobar::features {

/// Messages of a NATS subject that are JSON objects, from the JetStream stream that keeps it, by an ordered consumer. A position is the
/// sequence in the stream. A token is taken from the environment variable NATS_TOKEN, or a user and password from NATS_USER and
/// NATS_PASSWORD.
Result<std::unique_ptr<SourceReader>> open_nats_source(const Source& source, const Engine& engine);

}  // namespace isobar::features
