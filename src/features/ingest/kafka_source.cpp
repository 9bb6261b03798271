#include "kafka_source.h"

#include <fmt/format.h>

#include <array>
#include <cstdlib>
#include <map>

#include "base/file.h"
#include "base/text.h"
#include "json_record.h"
#include "kafka_library.h"

namespace isobar::features {

namespace {

constexpr int kAnswerMs = 5000;

using Properties = std::vector<std::pair<std::string, std::string>>;

/// What the user says, and then what must be so.
Result<Properties> properties_of(const Source& source) {
  Properties properties;
  if (const char* file = std::getenv("ISOBAR_KAFKA_CONFIG"); file != nullptr) {
    TRY_ASSIGN(const std::string text, read_file(file));
    for (const auto line : split(text, '\n')) {
      const std::string_view bare = trim(line);
      if (bare.empty() || bare.starts_with('#')) continue;
      const std::size_t equals = bare.find('=');
      if (equals == std::string_view::npos) return invalid(fmt::format("{}: '{}' is no NAME=VALUE", file, bare));
      properties.emplace_back(trim(bare.substr(0, equals)), trim(bare.substr(equals + 1)));
    }
  }
  properties.emplace_back("bootstrap.servers", source.place.at("brokers"));
  properties.emplace_back("group.id", "isobar-" + source.name);  // asked for, and never used: positions are the store's
  properties.emplace_back("enable.auto.commit", "false");
  properties.emplace_back("auto.offset.reset", "earliest");
  properties.emplace_back("log_level", "0");  // what is wrong comes as messages, too
  return properties;
}

class KafkaSource final : public SourceReader {
 public:
  KafkaSource(const KafkaLibrary& kafka, const Source& source) : kafka_(kafka), source_(source), topic_(source.place.at("topic")) {}
  ~KafkaSource() override {
    if (consumer_ != nullptr) kafka_.destroy_(consumer_);
  }
  KafkaSource(const KafkaSource&) = delete;
  KafkaSource& operator=(const KafkaSource&) = delete;

  Status begin(const Engine& engine) {
    TRY_ASSIGN(const Properties properties, properties_of(source_));
    rd_kafka_conf_t* conf = kafka_.conf_new_();
    std::array<char, 512> problem{};
    for (const auto& [name, value] : properties)
      if (kafka_.conf_set_(conf, name.c_str(), value.c_str(), problem.data(), problem.size()) != RD_KAFKA_CONF_OK) {
        kafka_.conf_destroy_(conf);
        return invalid(fmt::format("Kafka of source '{}': {}: {}", source_.name, name, problem.data()));
      }
    consumer_ = kafka_.new_(RD_KAFKA_CONSUMER, conf, problem.data(), problem.size());
    if (consumer_ == nullptr) {
      kafka_.conf_destroy_(conf);
      return unavailable(fmt::format("Kafka of source '{}': {}", source_.name, problem.data()));
    }
    TRY_ASSIGN(const int partitions, count_partitions());
    return assign(engine, partitions);
  }

  Result<std::optional<SourceBatch>> next(Duration patience) override {
    if (waiting_.empty()) TRY(poll(patience));
    if (waiting_.empty()) return std::optional<SourceBatch>();
    SourceBatch batch = std::move(waiting_.begin()->second);
    waiting_.erase(waiting_.begin());
    return std::optional(std::move(batch));
  }

 private:
  Error failed(std::string_view doing, rd_kafka_resp_err_t code) const {
    return unavailable(fmt::format("Kafka of source '{}': {}: {}", source_.name, doing, kafka_.err2str_(code)));
  }

  Result<int> count_partitions() {
    rd_kafka_topic_t* topic = kafka_.topic_new_(consumer_, topic_.c_str(), nullptr);
    if (topic == nullptr) return failed("topic " + topic_, kafka_.last_error_());
    const struct rd_kafka_metadata* found = nullptr;
    const auto code = kafka_.metadata_(consumer_, 0, topic, &found, kAnswerMs);
    kafka_.topic_destroy_(topic);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return failed("ask for topic " + topic_, code);
    const int partitions = found->topic_cnt == 1 ? found->topics[0].partition_cnt : 0;
    const auto problem = found->topic_cnt == 1 ? found->topics[0].err : RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    kafka_.metadata_destroy_(found);
    if (problem != RD_KAFKA_RESP_ERR_NO_ERROR) return failed("topic " + topic_, problem);
    return partitions;
  }

  Status assign(const Engine& engine, int partitions) {
    rd_kafka_topic_partition_list_t* list = kafka_.topic_partition_list_new_(partitions);
    for (int i = 0; i < partitions; ++i) {
      const auto stands = engine.position({source_.name, fmt::format("{}", i)});
      if (!stands) {
        kafka_.topic_partition_list_destroy_(list);
        return stands.error();
      }
      if (*stands) stands_[i] = **stands;
      kafka_.topic_partition_list_add_(list, topic_.c_str(), i)->offset =
          *stands ? static_cast<std::int64_t>((*stands)->major) : RD_KAFKA_OFFSET_BEGINNING;
    }
    const auto code = kafka_.assign_(consumer_, list);
    kafka_.topic_partition_list_destroy_(list);
    return code == RD_KAFKA_RESP_ERR_NO_ERROR ? Status() : Status(failed("read " + topic_, code));
  }

  /// Takes what has come, waiting for the first.
  Status poll(Duration patience) {
    int wait = static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(patience).count());
    for (std::size_t taken = 0; taken < kRowsOfBatch; ++taken, wait = 0) {
      rd_kafka_message_t* message = kafka_.consumer_poll_(consumer_, wait);
      if (message == nullptr) return {};
      const auto code = message->err;
      if (code == RD_KAFKA_RESP_ERR_NO_ERROR) add(*message);
      const std::string problem = code == RD_KAFKA_RESP_ERR_NO_ERROR ? "" : kafka_.message_errstr_(message);
      kafka_.message_destroy_(message);
      if (!problem.empty() && code != RD_KAFKA_RESP_ERR__PARTITION_EOF)
        return unavailable(fmt::format("Kafka of source '{}': {}", source_.name, problem));
    }
    return {};
  }

  void add(const rd_kafka_message_t& message) {
    const std::string partition = fmt::format("{}", message.partition);
    const auto known = stands_.find(message.partition);
    auto [at, fresh] = waiting_.try_emplace(message.partition);
    SourceBatch& batch = at->second;
    if (fresh) {
      batch.partition = {source_.name, partition};
      if (known != stands_.end()) batch.after = known->second;
    }
    const auto offset = static_cast<std::uint64_t>(message.offset);
    // In a topic of records by key older versions go by design, and offsets have gaps.
    if (known != stands_.end() && offset > known->second.major && fresh && source_.key.empty())
      batch.problem =
          fmt::format("partition {}: messages {} to {} were gone before they were read", partition, known->second.major, offset - 1);
    auto row = row_of_message(source_, {static_cast<const char*>(message.key), message.key_len},
                              {static_cast<const char*>(message.payload), message.len});
    if (row) batch.rows.push_back(std::move(*row));
    else if (batch.refused++ == 0) batch.problem = fmt::format("partition {}, offset {}: {}", partition, offset, row.error().message());
    batch.upto = stands_[message.partition] = {offset + 1};
  }
  const KafkaLibrary& kafka_;
  const Source source_;
  const std::string topic_;
  rd_kafka_t* consumer_ = nullptr;
  std::map<std::int32_t, Position> stands_;      ///< of each partition, with what waits
  std::map<std::int32_t, SourceBatch> waiting_;  ///< read, and not yet given
};

}  // namespace

Result<std::unique_ptr<SourceReader>> open_kafka_source(const Source& source, const Engine& engine) {
  TRY_ASSIGN(const KafkaLibrary* kafka, KafkaLibrary::load());
  auto reader = std::make_unique<KafkaSource>(*kafka, source);
  TRY(reader->begin(engine));
  return std::unique_ptr<SourceReader>(std::move(reader));
}

}  // namespace isobar::features
