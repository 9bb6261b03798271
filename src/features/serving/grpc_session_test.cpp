// gRPC before a client that is nghttp2's own: calls at the same time, cut anywhere, and wrong ones.

#include <gmock/gmock.h>

#include <thread>

#include "feast.pb.h"
#include "features/timestamp.h"
#include "grpc_api.h"
#include "serving_testing.h"

namespace isobar::features {
namespace {

using testing::HasSubstr;

struct Heard {
  std::string status, message, body;
  bool closed = false;
};

/// A client's side of HTTP/2.
class GrpcClient {
 public:
  GrpcClient() {
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_header_callback(
        callbacks, [](nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name, std::size_t name_size,
                      const std::uint8_t* value, std::size_t value_size, std::uint8_t, void* self) {
          const std::string_view what(reinterpret_cast<const char*>(name), name_size), is(reinterpret_cast<const char*>(value), value_size);
          Heard& call = static_cast<GrpcClient*>(self)->heard[frame->hd.stream_id];
          if (what == "grpc-status") call.status = is;
          if (what == "grpc-message") call.message = is;
          return 0;
        });
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
        callbacks, [](nghttp2_session*, std::uint8_t, std::int32_t stream, const std::uint8_t* data, std::size_t size, void* self) {
          static_cast<GrpcClient*>(self)->heard[stream].body.append(reinterpret_cast<const char*>(data), size);
          return 0;
        });
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, [](nghttp2_session*, std::int32_t stream, std::uint32_t, void* self) {
      static_cast<GrpcClient*>(self)->heard[stream].closed = true;
      return 0;
    });
    nghttp2_session_client_new(&session_, callbacks, this);
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, nullptr, 0);
  }
  ~GrpcClient() { nghttp2_session_del(session_); }
  GrpcClient(const GrpcClient&) = delete;
  GrpcClient& operator=(const GrpcClient&) = delete;

  std::int32_t call(std::string_view path, std::string body, std::string_view content_type = "application/grpc") {
    const auto field = [](std::string_view name, std::string_view value) {
      return nghttp2_nv{reinterpret_cast<std::uint8_t*>(const_cast<char*>(name.data())),
                        reinterpret_cast<std::uint8_t*>(const_cast<char*>(value.data())), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
    };
    const std::array fields{field(":method", "POST"),
                            field(":scheme", "http"),
                            field(":path", path),
                            field(":authority", "here"),
                            field("content-type", content_type),
                            field("te", "trailers")};
    bodies_.push_back(std::make_unique<Body>(Body{std::move(body), 0}));
    nghttp2_data_provider from{};
    from.source.ptr = bodies_.back().get();
    from.read_callback = [](nghttp2_session*, std::int32_t, std::uint8_t* into, std::size_t most, std::uint32_t* flags,
                            nghttp2_data_source* source, void*) -> ssize_t {
      auto& [bytes, sent] = *static_cast<Body*>(source->ptr);
      const std::size_t size = std::min(most, bytes.size() - sent);
      std::memcpy(into, bytes.data() + sent, size);
      sent += size;
      if (sent == bytes.size()) *flags |= NGHTTP2_DATA_FLAG_EOF;
      return static_cast<ssize_t>(size);
    };
    return nghttp2_submit_request(session_, nullptr, fields.data(), fields.size(), &from, nullptr);
  }
  std::string says() {
    std::string out;
    const std::uint8_t* bytes = nullptr;
    for (ssize_t size = 0; (size = nghttp2_session_mem_send(session_, &bytes)) > 0;)
      out.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
    return out;
  }
  void hears(std::string_view bytes) {
    CHECK(nghttp2_session_mem_recv(session_, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()) ==
          static_cast<ssize_t>(bytes.size()));
  }
  std::map<std::int32_t, Heard> heard;

 private:
  struct Body {
    std::string bytes;
    std::size_t sent;
  };
  nghttp2_session* session_ = nullptr;
  std::vector<std::unique_ptr<Body>> bodies_;
};

std::string framed(std::string_view message) {
  std::string out(1, '\0');
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(message.size() >> shift);
  return out.append(message);
}

class GrpcSessionTest : public testing::Test {
 protected:
  GrpcSessionTest()
      : loop_(net::Loop::create().value()),
        handler_([](const GrpcCall& call, const GrpcDone& done) {
          if (call.path == "/fail") return done({GrpcStatus::kNotFound, "no Änderung at 100 %"});
          done({GrpcStatus::kOk, call.path + " " + call.message});
        }),
        session_({}, *loop_, handler_, 1'000'000) {}
  /// Until neither has anything to say; so many bytes at a time.
  void talk(std::size_t at_once = ~std::size_t{0}) {
    std::string out;
    session_.collect(out);
    while (true) {
      const std::string said = client_.says();
      for (std::size_t at = 0; at < said.size(); at += std::min(at_once, said.size() - at))
        EXPECT_GT(session_.take(std::string_view(said).substr(at, at_once), out), 0u);
      if (said.empty() && out.empty()) return;
      for (std::size_t at = 0; at < out.size(); at += std::min(at_once, out.size() - at))
        client_.hears(std::string_view(out).substr(at, at_once));
      out.clear();
    }
  }
  std::unique_ptr<net::Loop> loop_;
  const GrpcHandler handler_;
  GrpcSession session_;
  GrpcClient client_;
};

TEST_F(GrpcSessionTest, CallsAtTheSameTimeAreAnsweredHoweverTheyAreCut) {
  for (const std::size_t at_once : {std::size_t{1}, std::size_t{7}, ~std::size_t{0}}) {
    const std::string large(200'000, 'x');
    const auto first = client_.call("/a", framed("one")), second = client_.call("/b", framed(large)),
               third = client_.call("/fail", framed(""));
    talk(at_once);
    EXPECT_EQ(client_.heard[first].body, framed("/a one"));
    EXPECT_EQ(client_.heard[first].status, "0");
    EXPECT_TRUE(client_.heard[second].body == framed("/b " + large));
    EXPECT_EQ(client_.heard[third].status, "5");
    EXPECT_EQ(client_.heard[third].message, "no %C3%84nderung at 100 %25");
    for (const auto id : {first, second, third}) EXPECT_TRUE(client_.heard[id].closed);
  }
  EXPECT_EQ(session_.requests(), 9u);
  EXPECT_FALSE(session_.partial());
  EXPECT_FALSE(session_.awaits());
  EXPECT_FALSE(session_.ended());
}

TEST_F(GrpcSessionTest, WhatIsNoCallIsRefusedAndOthersGoOn) {
  const auto none = client_.call("/a", ""), compressed = client_.call("/a", "\1" + framed("x").substr(1)),
             two = client_.call("/a", framed("x") + framed("y")), other = client_.call("/a", framed("x"), "application/json"),
             large = client_.call("/a", framed(std::string(1'000'001, 'x'))), good = client_.call("/a", framed("x"));
  talk();
  EXPECT_EQ(client_.heard[none].status, "13");
  EXPECT_EQ(client_.heard[compressed].status, "12");
  EXPECT_EQ(client_.heard[two].status, "13");
  EXPECT_EQ(client_.heard[other].status, "3");
  EXPECT_EQ(client_.heard[large].status, "8");
  EXPECT_EQ(client_.heard[good].body, framed("/a x"));
}

TEST_F(GrpcSessionTest, WhatIsNoHttp2EndsIt) {
  std::string out;
  session_.take("GET / HTTP/1.1\r\nhost: here\r\n\r\n", out);
  EXPECT_TRUE(session_.ended());
}

class GrpcApiTest : public testing::Test {
 protected:
  GrpcAnswer call(std::string path, const std::string& message, std::string authorization = "") {
    std::promise<GrpcAnswer> promise;
    api_.handle({std::move(path), std::move(authorization), message}, [&](GrpcAnswer answer) { promise.set_value(std::move(answer)); });
    return promise.get_future().get();
  }
  GrpcAnswer ask(const feast::OnlineFeaturesRequest& request) {
    return call("/feast.serving.ServingService/GetOnlineFeatures", request.SerializeAsString());
  }
  TestClock clock_;
  FakeEngine engine_{clock_};
  ServerOptions options_;
  ServingMetrics metrics_;
  GrpcApi api_{engine_, options_, metrics_};
};

TEST_F(GrpcApiTest, WhatIsPushedIsAnsweredWithTypesStatusesAndTimes) {
  feast::PushRequest push;
  push.set_stream_feature_view("payments");
  auto& row = *push.mutable_features();
  row["user_id"] = "1001";
  row["amount"] = "0.7";
  row["note"] = "";
  row["event_timestamp"] = to_rfc3339(clock_.now() - 1500ms);
  const GrpcAnswer pushed = call("/grpc.connector.GrpcFeatureServer/Push", push.SerializeAsString());
  ASSERT_EQ(pushed.status, GrpcStatus::kOk) << pushed.message;
  feast::OnlineFeaturesRequest request;
  for (const char* name : {"spending:amount", "spending:note", "spending:precise", "spending:offer"})
    request.mutable_features()->add_val(name);
  auto& users = (*request.mutable_entities())["user_id"];
  users.add_val()->set_int64_val(1001);
  users.add_val()->set_int32_val(7);
  auto& offered = (*request.mutable_request_context())["offered"];
  offered.add_val()->set_double_val(2);
  offered.add_val()->set_double_val(2);
  const GrpcAnswer answer = ask(request);
  ASSERT_EQ(answer.status, GrpcStatus::kOk) << answer.message;
  feast::OnlineFeaturesResponse response;
  ASSERT_TRUE(response.ParseFromString(answer.message));
  ASSERT_EQ(response.results_size(), 5);
  EXPECT_EQ(response.metadata().feature_names().val(0), "user_id");
  EXPECT_EQ(response.results(0).values(0).int32_val(), 1001);
  const auto& amount = response.results(1);
  EXPECT_EQ(amount.values(0).double_val(), 0.7);
  EXPECT_EQ(amount.statuses(0), 1);
  EXPECT_EQ(amount.statuses(1), 3);
  EXPECT_EQ(amount.values(1).val_case(), feast::Value::VAL_NOT_SET);
  const Instant told = Instant::from_unix_nanos(amount.event_timestamps(0).seconds() * 1'000'000'000 + amount.event_timestamps(0).nanos());
  EXPECT_EQ(told, clock_.now() - 1500ms);
  EXPECT_EQ(response.results(2).values(0).string_val(), "");
  EXPECT_EQ(response.results(3).statuses(0), 2);
  EXPECT_TRUE(response.results(4).values(0).bool_val());
}

TEST_F(GrpcApiTest, ErrorsHaveTheirStatusAndTheMend) {
  feast::OnlineFeaturesRequest request;
  request.mutable_features()->add_val("spendin:amount");
  EXPECT_EQ(ask(request).status, GrpcStatus::kNotFound);
  EXPECT_THAT(ask(request).message, HasSubstr("did you mean 'spending'?"));
  request.mutable_features()->set_val(0, "spending:amount");
  EXPECT_THAT(ask(request).message, HasSubstr("'user_id', int32, is needed for each row, in entities"));
  (*request.mutable_entities())["user_id"].add_val()->set_string_val("x");
  EXPECT_EQ(ask(request).status, GrpcStatus::kInvalidArgument);
  EXPECT_THAT(ask(request).message, HasSubstr("row 1: column 'user_id'"));
  EXPECT_EQ(call("/feast.serving.ServingService/GetOnlineFeatures", "\xff\xff").status, GrpcStatus::kInvalidArgument);
  EXPECT_EQ(call("/feast.serving.ServingService/GetBatchFeatures", "").status, GrpcStatus::kUnimplemented);
  feast::PushRequest push;
  push.set_stream_feature_view("paiments");
  EXPECT_EQ(call("/grpc.connector.GrpcFeatureServer/Push", push.SerializeAsString()).status, GrpcStatus::kNotFound);
  push.set_stream_feature_view("payments");
  (*push.mutable_features())["amont"] = "1";
  EXPECT_THAT(call("/grpc.connector.GrpcFeatureServer/Push", push.SerializeAsString()).message, HasSubstr("did you mean 'amount'?"));
  EXPECT_EQ(metrics_.grpc_errors.load(), metrics_.grpc_calls.load());
}

TEST_F(GrpcApiTest, TheTokenIsAskedFor) {
  options_.token = "secret";
  EXPECT_EQ(call("/feast.serving.ServingService/GetFeastServingInfo", "").status, GrpcStatus::kUnauthenticated);
  EXPECT_EQ(call("/feast.serving.ServingService/GetFeastServingInfo", "", "Bearer secret").status, GrpcStatus::kOk);
}

}  // namespace
}  // namespace isobar::features
