// Against librdkafka's own mock cluster: brokers of the protocol, in this process.

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include "ingest_testing.h"

namespace isobar::features {

namespace {

class KafkaSourceTest : public SourceRunnerTest {
 protected:
  KafkaSourceTest() {
    std::array<char, 256> problem{};
    rd_kafka_conf_t* conf = ::rd_kafka_conf_new();
    ::rd_kafka_conf_set(conf, "log_level", "0", nullptr, 0);
    owner_ = ::rd_kafka_new(RD_KAFKA_PRODUCER, conf, problem.data(), problem.size());
    cluster_ = ::rd_kafka_mock_cluster_new(owner_, 1);
    ::rd_kafka_mock_topic_create(cluster_, "paid", 2, 1);
    conf = ::rd_kafka_conf_new();
    ::rd_kafka_conf_set(conf, "bootstrap.servers", ::rd_kafka_mock_cluster_bootstraps(cluster_), problem.data(), problem.size());
    producer_ = ::rd_kafka_new(RD_KAFKA_PRODUCER, conf, problem.data(), problem.size());
  }
  ~KafkaSourceTest() override {
    runner_.reset();
    ::rd_kafka_destroy(producer_);
    ::rd_kafka_mock_cluster_destroy(cluster_);
    ::rd_kafka_destroy(owner_);
  }
  void produce(int partition, std::string_view value, std::string_view key = {}) {
    ASSERT_EQ(::rd_kafka_producev(producer_, RD_KAFKA_V_TOPIC("paid"), RD_KAFKA_V_PARTITION(partition),
                                  RD_KAFKA_V_VALUE(const_cast<char*>(value.data()), value.size()), RD_KAFKA_V_KEY(key.data(), key.size()),
                                  RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END),
              RD_KAFKA_RESP_ERR_NO_ERROR);
    ASSERT_EQ(::rd_kafka_flush(producer_, 10'000), RD_KAFKA_RESP_ERR_NO_ERROR);
  }
  void apply_topic(std::string_view topic = "paid", std::string_view more = "") {
    apply(fmt::format("kind: kafka, brokers: \"{}\", topic: {}{}", ::rd_kafka_mock_cluster_bootstraps(cluster_), topic, more));
  }
  rd_kafka_t *owner_ = nullptr, *producer_ = nullptr;
  rd_kafka_mock_cluster_t* cluster_ = nullptr;
};

TEST_F(KafkaSourceTest, EachMessageOfEachPartitionIsTakenOnce) {
  produce(0, R"({"user_id": 1, "amount": 10, "at": "2026-01-01T00:00:00Z", "note": [1]})");
  produce(1, R"({"user_id": 1, "amount": 20, "at": "2026-01-01T00:00:01Z"})");
  apply_topic();
  EXPECT_TRUE(comes_true([&] { return total(1) == "30 of 2"; })) << total(1) << progress().problem;
  open();
  produce(1, R"({"user_id": 1, "amount": 5, "at": "2026-01-01T00:00:02Z"})");
  EXPECT_TRUE(comes_true([&] { return total(1) == "35 of 3"; })) << total(1) << progress().problem;
  EXPECT_EQ((*engine_->position({"payments", "1"}))->major, 2U);
}

TEST_F(KafkaSourceTest, AMessageThatIsNoRowIsCountedAndPassed) {
  produce(0, "not json");
  produce(0, R"({"user_id": "one", "amount": 10, "at": "2026-01-01T00:00:00Z"})");
  produce(0, R"({"user_id": 1, "amount": 20, "at": "2026-01-01T00:00:01Z"})");
  apply_topic();
  EXPECT_TRUE(comes_true([&] { return total(1) == "20 of 1"; })) << total(1);
  // Counted once the batch is taken, which is a moment after it is seen.
  EXPECT_TRUE(comes_true([&] { return progress().refused == 2U; })) << progress().refused;
  EXPECT_THAT(progress().problem, ::testing::HasSubstr("partition 0, offset "));
}

TEST_F(KafkaSourceTest, AnEmptyMessageTakesARecordAway) {
  apply_topic("paid", ", key: user_id");
  produce(0, R"({"user_id": 1, "amount": 10, "at": "2026-01-01T00:00:00Z"})", "1");
  EXPECT_TRUE(comes_true([&] { return total(1) == "10 of 1"; })) << progress().problem;
  produce(0, R"({"user_id": 1, "amount": 12, "at": "2026-01-01T00:00:00Z"})", "1");
  EXPECT_TRUE(comes_true([&] { return total(1) == "12 of 1"; })) << progress().problem;
  produce(0, "", "1");
  EXPECT_TRUE(comes_true([&] { return total(1) == "none"; })) << total(1);
}

TEST_F(KafkaSourceTest, BrokersThatDoNotAnswerAreSaid) {
  apply("kind: kafka, brokers: \"127.0.0.1:1\", topic: paid");
  EXPECT_TRUE(comes_true([&] { return !progress().problem.empty(); }));
  EXPECT_THAT(progress().problem, ::testing::HasSubstr("Kafka of source 'payments': "));
}

}  // namespace

}  // namespace isobar::features
