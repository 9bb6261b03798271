#pragma once

/// Asks the machine's metadata service again and again whether the machine is to be taken away, on a thread of its own: what a spot machine
/// is told is told there, minutes or half a minute ahead, and nowhere else that is as quick.

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "base/log.h"
#include "net/http_client.h"
#include "preemption_notice.h"

namespace isobar::broker {

class PreemptionWatch {
 public:
  using Heard = std::function<void(NodeNotice)>;

  /// between_looks   none: as the cloud documents it, five seconds on EC2 and one on the others
  /// heard           called on the watch's thread with every notice that differs from the last one
  /// transport       to the metadata service; none: a client of its own
  PreemptionWatch(PreemptionWatchSettings settings, std::optional<Duration> between_looks, Heard heard, Log& log,
                  std::unique_ptr<net::HttpTransport> transport = nullptr);
  /// Waits for a question that is under way: a second at most.
  ~PreemptionWatch();

 private:
  struct Said {
    int status = 0;
    std::string body;
  };
  void run();
  Result<std::optional<NodeNotice>> look();
  Result<std::optional<NodeNotice>> look_at_ec2();
  Result<std::optional<NodeNotice>> look_at_azure();
  Result<Said> ask(const std::string& path, net::Headers headers, const std::string& method = "GET");
  Result<Said> ask_ec2(const std::string& path);
  bool pause();

  const PreemptionWatchSettings settings_;
  const Duration between_looks_;
  const Heard heard_;
  Log& log_;
  const std::unique_ptr<net::HttpTransport> transport_;
  std::string token_, machine_;  // of EC2's sessions; by Azure's name
  std::mutex mutex_;
  std::condition_variable stopped_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace isobar::broker
