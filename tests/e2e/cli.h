#pragma once

// Runs the built isobar as a user does, in a home of its own that is taken down with everything in it.

#include <gtest/gtest.h>
#include <signal.h>

#include <boost/json.hpp>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/time.h"

namespace isobar::e2e {

struct Outcome {
  int exit_code = -1;  ///< 128 + n when a signal ended it
  std::string out, err;
  std::uint64_t memory_bytes = 0;  ///< resident at most, as far as was seen while it was waited for
};

/// A child process whose output goes to files.
class Running {
 public:
  Running(const std::vector<std::string>& words, const fs::path& folder, const std::map<std::string, std::string>& environment);
  Running(const Running&) = delete;
  ~Running();
  /// Nothing, once it was waited for: its number may be somebody else's by now.
  void signal(int number) const {
    if (pid_ > 0) ::kill(pid_, number);
  }
  /// Waits for the end; the test fails when `deadline` passes.
  Outcome wait(Duration deadline = 60s);
  std::string out_so_far() const;

 private:
  pid_t pid_ = -1;
  fs::path out_, err_;
};

class CliTest : public testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

  Outcome run(const std::vector<std::string>& arguments, const std::map<std::string, std::string>& environment = {});
  std::unique_ptr<Running> start(const std::vector<std::string>& arguments, const std::map<std::string, std::string>& environment = {});
  /// Runs, expects exit code 0, and returns what was printed.
  std::string ok(const std::vector<std::string>& arguments, const std::map<std::string, std::string>& environment = {});
  boost::json::array json(std::vector<std::string> arguments);
  /// "UP", or "" when there is no such cluster.
  std::string status_of(const std::string& cluster);
  std::string write(const std::string& name, const std::string& text);
  /// Processes of this test's home that run now, by their command line.
  std::vector<pid_t> node_processes(const std::string& word = "") const;

  fs::path folder_, home_;
};

/// Polls until `condition` holds; false when `deadline` passes.
bool eventually(const std::function<bool()>& condition, Duration deadline = 20s);

}  // namespace isobar::e2e
