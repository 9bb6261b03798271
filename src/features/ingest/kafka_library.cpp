#include "kafka_library.h"

#include <array>

#include "base/shared_library.h"

namespace isobar::features {

namespace {

Result<KafkaLibrary> load_kafka() {
  const std::array<std::string, 1> names{"librdkafka.so.1"};
  TRY_ASSIGN(const SharedLibrary library, SharedLibrary::open(names, "Kafka is read by librdkafka: apt-get install librdkafka1"));
  KafkaLibrary kafka;
#define ISOBAR_KAFKA_FIND(name) TRY(library.find("rd_kafka_" #name, kafka.name##_));
  ISOBAR_KAFKA_FUNCTIONS(ISOBAR_KAFKA_FIND)
#undef ISOBAR_KAFKA_FIND
  return kafka;
}

}  // namespace

Result<const KafkaLibrary*> KafkaLibrary::load() {
  static const auto kLibrary = load_kafka();
  if (!kLibrary) return kLibrary.error();
  return &*kLibrary;
}

}  // namespace isobar::features
