#include "features/source_runner.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include <thread>

#include "features/timestamp.h"

namespace isobar::features {

namespace {

class TestFolder {
 public:
  TestFolder() {
    std::string name = (fs::temp_directory_path() / "isobar-ingest-XXXXXX").string();
    CHECK(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~TestFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;
  fs::path operator/(std::string_view name) const { return path_ / name; }

 private:
  fs::path path_;
};

class SourceRunnerTest : public ::testing::Test {
 protected:
  SourceRunnerTest() { open(); }
  void open() {
    runner_.reset();
    engine_.reset();
    engine_ = Engine::open(folder_ / "store", {}, clock_).value();
    runner_ = std::make_unique<SourceRunner>(*engine_, SourceRunner::Options{.patience = 5ms, .back_off = 100ms});
    runner_->follow_definition();
  }
  void apply(std::string_view source) {
    const std::string text = fmt::format(R"(
project: files
entities: {{user: {{keys: {{user_id: int64}}}}}}
sources:
  payments: {{{}, schema: {{user_id: int64, amount: int64, at: timestamp}}, timestamp: at}}
views:
  spending: {{source: payments, entity: user, features: {{total: sum(amount) over unbounded, events: count(*) over unbounded}}}}
)",
                                         source);
    const auto definition = parse_definition(text, "files.yaml");
    ASSERT_TRUE(definition.ok()) << definition.error().message();
    ASSERT_TRUE(engine_->apply(*definition, "files.yaml").ok());
    runner_->follow_definition();
  }
  void write(std::string_view name, std::string_view text) { ASSERT_TRUE(write_file(folder_ / name, text).ok()); }
  std::string total(std::int64_t user) {
    const Value key(user);
    const auto reading = engine_->read("spending", std::span(&key, 1));
    if (!reading.ok() || reading->status != ViewReading::Status::kFound) return "none";
    return fmt::format("{} of {}", describe(reading->values[1]), describe(reading->values[0]));
  }
  template <class Condition>
  bool comes_true(Condition condition) {
    for (int i = 0; i < 2000; ++i) {
      if (condition()) return true;
      std::this_thread::sleep_for(5ms);
    }
    return false;
  }
  SourceProgress progress() { return runner_->progress().at(0); }

  TestFolder folder_;
  SystemClock clock_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<SourceRunner> runner_;
};

TEST_F(SourceRunnerTest, AFileIsReadOnceAndThenWhatIsAddedToIt) {
  write("p.csv", "at,user_id,amount,more\n2026-01-01,1,10,x\n2026-01-02,1,20,y\n");
  apply(fmt::format("kind: file, path: {}", (folder_ / "p.csv").string()));
  ASSERT_TRUE(runner_->wait_for_files(10s).ok());
  EXPECT_EQ(total(1), "30 of 2");
  open();
  ASSERT_TRUE(runner_->wait_for_files(10s).ok());
  EXPECT_EQ(total(1), "30 of 2");
  write("p.csv", "at,user_id,amount,more\n2026-01-01,1,10,x\n2026-01-02,1,20,y\n2026-01-03,1,5,z\n");
  EXPECT_TRUE(comes_true([&] { return total(1) == "35 of 3"; })) << total(1);
}

TEST_F(SourceRunnerTest, AFolderOfFilesIsReadFileByFile) {
  fs::create_directories(folder_ / "days");
  write("days/1.jsonl", "{\"at\": \"2026-01-01\", \"user_id\": 1, \"amount\": 1}\n");
  write("days/2.jsonl", "{\"at\": \"2026-01-02\", \"user_id\": 1, \"amount\": 2}\n");
  apply(fmt::format("kind: file, path: {}, format: jsonl", (folder_ / "days").string()));
  EXPECT_TRUE(comes_true([&] { return total(1) == "3 of 2"; })) << total(1);
  write("days/3.jsonl", "{\"at\": \"2026-01-03\", \"user_id\": 1, \"amount\": 4}\n");
  EXPECT_TRUE(comes_true([&] { return total(1) == "7 of 3"; })) << total(1);
}

TEST_F(SourceRunnerTest, ARowThatCannotBeIsCountedAndTheOthersAreTaken) {
  write("p.csv", "at,user_id,amount\n2026-01-01,1,10\n,1,20\n2226-01-01,1,20\n2026-01-02,1,3\n");
  apply(fmt::format("kind: file, path: {}", (folder_ / "p.csv").string()));
  EXPECT_TRUE(comes_true([&] { return progress().at_end; }));
  EXPECT_EQ(total(1), "13 of 2");
  EXPECT_EQ(progress().refused, 2U);
  EXPECT_EQ(progress().problem, "row 2 of 4: 'at', the time of the event, is null or not there");
}

TEST_F(SourceRunnerTest, SaysWhatIsInTheWayAndGoesOnWhenItIsGone) {
  apply(fmt::format("kind: file, path: {}", (folder_ / "p.csv").string()));
  EXPECT_TRUE(comes_true([&] { return !progress().problem.empty(); }));
  EXPECT_THAT(progress().problem, ::testing::HasSubstr("source 'payments': there is no " + (folder_ / "p.csv").string()));
  write("p.csv", "at,user_id,amount\n2026-01-01,1,10\n");
  EXPECT_TRUE(comes_true([&] { return total(1) == "10 of 1" && progress().problem.empty(); })) << total(1) << progress().problem;
  write("p.csv", "at,user_id,amount\n");
  EXPECT_TRUE(comes_true([&] { return !progress().problem.empty(); }));
  EXPECT_THAT(progress().problem, ::testing::HasSubstr("p.csv has 0 rows, and 1 were read of it before: a file may only grow"));
}

TEST_F(SourceRunnerTest, AnotherPlaceIsReadFromItsBeginning) {
  write("p.csv", "at,user_id,amount\n2026-01-01,1,10\n");
  write("q.csv", "at,user_id,amount\n2026-01-01,2,7\n");
  apply(fmt::format("kind: file, path: {}", (folder_ / "p.csv").string()));
  EXPECT_TRUE(comes_true([&] { return total(1) == "10 of 1"; }));
  apply(fmt::format("kind: file, path: {}", (folder_ / "q.csv").string()));
  EXPECT_TRUE(comes_true([&] { return total(2) == "7 of 1"; }));
  EXPECT_EQ(total(1), "10 of 1");
}

}  // namespace

}  // namespace isobar::features
