#pragma once

#include "features/server.h"
#include "grpc_session.h"
#include "outstanding.h"
#include "serving_metrics.h"

namespace isobar::features {

/// Feast's services over gRPC: feast.serving.ServingService and grpc.connector.GrpcFeatureServer. Safe from any thread.
class GrpcApi {
 public:
  /// All of them outlive it; `options` gives the token and limits.
  GrpcApi(Engine& engine, const ServerOptions& options, ServingMetrics& metrics) : engine_(engine), options_(options), metrics_(metrics) {}
  ~GrpcApi() { outstanding_.wait(); }
  void handle(const GrpcCall& call, GrpcDone done);
  /// Until everything that was handed over is answered.
  void wait() { outstanding_.wait(); }

 private:
  void push(std::string_view message, const GrpcDone& done);
  void write(std::string_view message, const GrpcDone& done);

  Engine& engine_;
  const ServerOptions& options_;
  ServingMetrics& metrics_;
  Outstanding outstanding_;
};

}  // namespace isobar::features
