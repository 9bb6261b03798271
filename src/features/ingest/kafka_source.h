#pragma once

#include "features/source_reader.h"

namespace isobar::features {

/// Messages of a Kafka topic that are JSON objects, of all its partitions. A position is the offset of the next message. An empty message
/// takes the record of its key away, as compacted topics do. Properties of librdkafka (security.protocol, sasl.*) are read from the file
/// that the environment variable ISOBAR_KAFKA_CONFIG names, a NAME=VALUE each line.
Result<std::unique_ptr<SourceReader>> open_kafka_source(const Source& source, const Engine& engine);

}  // namespace isobar::features
