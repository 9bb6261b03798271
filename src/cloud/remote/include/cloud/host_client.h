#pragma once

/// The near end of `host_messages.h`: nodes on another machine, made and watched over a shell. The first call to a machine puts
/// isobar-node there; nothing else of it is needed than a POSIX shell, and gzip if there is one.

#include <memory>
#include <string>

#include "base/mutex.h"
#include "cloud/host_messages.h"
#include "cloud/remote_shell.h"

namespace isobar::cloud {

/// The isobar-node that is put on machines. Its name there holds its hash, so that versions stand side by side and the one that runs
/// is never written over.
class NodeProgram {
 public:
  /// file     isobar-node here
  /// cache    a folder for its hash and its compressed form, which are made once
  /// Errors   kNotFound: there is no isobar-node
  static Result<NodeProgram> open(const fs::path& file, const fs::path& cache);

  /// "isobar-node-0123456789abcdef"
  const std::string& name() const { return name_; }
  const std::string& sha256_hex() const { return sha256_; }
  const fs::path& file() const { return file_; }
  /// gzip of it.
  Result<std::string> compressed() const;

 private:
  NodeProgram(fs::path file, fs::path cache, std::string sha256);
  fs::path file_, cache_;
  std::string sha256_, name_;
  std::shared_ptr<Mutex> packing_ = std::make_shared<Mutex>();  // many machines ask for it at once
};

class HostClient {
 public:
  static constexpr Duration kCallDeadline = std::chrono::seconds(30), kPushDeadline = std::chrono::minutes(5);

  /// Both outlive it. Safe from any thread as far as the shell is.
  HostClient(RemoteShell& shell, const NodeProgram& program) : shell_(shell), program_(program) {}

  Result<HostReport> report(bool tidy = false, Duration deadline = kCallDeadline) const;
  /// provider_code is set with errors that rule out this machine alone: "InsufficientCapacity", "DiskFull"
  Result<HostInstance> boot(const BootNode& order, std::string* provider_code = nullptr) const;
  /// How many nodes were ended.
  Result<int> end(const EndNodes& order, Duration deadline = kCallDeadline) const;
  Result<int> upgrade(const UpgradeNodes& order, Duration deadline = kCallDeadline) const;
  /// A connection to an agent that listens at `agent_address` there, or as that machine reaches it.
  /// key      of an agent beyond that machine ("tls:…")
  Result<Fd> open_agent(const std::string& agent_address, const std::string& key = {}, Duration deadline = kCallDeadline) const;
  /// Takes isobar-node away again, unless nodes are there that use it: then it stays.
  Status remove() const;
  /// Puts the program there, unless it is.
  /// Errors   kExhausted: the disk there is full; kInvalidArgument: another kind of machine
  Status push() const;

 private:
  Result<HostReply> call(const HostRequest& request, Duration deadline) const;
  Result<CommandOutput> run_program(const std::string& arguments, std::string_view input, Duration deadline) const;

  RemoteShell& shell_;
  const NodeProgram& program_;
};

}  // namespace isobar::cloud
