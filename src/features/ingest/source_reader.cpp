#include "features/source_reader.h"

#include <fmt/format.h>

#include "file_source.h"
#include "kafka_source.h"
#include "nats_source.h"
#include "postgres_source.h"
#include "redis_source.h"

namespace isobar::features {

Result<std::unique_ptr<SourceReader>> open_source(const Source& source, const Engine& engine) {
  if (source.kind == SourceKind::kFile) return open_file_source(source, engine);
  if (source.kind == SourceKind::kRedisStream) return open_redis_source(source, engine);
  if (source.kind == SourceKind::kKafka) return open_kafka_source(source, engine);
  if (source.kind == SourceKind::kNats) return open_nats_source(source, engine);
  if (source.kind == SourceKind::kPostgres) return open_postgres_source(source, engine);
  return invalid(fmt::format("source '{}' is pushed, and is read from nowhere", source.name));
}

}  // namespace isobar::features
