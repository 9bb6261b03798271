// What one upload costs in processor time, in CPU-seconds a GiB, by how the body is protected: the store's own work, over a transport that
// throws the bytes away; and, where ISOBAR_BENCH_S3 names an endpoint (with keys in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY), the whole
// of it with sockets, both threads of the client included.

#include <benchmark/benchmark.h>
#include <sys/resource.h>

#include <condition_variable>
#include <cstdlib>
#include <mutex>

#include "crypto/crc32c.h"
#include "net/http_client.h"
#include "storage/s3.h"

namespace isobar::storage {
namespace {

constexpr std::size_t kBodyBytes = 8 << 20;

class DiscardingTransport final : public net::HttpTransport {
 public:
  void start(net::HttpRequest, net::HttpDone done) override {
    net::HttpResponse response;
    response.status = 200;
    done(std::move(response));
  }
};

double cpu_seconds() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& time) { return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6; };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

// Eight puts at a time, as a copy would have them.
void upload(benchmark::State& state, net::HttpTransport& transport, const std::string& endpoint, S3Options::Payload payload,
            bool crc_known) {
  const char *id = std::getenv("AWS_ACCESS_KEY_ID"), *secret = std::getenv("AWS_SECRET_ACCESS_KEY");
  S3Options options;
  options.endpoint = endpoint;
  options.payload = payload;
  const SystemClock clock;
  const auto credentials = SecretSource<AwsCredentials>::of({id ? id : "id", secret ? secret : "secret", "", {}});
  auto store = make_s3_store("isobar-bench", options, credentials, transport, clock);
  if (!store.ok()) return state.SkipWithError(store.error().message().c_str());
  (void)await<void>([&](auto done) { (*store)->make_bucket(done); });
  const std::string body(kBodyBytes, 'x');
  const std::uint32_t crc = crypto::crc32c(body);
  const double before = cpu_seconds();
  double bytes = 0;
  std::string failure;
  for (auto _ : state) {
    std::mutex mutex;
    std::condition_variable all;
    int left = 8;
    for (int i = 0; i < 8; ++i) {
      PutRequest request;
      request.key = "k" + std::to_string(i);
      request.body = body;
      if (crc_known) request.checksums.crc32c = crc;
      (*store)->put(request, [&](const Result<PutReceipt>& receipt) {
        const std::scoped_lock lock(mutex);
        if (!receipt.ok()) failure = receipt.error().message();
        if (--left == 0) all.notify_one();
      });
    }
    std::unique_lock lock(mutex);
    all.wait(lock, [&] { return left == 0; });
    bytes += 8.0 * static_cast<double>(kBodyBytes);
  }
  if (!failure.empty()) return state.SkipWithError(failure.c_str());
  state.counters["cpu_s_per_GiB"] = (cpu_seconds() - before) / (bytes / static_cast<double>(1ULL << 30));
  state.SetBytesProcessed(static_cast<std::int64_t>(bytes));
}

void own_work(benchmark::State& state, S3Options::Payload payload, bool crc_known) {
  DiscardingTransport transport;
  upload(state, transport, "http://127.0.0.1:1", payload, crc_known);
}
BENCHMARK_CAPTURE(own_work, unsigned_crc_known, S3Options::Payload::kUnsigned, true)->UseRealTime();
BENCHMARK_CAPTURE(own_work, unsigned_crc_computed, S3Options::Payload::kUnsigned, false)->UseRealTime();
BENCHMARK_CAPTURE(own_work, signed_crc_known, S3Options::Payload::kSigned, true)->UseRealTime();

void with_sockets(benchmark::State& state, S3Options::Payload payload) {
  const char* endpoint = std::getenv("ISOBAR_BENCH_S3");
  if (endpoint == nullptr) return state.SkipWithError("ISOBAR_BENCH_S3 names no endpoint");
  auto client = net::HttpClient::create({});
  if (!client.ok()) return state.SkipWithError(client.error().message().c_str());
  upload(state, **client, endpoint, payload, true);
}
BENCHMARK_CAPTURE(with_sockets, unsigned_body, S3Options::Payload::kUnsigned)->UseRealTime()->Iterations(16);
BENCHMARK_CAPTURE(with_sockets, signed_body, S3Options::Payload::kSigned)->UseRealTime()->Iterations(16);

}  // namespace
}  // namespace isobar::storage

BENCHMARK_MAIN();
