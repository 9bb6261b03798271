// Any bytes where HTTP/2 should be: no crash, and no more is taken than there is.

#include "grpc_session.h"

using namespace isobar;
using namespace isobar::features;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto loop = net::Loop::create().value();
  static const GrpcHandler echo = [](const GrpcCall& call, const GrpcDone& done) { done({GrpcStatus::kOk, call.message}); };
  GrpcSession session({}, *loop, echo, 1 << 16);
  std::string out, bytes = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  // The first byte says whether it begins as HTTP/2 does, and into how many pieces it is cut.
  const bool greets = size > 0 && (data[0] & 1) != 0;
  if (!greets) bytes.clear();
  if (size > 0) bytes.append(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t piece = 1 + (size > 0 ? data[0] / 2 : 0);
  for (std::size_t at = 0; at < bytes.size() && !session.ended(); at += piece) session.take(std::string_view(bytes).substr(at, piece), out);
  session.collect(out);
  return 0;
}
