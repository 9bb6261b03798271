// Against a real nats-server with JetStream.

#include <nats/nats.h>

#include "ingest_testing.h"

namespace isobar::features {

namespace {

class NatsSourceTest : public SourceRunnerTest {
 protected:
  void SetUp() override {
    if (!fs::exists("/usr/sbin/nats-server") && !fs::exists("/usr/bin/nats-server"))
      GTEST_SKIP() << "there is no nats-server here: apt-get install nats-server";
    port_ = free_port();
    start();
    jsStreamConfig stream;
    ::jsStreamConfig_Init(&stream);
    const char* subjects[] = {"paid.*"};
    stream.Name = "PAID";
    stream.Subjects = subjects;
    stream.SubjectsLen = 1;
    const auto made = with_jetstream([&](jsCtx* js) { return ::js_AddStream(nullptr, js, &stream, nullptr, nullptr); });
    ASSERT_EQ(made, NATS_OK) << ::natsStatus_GetText(made);
  }
  void TearDown() override { server_.reset(); }
  void start() {
    const char* program = fs::exists("/usr/sbin/nats-server") ? "/usr/sbin/nats-server" : "/usr/bin/nats-server";
    server_.emplace(
        std::vector<std::string>{program, "-a", "127.0.0.1", "-p", fmt::format("{}", port_), "-js", "-sd", (folder_ / "nats").string()});
    ASSERT_TRUE(comes_true([&] { return with_jetstream([](jsCtx*) { return NATS_OK; }) == NATS_OK; }));
  }
  std::string url() const { return fmt::format("nats://127.0.0.1:{}", port_); }
  template <class Call>
  natsStatus with_jetstream(Call call) {
    natsConnection* connection = nullptr;
    jsCtx* js = nullptr;
    natsStatus status = ::natsConnection_ConnectTo(&connection, url().c_str());
    if (status == NATS_OK) status = ::natsConnection_JetStream(&js, connection, nullptr);
    if (status == NATS_OK) status = call(js);
    ::jsCtx_Destroy(js);
    ::natsConnection_Destroy(connection);
    return status;
  }
  void publish(const char* subject, std::string_view text) {
    const auto status = with_jetstream(
        [&](jsCtx* js) { return ::js_Publish(nullptr, js, subject, text.data(), static_cast<int>(text.size()), nullptr, nullptr); });
    ASSERT_EQ(status, NATS_OK) << ::natsStatus_GetText(status);
  }
  void apply_subject() { apply(fmt::format("kind: nats, url: \"{}\", subject: paid.eu", url())); }

  int port_ = 0;
  std::optional<BackgroundProgram> server_;
};

TEST_F(NatsSourceTest, EachMessageOfTheSubjectIsTakenOnceWhateverEndsInBetween) {
  publish("paid.eu", R"({"user_id": 1, "amount": 10, "at": "2026-01-01T00:00:00Z"})");
  publish("paid.us", R"({"user_id": 1, "amount": 900, "at": "2026-01-01T00:00:00Z"})");
  publish("paid.eu", R"({"user_id": 1, "amount": 20, "at": "2026-01-01T00:00:01Z"})");
  apply_subject();
  EXPECT_TRUE(comes_true([&] { return total(1) == "30 of 2"; })) << total(1) << progress().problem;
  open();
  publish("paid.eu", R"({"user_id": 1, "amount": 5, "at": "2026-01-01T00:00:02Z"})");
  EXPECT_TRUE(comes_true([&] { return total(1) == "35 of 3"; })) << total(1);
  server_.reset();
  EXPECT_TRUE(comes_true([&] { return !progress().problem.empty(); }));
  start();
  publish("paid.eu", R"({"user_id": 1, "amount": 6, "at": "2026-01-01T00:00:03Z"})");
  EXPECT_TRUE(comes_true([&] { return total(1) == "41 of 4" && progress().problem.empty(); })) << total(1) << progress().problem;
}

TEST_F(NatsSourceTest, AMessageThatIsNoRowIsCountedAndPassed) {
  publish("paid.eu", "[1]");
  publish("paid.eu", R"({"user_id": 1, "amount": 20, "at": "2026-01-01T00:00:01Z"})");
  apply_subject();
  EXPECT_TRUE(comes_true([&] { return total(1) == "20 of 1"; })) << total(1);
  // Counted once the batch is taken, which is a moment after it is seen.
  EXPECT_TRUE(comes_true([&] { return progress().refused == 1U; })) << progress().refused;
  EXPECT_EQ(progress().problem, "message 1: the message is no JSON object");
}

}  // namespace

}  // namespace isobar::features
