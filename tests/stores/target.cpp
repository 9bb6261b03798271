#include "target.h"

#include <fmt/format.h>
#include <unistd.h>

#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <utility>

#include "crypto/encoding.h"
#include "emulator.h"
#include "storage/azure.h"
#include "storage/gcs.h"
#include "storage/local_store.h"
#include "storage/s3.h"

namespace isobar::stores {

using namespace storage;

namespace {

// One server and one client for all tests of a run: they are started once and end with the process.
struct Running {
  std::unique_ptr<net::HttpClient> client;
  std::map<std::string, Result<Emulator>> emulators;
  int buckets = 0;
};

Running& running() {
  static Running state;
  static bool once = false;
  if (!std::exchange(once, true)) {
    auto client = net::HttpClient::create({});
    EXPECT_TRUE(client.ok());
    state.client = std::move(*client);
  }
  return state;
}

// Stopped before the process ends: OpenSSL clears up at exit, and wants no thread of ours left by then.
class StopAll final : public testing::Environment {
  void TearDown() override {
    running().client.reset();
    running().emulators.clear();
  }
};
const testing::Environment* const kStopAll = testing::AddGlobalTestEnvironment(new StopAll);

const SystemClock& system_clock() {
  static const SystemClock clock;
  return clock;
}

Result<std::uint16_t> port_of(const Target& target) {
  if (target.emulator.empty()) return std::uint16_t{0};
  auto& emulators = running().emulators;
  auto found = emulators.find(target.emulator);
  if (found == emulators.end()) found = emulators.emplace(target.emulator, Emulator::start(target.emulator)).first;
  if (!found->second.ok()) return found->second.error();
  return found->second->port();
}

auto s3(const std::string& key_id, const std::string& secret) {
  const auto credentials = SecretSource<AwsCredentials>::of({key_id, secret, "", {}});
  return [credentials](std::uint16_t port, const std::string& bucket, net::HttpTransport& transport) {
    S3Options options;
    options.endpoint = fmt::format("http://127.0.0.1:{}", port);
    return make_s3_store(bucket, options, credentials, transport, system_clock());
  };
}

Target folder() {
  Target target{"folder", ""};
  target.open = [](std::uint16_t, const std::string& bucket, net::HttpTransport&) -> Result<std::unique_ptr<Store>> {
    return std::unique_ptr<Store>(LocalStore::open(fs::path(testing::TempDir()) / ("isobar-" + std::to_string(::getpid())) / bucket, {}));
  };
  const std::string no_properties = "a file has no such properties", no_buckets = "a folder has no buckets beside it";
  const std::string no_clash = "a name cannot be a file and a folder at once", in_place = "parts lie in their place and are not told apart";
  target.cannot = {{"PropertiesMetadataAndTagsComeBack", no_properties},
                   {"ACopyKeepsContentAndProperties", no_properties},
                   {"ACopyCanReplaceProperties", no_properties},
                   {"AListingCanBeginAfterAKey", no_clash},
                   {"APrefixIsABytePrefixAndADirectoryIsAskedForByItsSlash", no_clash},
                   {"ADelimitedListingTellsDirectoriesAndAnObjectBesideThem", no_clash},
                   {"ABucketThatIsNotThereIsNotFound", no_buckets},
                   {"BucketsAreMadeListedAndRemoved", no_buckets},
                   {"UnfinishedUploadsAreFoundByTheirPrefix", "an upload is found by its folder alone"},
                   {"AnInterruptedUploadIsResumedFromThePartsThatAreThere", in_place},
                   {"PartsBeyondAPageAreAllTold", in_place},
                   {"AnObjectIsCopiedInParts", "files are copied whole"}};
  return target;
}

Target moto() {
  Target target{"moto", "moto", s3("id", "secret")};
  target.cannot = {{"AWrongChecksumIsRefusedAndNothingIsWritten", "it verifies no checksums"}};
  return target;
}

Target s3rver() {
  Target target{"s3rver", "s3rver", s3("S3RVER", "S3RVER")};
  const std::string names = "it collapses slashes, and ends on names that its disk cannot hold",
                    pages = "it answers 500 to a listing's second page";
  const std::string parts = "it can neither list nor abandon parts", conditions = "it ignores conditions on writes";
  target.cannot = {{"EveryOddKeyIsKeptByteForByte", names},
                   {"OddKeysAreCopiedWithinTheStore", names},
                   {"AListingGoesOnOverManyPagesInTheOrderOfBytes", pages},
                   {"MoreThanAThousandKeysAreAllListed", pages},
                   {"AnEmptyObjectIsAnObject", "it never answers a range of an empty object"},
                   {"AWrongChecksumIsRefusedAndNothingIsWritten", "it verifies no checksums"},
                   {"OnlyIfAbsentNeverOverwrites", conditions},
                   {"PropertiesMetadataAndTagsComeBack", "it drops tags"},
                   {"TagsAreSetAndReplaced", "it has no tags"},
                   {"AnInterruptedUploadIsResumedFromThePartsThatAreThere", parts},
                   {"PartsBeyondAPageAreAllTold", parts},
                   {"AnAbandonedUploadLeavesNothing", parts},
                   {"UnfinishedUploadsAreFoundByTheirPrefix", parts},
                   {"PartsThatDoNotAddUpToTheObjectAreNotCompleted", parts},
                   {"AnObjectIsCopiedInParts", "it copies no parts"}};
  return target;
}

Target radosgw() {
  Target target{"radosgw", "radosgw", s3("RADOSKEY", "RADOSSECRET")};
  target.long_suite = true;
  return target;
}

Target azurite() {
  // The account and key that every emulator of Azure Storage has.
  constexpr std::string_view kKey = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
  AzureCredentials key;
  key.account_key = crypto::from_base64(kKey).value_or("");
  const auto credentials = SecretSource<AzureCredentials>::of(key);
  Target target{"azurite", "azurite"};
  target.odd_keys_refused = {{"control-\x01-byte", "it answers 500 to every listing then"}};
  for (const char* changed : {"./dot", "../dotdot", "a/./b", "a/../b", "back\\slash"})
    target.odd_keys_refused[changed] = "Azure would change it";
  target.cannot = {{"AWrongChecksumIsRefusedAndNothingIsWritten", "it refuses, but calls a wrong checksum an invalid operation"},
                   {"AnAbandonedUploadLeavesNothing", "it keeps the blocks of a blob that was written and removed"},
                   {"AnObjectIsCopiedInParts", "it has no Put Block From URL"}};
  target.open = [credentials](std::uint16_t port, const std::string& bucket, net::HttpTransport& transport) {
    AzureOptions options{fmt::format("http://127.0.0.1:{}/devstoreaccount1", port)};
    return make_azure_store("devstoreaccount1", bucket, options, credentials, transport, system_clock());
  };
  return target;
}

auto gcs() {
  const auto credentials = SecretSource<GcsCredentials>::of({});
  return [credentials](std::uint16_t port, const std::string& bucket, net::HttpTransport& transport) {
    GcsOptions options;
    options.endpoint = fmt::format("http://127.0.0.1:{}", port);
    options.project = "test";
    return make_gcs_store(bucket, options, credentials, transport, system_clock());
  };
}

Target fakegcs() {
  Target target{"fakegcs", "fakegcs", gcs()};
  target.cannot = {{"AWrongChecksumIsRefusedAndNothingIsWritten", "it verifies no checksums"}};
  return target;
}

}  // namespace

std::vector<Target> targets() { return {folder(), moto(), s3rver(), radosgw(), azurite(), fakegcs()}; }

void StoreTest::SetUp() {
  const Target& target = GetParam();
  std::string test = testing::UnitTest::GetInstance()->current_test_info()->name();
  test.erase(test.find('/'));
  if (const auto why = target.cannot.find(test); why != target.cannot.end()) GTEST_SKIP() << target.name << ": " << why->second;
  if (target.long_suite && std::getenv("ISOBAR_LONG") == nullptr) GTEST_SKIP() << target.name << ": part of the long suite, ISOBAR_LONG=1";
  const auto port = port_of(target);
  if (!port.ok()) GTEST_SKIP() << port.error().message();
  store_ = open(fmt::format("isobar-{}-{}", ::getpid(), ++running().buckets));
  ASSERT_TRUE(store_);
  const Status made = await<void>([&](auto done) { store_->make_bucket(done); });
  ASSERT_TRUE(made.ok()) << made.error().message();
}

void StoreTest::TearDown() {
  if (store_) remove_all(*store_);
}

std::unique_ptr<Store> StoreTest::open(const std::string& bucket) {
  const auto port = port_of(GetParam());
  auto store = GetParam().open(port.value_or(0), bucket, *running().client);
  EXPECT_TRUE(store.ok()) << (store.ok() ? "" : store.error().message());
  return store.ok() ? std::move(*store) : nullptr;
}

Result<ListPage> StoreTest::list(ListRequest request) {
  return await<ListPage>([&](auto done) { store().list(request, done); });
}

std::vector<std::string> StoreTest::all_keys(ListRequest request, int* pages) {
  std::vector<std::string> keys;
  int count = 0;
  do {
    const auto page = list(request);
    EXPECT_TRUE(page.ok()) << (page.ok() ? "" : page.error().message());
    if (!page.ok() || ++count > 10'000) break;
    for (const auto& object : page->objects) keys.push_back(object.key);
    request.page = page->next;
  } while (!request.page.empty());
  if (pages) *pages = count;
  return keys;
}

Result<ObjectHead> StoreTest::head(const std::string& key, bool with_tags) {
  return await<ObjectHead>([&](auto done) { store().head(key, with_tags, done); });
}

Result<std::string> StoreTest::get(const std::string& key, std::uint64_t offset, std::size_t bytes, const std::string& version) {
  std::string body(bytes, '\0');
  const auto got = await<Got>([&](auto done) { store().get({key, offset, body, version}, done); });
  if (!got.ok()) return got.error();
  body.resize(got->bytes);
  return body;
}

std::string StoreTest::read(const std::string& key, std::uint64_t offset, std::size_t bytes, const std::string& version) {
  auto body = get(key, offset, bytes, version);
  return body.ok() ? std::move(*body) : "error: " + body.error().message();
}

Result<PutReceipt> StoreTest::put(PutRequest request) {
  return await<PutReceipt>([&](auto done) { store().put(request, done); });
}

Result<PutReceipt> StoreTest::put(const std::string& key, std::string_view body) {
  PutRequest request;
  request.key = key;
  request.body = body;
  return put(request);
}

Result<Upload> StoreTest::start_upload(const std::string& key, Properties properties) {
  return await<Upload>([&](auto done) { store().start_upload(key, properties, done); });
}

Result<Part> StoreTest::put_part(const Upload& upload, int number, std::uint64_t offset, std::string_view body) {
  return await<Part>([&](auto done) { store().put_part(upload, number, offset, body, {}, done); });
}

std::vector<Part> StoreTest::all_parts(const Upload& upload, int* pages) {
  std::vector<Part> parts;
  int after = 0, count = 0;
  do {
    const auto page = await<PartPage>([&](auto done) { store().list_parts(upload, after, done); });
    EXPECT_TRUE(page.ok()) << (page.ok() ? "" : page.error().message());
    if (!page.ok() || ++count > 100) break;
    parts.insert(parts.end(), page->parts.begin(), page->parts.end());
    after = page->next;
  } while (after != 0);
  if (pages) *pages = count;
  return parts;
}

Result<PutReceipt> StoreTest::complete(const Upload& upload, std::vector<Part> parts, Properties properties, Checksums checksums) {
  std::uint64_t bytes = 0;
  for (const Part& part : parts) bytes += part.bytes;
  return await<PutReceipt>([&](auto done) { store().complete_upload(upload, parts, bytes, properties, checksums, done); });
}

std::vector<RemoveFailure> StoreTest::remove(std::vector<std::string> keys) {
  const auto failures = await<std::vector<RemoveFailure>>([&](auto done) { store().remove(keys, done); });
  EXPECT_TRUE(failures.ok()) << (failures.ok() ? "" : failures.error().message());
  return failures.ok() ? *failures : std::vector<RemoveFailure>();
}

void StoreTest::run_all(int count, const std::function<void(int, std::function<void()>)>& start) {
  constexpr int kAtOnce = 8;
  std::mutex mutex;
  std::condition_variable changed;
  int under_way = 0;
  for (int i = 0; i < count; ++i) {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return under_way < kAtOnce; });
    ++under_way;
    lock.unlock();
    start(i, [&] {
      const std::scoped_lock ended(mutex);
      --under_way;
      changed.notify_one();
    });
  }
  std::unique_lock lock(mutex);
  changed.wait(lock, [&] { return under_way == 0; });
}

void StoreTest::remove_all(Store& from) {
  for (int round = 0; round < 100; ++round) {
    ListRequest request;
    request.keys_max = from.limits().remove_batch_most;
    const auto page = await<ListPage>([&](auto done) { from.list(request, done); });
    if (!page.ok() || page->objects.empty()) break;
    std::vector<std::string> keys;
    for (const auto& object : page->objects) keys.push_back(object.key);
    (void)await<std::vector<RemoveFailure>>([&](auto done) { from.remove(keys, done); });
  }
  (void)await<void>([&](auto done) { from.remove_bucket(done); });
}

}  // namespace isobar::stores
