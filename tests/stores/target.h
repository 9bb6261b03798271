#pragma once

/// What the conformance suite runs against: each store with what the server behind it cannot do, and why.

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "net/http_client.h"
#include "storage/store.h"

namespace isobar::stores {

struct Target {
  std::string name;
  std::string emulator;  ///< as emulator.py knows it; empty: none is needed
  /// A store of that bucket at the emulator's port.
  std::function<Result<std::unique_ptr<storage::Store>>(std::uint16_t port, const std::string& bucket, net::HttpTransport& transport)> open;
  /// Test → why the server (not the store) fails it.
  std::map<std::string, std::string> cannot;
  /// Odd keys that the server does not take, or mangles.
  std::map<std::string, std::string> odd_keys_refused;
  std::size_t part_bytes = 5 << 20;  ///< the least that the server takes for a part that is not the last
  int parts_page = 1000;             ///< parts that the server tells at once
  bool long_suite = false;           ///< only with ISOBAR_LONG=1
};

std::vector<Target> targets();
inline void PrintTo(const Target& target, std::ostream* out) { *out << target.name; }

class StoreTest : public testing::TestWithParam<Target> {
 protected:
  void SetUp() override;
  void TearDown() override;

  storage::Store& store() { return *store_; }
  /// Another bucket at the same server.
  std::unique_ptr<storage::Store> open(const std::string& bucket);

  // The calls of the store, waited for.
  Result<storage::ListPage> list(storage::ListRequest request);
  /// Every page's keys.
  std::vector<std::string> all_keys(storage::ListRequest request, int* pages = nullptr);
  Result<storage::ObjectHead> head(const std::string& key, bool with_tags = false);
  /// The object's bytes, read in one request.
  Result<std::string> get(const std::string& key, std::uint64_t offset = 0, std::size_t bytes = 1 << 20, const std::string& version = {});
  /// The same, or "error: " and why there are none.
  std::string read(const std::string& key, std::uint64_t offset = 0, std::size_t bytes = 1 << 20, const std::string& version = {});
  Result<storage::PutReceipt> put(storage::PutRequest request);
  Result<storage::PutReceipt> put(const std::string& key, std::string_view body);
  Result<storage::Upload> start_upload(const std::string& key, storage::Properties properties = {});
  Result<storage::Part> put_part(const storage::Upload& upload, int number, std::uint64_t offset, std::string_view body);
  std::vector<storage::Part> all_parts(const storage::Upload& upload, int* pages = nullptr);
  Result<storage::PutReceipt> complete(const storage::Upload& upload, std::vector<storage::Part> parts, storage::Properties properties = {},
                                       storage::Checksums checksums = {});
  std::vector<storage::RemoveFailure> remove(std::vector<std::string> keys);
  void remove_all(storage::Store& from);
  /// Runs `start` for 0 … count-1, so many at once as an emulator with one thread bears, and waits for all.
  void run_all(int count, const std::function<void(int, std::function<void()> ended)>& start);

 private:
  std::unique_ptr<storage::Store> store_;
};

}  // namespace isobar::stores
