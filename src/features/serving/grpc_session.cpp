#include "grpc_session.h"

#include <fmt/format.h>

#include <array>
#include <cstring>
#include <thread>

namespace isobar::features {

namespace {

constexpr std::size_t kHeadBytes = 5;  // of a message: whether it is compressed, its length
constexpr std::uint32_t kStreamsMost = 1000, kWindow = 1 << 20;
constexpr int kCallbackFailed = NGHTTP2_ERR_CALLBACK_FAILURE;

nghttp2_nv field(std::string_view name, std::string_view value) {
  return {reinterpret_cast<std::uint8_t*>(const_cast<char*>(name.data())), reinterpret_cast<std::uint8_t*>(const_cast<char*>(value.data())),
          name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
}

std::string framed(std::string_view message) {
  std::string out(1, '\0');
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(message.size() >> shift);
  return out.append(message);
}

/// What is no printable ASCII, and %, as %XX.
std::string percent_encoded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c >= ' ' && c <= '~' && c != '%') out += c;
    else out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

}  // namespace

GrpcSession::GrpcSession(std::weak_ptr<Connection> connection, net::Loop& loop, const GrpcHandler& handler, std::size_t message_most)
    : connection_(std::move(connection)), loop_(loop), handler_(handler), message_most_(message_most) {
  nghttp2_session_callbacks* callbacks = nullptr;
  CHECK(nghttp2_session_callbacks_new(&callbacks) == 0);
  set_callbacks(callbacks);
  CHECK(nghttp2_session_server_new(&session_, callbacks, this) == 0);
  nghttp2_session_callbacks_del(callbacks);
  const std::array<nghttp2_settings_entry, 2> settings{
      {{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, kStreamsMost}, {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, kWindow}}};
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings.data(), settings.size());
  nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, 4 * kWindow);
}

GrpcSession::~GrpcSession() { nghttp2_session_del(session_); }

void GrpcSession::set_callbacks(nghttp2_session_callbacks* callbacks) {
  nghttp2_session_callbacks_set_on_begin_headers_callback(
      callbacks, [](nghttp2_session*, const nghttp2_frame* frame, void* self) { return of(self).begin(*frame); });
  nghttp2_session_callbacks_set_on_header_callback(callbacks, [](nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                                                                 std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                                                                 std::uint8_t, void* self) {
    return of(self).header(*frame, {reinterpret_cast<const char*>(name), name_size}, {reinterpret_cast<const char*>(value), value_size});
  });
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
      callbacks, [](nghttp2_session*, std::uint8_t, std::int32_t stream, const std::uint8_t* data, std::size_t size, void* self) {
        return of(self).data(stream, {reinterpret_cast<const char*>(data), size});
      });
  nghttp2_session_callbacks_set_on_frame_recv_callback(
      callbacks, [](nghttp2_session*, const nghttp2_frame* frame, void* self) { return of(self).received(*frame); });
  nghttp2_session_callbacks_set_on_stream_close_callback(
      callbacks, [](nghttp2_session*, std::int32_t stream, std::uint32_t, void* self) { return of(self).closed(stream); });
}

int GrpcSession::begin(const nghttp2_frame& frame) {
  if (frame.hd.type != NGHTTP2_HEADERS || frame.headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
  streams_.try_emplace(frame.hd.stream_id);
  ++coming_;
  return 0;
}

int GrpcSession::header(const nghttp2_frame& frame, std::string_view name, std::string_view value) {
  const auto known = streams_.find(frame.hd.stream_id);
  if (known == streams_.end()) return 0;
  if (name == ":path") known->second.call.path = value;
  if (name == "authorization") known->second.call.authorization = value;
  if (name == "content-type") known->second.is_grpc = value.starts_with("application/grpc");
  return 0;
}

int GrpcSession::data(std::int32_t stream, std::string_view bytes) {
  const auto known = streams_.find(stream);
  if (known == streams_.end() || known->second.handed) return 0;
  std::string& message = known->second.call.message;
  known->second.too_long = known->second.too_long || message.size() + bytes.size() > message_most_ + kHeadBytes;
  if (!known->second.too_long) message += bytes;
  return 0;
}

int GrpcSession::received(const nghttp2_frame& frame) {
  const bool ends = (frame.hd.type == NGHTTP2_DATA || frame.hd.type == NGHTTP2_HEADERS) && (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
  const auto known = ends ? streams_.find(frame.hd.stream_id) : streams_.end();
  if (known != streams_.end() && !known->second.handed) hand_over(known->first, known->second);
  return broken_ ? kCallbackFailed : 0;
}

int GrpcSession::closed(std::int32_t stream) {
  const auto known = streams_.find(stream);
  if (known == streams_.end()) return 0;
  if (!known->second.handed) --coming_;
  streams_.erase(known);
  return 0;
}

void GrpcSession::hand_over(std::int32_t id, Stream& stream) {
  stream.handed = true;
  --coming_;
  ++awaited_;
  ++requests_;
  std::string& message = stream.call.message;
  const auto refuse = [&](GrpcStatus status, std::string why) { answer(id, {status, std::move(why)}); };
  if (!stream.is_grpc) return refuse(GrpcStatus::kInvalidArgument, "here gRPC is spoken: content-type application/grpc");
  if (stream.too_long) return refuse(GrpcStatus::kResourceExhausted, fmt::format("a message of more than {} bytes", message_most_));
  if (message.size() < kHeadBytes || message[0] != '\0')
    return refuse(message.empty() || message[0] == '\0' ? GrpcStatus::kInternal : GrpcStatus::kUnimplemented,
                  "a call has one message, which is not compressed");
  std::uint64_t length = 0;
  for (std::size_t i = 1; i < kHeadBytes; ++i) length = length << 8 | static_cast<std::uint8_t>(message[i]);
  if (length != message.size() - kHeadBytes) return refuse(GrpcStatus::kInternal, "a call has one message, of the length that it says");
  message.erase(0, kHeadBytes);
  handler_(stream.call, [id, later = later_, connection = connection_, &loop = loop_](GrpcAnswer answer) {
    const auto put = [id, later, connection](GrpcAnswer one) {
      later->answers.emplace_back(id, std::move(one));
      if (const auto alive = connection.lock()) alive->go_on();
    };
    if (later->thread == std::this_thread::get_id()) return put(std::move(answer));
    // The server waits for all that is handed over before its loops end.
    loop.post([put, answer = std::move(answer)]() mutable { put(std::move(answer)); });
  });
}

/// Headers, the message, and the status behind it; or of an error the headers alone, with the status among them.
void GrpcSession::answer(std::int32_t id, const GrpcAnswer& answer) {
  --awaited_;
  const auto known = streams_.find(id);
  if (known == streams_.end()) return;  // the client gave it up
  const std::string status = fmt::to_string(static_cast<int>(answer.status)), why = percent_encoded(answer.message);
  const std::array<nghttp2_nv, 4> head{field(":status", "200"), field("content-type", "application/grpc"), field("grpc-status", status),
                                       field("grpc-message", why)};
  if (answer.status != GrpcStatus::kOk) {
    broken_ = nghttp2_submit_response(session_, id, head.data(), head.size(), nullptr) != 0 || broken_;
    return;
  }
  known->second.answer = framed(answer.message);
  nghttp2_data_provider from{};
  from.source.ptr = this;
  from.read_callback = [](nghttp2_session*, std::int32_t stream, std::uint8_t* into, std::size_t most, std::uint32_t* flags,
                          nghttp2_data_source* source, void*) { return of(source->ptr).give(stream, into, most, *flags); };
  broken_ = nghttp2_submit_response(session_, id, head.data(), 2, &from) != 0 || broken_;
}

ssize_t GrpcSession::give(std::int32_t id, std::uint8_t* into, std::size_t most, std::uint32_t& flags) {
  Stream& stream = streams_.at(id);
  const std::size_t size = std::min(most, stream.answer.size() - stream.sent);
  std::memcpy(into, stream.answer.data() + stream.sent, size);
  stream.sent += size;
  if (stream.sent < stream.answer.size()) return static_cast<ssize_t>(size);
  flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
  const nghttp2_nv status = field("grpc-status", "0");
  return nghttp2_submit_trailer(session_, id, &status, 1) == 0 ? static_cast<ssize_t>(size) : kCallbackFailed;
}

void GrpcSession::send(std::string& out) {
  const std::uint8_t* bytes = nullptr;
  while (true) {
    const ssize_t size = nghttp2_session_mem_send(session_, &bytes);
    broken_ = broken_ || size < 0;
    if (size <= 0) return;
    out.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
  }
}

void GrpcSession::collect(std::string& out) {
  if (taking_) return;  // an answer at once: it is collected behind what is being taken
  for (auto& [id, one] : std::exchange(later_->answers, {})) answer(id, one);
  send(out);
}

std::size_t GrpcSession::take(std::string_view bytes, std::string& out) {
  taking_ = true;
  const ssize_t taken = nghttp2_session_mem_recv(session_, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  taking_ = false;
  broken_ = broken_ || taken < 0;
  collect(out);
  return broken_ ? bytes.size() : static_cast<std::size_t>(taken);
}

bool GrpcSession::ended() const {
  return broken_ || (nghttp2_session_want_read(session_) == 0 && nghttp2_session_want_write(session_) == 0);
}

}  // namespace isobar::features
