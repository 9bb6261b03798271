#pragma once

/// gRPC on a connection: HTTP/2 by nghttp2, calls with one message each way, as many at a time as the client makes.

#include <nghttp2/nghttp2.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "connection.h"

namespace isobar::features {

/// The statuses of gRPC that are used here.
enum class GrpcStatus {
  kOk = 0,
  kInvalidArgument = 3,
  kDeadlineExceeded = 4,
  kNotFound = 5,
  kAlreadyExists = 6,
  kPermissionDenied = 7,
  kResourceExhausted = 8,
  kAborted = 10,
  kUnimplemented = 12,
  kInternal = 13,
  kUnavailable = 14,
  kDataLoss = 15,
  kUnauthenticated = 16,
};

struct GrpcCall {
  std::string path, authorization;
  std::string message;
};
struct GrpcAnswer {
  GrpcStatus status = GrpcStatus::kOk;
  std::string message;  ///< of kOk; else why
};
/// Called once, from any thread.
using GrpcDone = std::function<void(GrpcAnswer answer)>;
using GrpcHandler = std::function<void(const GrpcCall& call, GrpcDone done)>;

class GrpcSession final : public Session {
 public:
  /// message_most   of a call. connection   what is told when an answer comes later
  GrpcSession(std::weak_ptr<Connection> connection, net::Loop& loop, const GrpcHandler& handler, std::size_t message_most);
  ~GrpcSession() override;
  GrpcSession(const GrpcSession&) = delete;
  GrpcSession& operator=(const GrpcSession&) = delete;

  void collect(std::string& out) override;
  std::size_t take(std::string_view bytes, std::string& out) override;
  bool awaits() const override { return awaited_ > 0; }
  bool partial() const override { return coming_ > 0; }
  std::uint64_t requests() const override { return requests_; }
  bool ended() const override;
  bool may_idle() const override { return true; }

 private:
  /// A stream of HTTP/2.
  struct Stream {
    GrpcCall call;
    bool is_grpc = false, handed = false, too_long = false;
    std::string answer;  ///< as it is sent
    std::size_t sent = 0;
  };
  /// What came later, for the thread of the loop; it outlives the session.
  struct Later {
    std::vector<std::pair<std::int32_t, GrpcAnswer>> answers;
    const std::thread::id thread = std::this_thread::get_id();
  };

  static GrpcSession& of(void* session) { return *static_cast<GrpcSession*>(session); }
  void set_callbacks(nghttp2_session_callbacks* callbacks);
  int begin(const nghttp2_frame& frame);
  int header(const nghttp2_frame& frame, std::string_view name, std::string_view value);
  int data(std::int32_t stream, std::string_view bytes);
  int received(const nghttp2_frame& frame);
  int closed(std::int32_t stream);
  void hand_over(std::int32_t id, Stream& stream);
  void answer(std::int32_t id, const GrpcAnswer& answer);
  void send(std::string& out);
  ssize_t give(std::int32_t id, std::uint8_t* into, std::size_t most, std::uint32_t& flags);

  std::weak_ptr<Connection> connection_;
  net::Loop& loop_;
  const GrpcHandler& handler_;
  const std::size_t message_most_;
  nghttp2_session* session_ = nullptr;
  std::map<std::int32_t, Stream> streams_;
  std::shared_ptr<Later> later_ = std::make_shared<Later>();
  std::size_t coming_ = 0, awaited_ = 0;
  std::uint64_t requests_ = 0;
  bool broken_ = false, taking_ = false;
};

}  // namespace isobar::features
