#pragma once

/// For tests of drivers: a user with a home, variables, time that passes by pausing alone, and a setup of nodes that remembers what it was
/// asked.

#include <unistd.h>

#include <atomic>
#include <fstream>
#include <map>
#include <mutex>
#include <string>

#include "base/file.h"
#include "base/random.h"
#include "base/time.h"
#include "cloud/node_setup.h"
#include "storage/surroundings.h"

namespace isobar::cloud {

/// Time passes by pausing alone.
class PausedClock final : public Clock {
 public:
  Instant now() const override { return Instant::from_unix_nanos(nanos_); }
  void advance(Duration span) { nanos_ += span.count(); }

 private:
  std::atomic<std::int64_t> nanos_ = Instant::from_unix_seconds(1'760'000'000).unix_nanos();
};

class RecordingSetup final : public NodeSetup {
 public:
  Status bring_up(const NodeSetupOrder& order, Duration) override {
    const std::scoped_lock lock(mutex_);
    orders.push_back(order);
    return outcome;
  }
  Result<Fd> open_agent(const std::string& cluster, int) override { return not_found(cluster + " has no agents here"); }

  std::vector<NodeSetupOrder> orders;
  Status outcome;

 private:
  std::mutex mutex_;
};

inline storage::Surroundings surroundings_with(const std::map<std::string, std::string>& variables) {
  storage::Surroundings surroundings;
  surroundings.variable = [variables](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
  surroundings.read_file = [](const std::string& path) -> Result<std::string> { return not_found(path + ": there is no such file"); };
  surroundings.run_program = [](const std::string& command, const storage::Done<std::string>& done) { done(not_found(command)); };
  surroundings.home = "/nowhere";
  return surroundings;
}

/// A folder that is removed with its owner.
class ScratchHome {
 public:
  /// Whether it holds a key already, so that none has to be made: ssh-keygen is not everywhere.
  enum class Holds { kNothing, kKey };
  explicit ScratchHome(Holds holds = Holds::kNothing) : path_(fs::temp_directory_path() / ("isobar-cloud-" + secure_random_hex(8))) {
    fs::create_directories(path_ / (holds == Holds::kKey ? "ssh" : ""));
    if (holds == Holds::kNothing) return;
    std::ofstream(path_ / "ssh" / "id_ed25519") << "the private half, which is for ssh alone\n";
    std::ofstream(path_ / "ssh" / "id_ed25519.pub")
        << "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIASwXfDofiA5MkCPW1LC/BqJAmov4PAJaizxysdqfLHH isobar\n";
  }
  ScratchHome(const ScratchHome&) = delete;
  ~ScratchHome() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

}  // namespace isobar::cloud
