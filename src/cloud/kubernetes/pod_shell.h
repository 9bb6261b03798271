#pragma once

/// Commands in pods: exec over WebSocket, which needs nothing in the image but /bin/sh. All connections of a context share one thread.

#include <memory>
#include <set>
#include <string>
#include <thread>

#include "base/log.h"
#include "cloud/remote_shell.h"
#include "kube_client.h"
#include "net/websocket.h"

namespace isobar::cloud {

struct PodPlace {
  std::string name_space, pod, container;
  friend auto operator<=>(const PodPlace&, const PodPlace&) = default;
};

class PodExecutor {
 public:
  class Session;
  /// Both must outlive it.
  PodExecutor(KubeClient& client, Log& log) : client_(client), log_(log) {}
  /// Ends every session.
  ~PodExecutor();

  /// As RemoteShell::run and RemoteShell::open.
  Result<CommandOutput> run(const PodPlace& place, const std::string& command, std::string_view input, Duration deadline);
  Result<Fd> open(const PodPlace& place, const std::string& command);

 private:
  Result<net::Loop*> loop();
  Result<net::WebSocketRequest> request(const PodPlace& place, const std::string& command, bool input, bool renew);
  void begin(const std::shared_ptr<Session>& session, net::WebSocketRequest request);

  KubeClient& client_;
  Log& log_;
  Mutex mutex_;
  std::unique_ptr<net::Loop> loop_ GUARDED_BY(mutex_);
  std::thread thread_;
  std::set<std::shared_ptr<Session>> sessions_;  // of the loop's thread
  bool closing_ = false;                         // the same
};

/// executor   must outlive it
std::unique_ptr<RemoteShell> make_pod_shell(PodExecutor& executor, PodPlace place);

}  // namespace isobar::cloud
