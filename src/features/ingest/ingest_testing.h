#pragma once

/// For the tests of sources: an engine with one source of payments, read by a runner.

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "features/source_runner.h"
#include "features/testing.h"

namespace isobar::features {

/// A server that lives as long as this; killed at once, as servers are.
class BackgroundProgram {
 public:
  explicit BackgroundProgram(std::vector<std::string> words) {
    std::vector<char*> arguments;
    for (auto& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    pid_ = ::vfork();
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      if (const int nowhere = ::open("/dev/null", O_RDWR); nowhere >= 0)
        for (const int fd : {0, 1, 2}) ::dup2(nowhere, fd);
      ::execv(arguments.front(), arguments.data());
      ::_exit(127);
    }
  }
  ~BackgroundProgram() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  BackgroundProgram(const BackgroundProgram&) = delete;
  BackgroundProgram& operator=(const BackgroundProgram&) = delete;

 private:
  pid_t pid_;
};

inline int free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{.sin_family = AF_INET, .sin_port = 0, .sin_addr = {::htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
  CHECK(::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  socklen_t bytes = sizeof address;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &bytes);
  ::close(fd);
  return ::ntohs(address.sin_port);
}

/// Payments of users, as the source of which a test says the rest.
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
  void apply(std::string_view source) { apply_source(fmt::format("{}, schema: {{user_id: int64, amount: int64, at: timestamp}}", source)); }
  void apply_source(std::string_view source) {
    const std::string text = fmt::format(R"(
project: files
entities: {{user: {{keys: {{user_id: int64}}}}}}
sources:
  payments: {{{}, timestamp: at}}
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

}  // namespace isobar::features
