#pragma once

#include <librdkafka/rdkafka.h>

#include "base/result.h"

namespace isobar::features {

/// The functions of librdkafka that we call; the library is the system's, loaded when the first Kafka source is read.
struct KafkaLibrary {
  /// Errors   kUnavailable: it is not there; the message says how it is had
  static Result<const KafkaLibrary*> load();

#define ISOBAR_KAFKA_FUNCTIONS(X) \
  X(conf_new)                     \
  X(conf_set)                     \
  X(conf_destroy)                 \
  X(new)                          \
  X(destroy)                      \
  X(err2str)                      \
  X(topic_new)                    \
  X(topic_destroy)                \
  X(metadata)                     \
  X(metadata_destroy)             \
  X(topic_partition_list_new)     \
  X(topic_partition_list_add)     \
  X(topic_partition_list_destroy) \
  X(assign)                       \
  X(consumer_poll)                \
  X(message_destroy)              \
  X(message_errstr)               \
  X(last_error)

#define ISOBAR_KAFKA_MEMBER(name) decltype(&::rd_kafka_##name) name##_ = nullptr;
  ISOBAR_KAFKA_FUNCTIONS(ISOBAR_KAFKA_MEMBER)
#undef ISOBAR_KAFKA_MEMBER
};

}  // namespace isobar::features
