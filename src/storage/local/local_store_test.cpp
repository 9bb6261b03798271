#include "storage/local_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <set>

#include "base/random.h"
#include "crypto/crc32c.h"
#include "storage/local_names.h"

namespace isobar::storage {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

RC_GTEST_PROP(LocalNames, EveryKeyHasAPathOfItsOwnThatStaysInsideAndLeadsBack, ()) {
  const auto piece = rc::gen::element<std::string>("", ".", "..", "a", "%~", "%", "~", "%~2E", "%~+", "b c", std::string(1, '\0'),
                                                   std::string(300, 'x'), std::string(251, 'y') + "%~z", "%41");
  const auto pieces = *rc::gen::nonEmpty(rc::gen::container<std::vector<std::string>>(piece));
  std::string key;
  for (std::size_t i = 0; i < pieces.size(); ++i) key += (i == 0 ? "" : "/") + pieces[i];
  RC_PRE(!key.empty());
  const std::string path = path_of_key(key);
  RC_ASSERT(key_of_path(path) == key);
  RC_ASSERT(fs::path(path).is_relative());
  for (const auto& component : fs::path(path)) {
    RC_ASSERT(!component.empty() && component != "." && component != "..");
    RC_ASSERT(component.string().size() <= 255U);
  }
}

TEST(LocalNames, LeaveOrdinaryNamesAlone) {
  for (const char* name : {"a", "a/b.txt", "50%.txt", "a%2Fb", "~x", "é/ü", ".hidden", "a/...", "x\\y"}) {
    EXPECT_EQ(path_of_key(name), name);
    EXPECT_EQ(key_of_path(name), name);
  }
}

class LocalStoreTest : public testing::Test {
 protected:
  fs::path root_ = fs::temp_directory_path() / ("isobar-local-" + secure_random_hex(6));
  std::unique_ptr<LocalStore> store_ = LocalStore::open(root_, {});
  void TearDown() override {
    store_.reset();
    fs::remove_all(root_);
  }
  Result<PutReceipt> put(const std::string& key, std::string_view body, Properties properties = {}) {
    return await<PutReceipt>([&](auto done) {
      store_->put({.key = key, .body = body, .properties = properties, .checksums = {.crc32c = crypto::crc32c(body)}}, done);
    });
  }
  Result<std::string> get(const std::string& key, std::string version = "") {
    std::string memory(1000, '\0');
    auto got = await<Got>([&](auto done) { store_->get({.key = key, .into = memory, .version = version}, done); });
    if (!got.ok()) return got.error();
    return memory.substr(0, got->bytes);
  }
  std::vector<std::string> keys(ListRequest request) {
    std::vector<std::string> found;
    do {
      const auto page = await<ListPage>([&](auto done) { store_->list(request, done); });
      if (!page.ok()) return {"error: " + page.error().message()};
      for (const auto& object : page->objects) found.push_back(object.key);
      for (const auto& prefix : page->prefixes) found.push_back(prefix);
      request.page = page->next;
    } while (!request.page.empty());
    return found;
  }
};

TEST_F(LocalStoreTest, ListsInTheOrderOfKeysWhateverTheFolders) {
  std::set<std::string> put_keys;
  for (const char* key : {"a/b", "a", "a-b", "a.b", "b//c", "/x", "z/", "./y", "../w", "a0", "dir/x/1", "dir/x/2", "dir-1"})
    if (put(key, "1").ok()) put_keys.insert(key);
  EXPECT_EQ(put_keys.count("a") + put_keys.count("a/b"), 1U) << "a file system cannot hold both";
  EXPECT_EQ(put_keys.size(), 12U);
  for (const int page : {1, 3, 1000}) EXPECT_THAT(keys({.keys_max = page}), testing::ElementsAreArray(put_keys));
  EXPECT_THAT(keys({.prefix = "dir"}), ElementsAre("dir-1", "dir/x/1", "dir/x/2"));
  EXPECT_THAT(keys({.prefix = "dir/", .recursive = false}), ElementsAre("dir/x/"));
  EXPECT_THAT(keys({.prefix = "dir/", .start_after = "dir/x/1"}), ElementsAre("dir/x/2"));
  EXPECT_THAT(fs::relative(root_ / path_of_key("../w"), root_).string(), Not(testing::StartsWith("..")));
}

TEST_F(LocalStoreTest, AFileAndAFolderOfOneNameAreAClashThatIsTold) {
  ASSERT_TRUE(put("name1", "x").ok());
  const auto below = put("name1/obj1", "y");
  ASSERT_FALSE(below.ok());
  EXPECT_EQ(below.error().code(), Code::kInvalidArgument);
  EXPECT_THAT(below.error().message(), HasSubstr("cannot hold both"));
  ASSERT_TRUE(put("name2/obj", "x").ok());
  EXPECT_THAT(put("name2", "y").error().message(), HasSubstr("cannot hold both"));
}

TEST_F(LocalStoreTest, AReadPinnedToAVersionRefusesAnother) {
  ASSERT_TRUE(put("k", "one").ok());
  const auto head = await<ObjectHead>([&](auto done) { store_->head("k", false, done); });
  EXPECT_EQ(get("k", head->info.version).value(), "one");
  ASSERT_TRUE(put("k", "two").ok());
  EXPECT_EQ(get("k", head->info.version).error().code(), Code::kConflict);
  EXPECT_EQ(get("missing").error().code(), Code::kNotFound);
}

TEST_F(LocalStoreTest, NothingIsWrittenThroughALinkThatLeadsOut) {
  const fs::path outside = root_.string() + "-outside";
  fs::create_directories(outside);
  fs::create_directories(root_ / "inside");
  fs::create_directory_symlink(outside, root_ / "out");
  fs::create_directory_symlink("inside", root_ / "in");
  const auto refused = put("out/x", "1");
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message(), HasSubstr("leads out of"));
  EXPECT_TRUE(fs::is_empty(outside));
  EXPECT_TRUE(put("in/x", "1").ok());
  EXPECT_TRUE(fs::exists(root_ / "inside" / "x"));
  fs::create_symlink(outside / "target", root_ / "file");
  ASSERT_TRUE(put("file", "1").ok()) << "the link is replaced, not followed";
  EXPECT_TRUE(fs::is_empty(outside));
  fs::remove_all(outside);
}

TEST_F(LocalStoreTest, PartsGoToTheirPlacesAndNothingShowsBeforeTheEnd) {
  const auto upload = await<Upload>([&](auto done) { store_->start_upload("d/big", {}, done); });
  ASSERT_TRUE(upload.ok());
  const auto part = [&](int number, std::uint64_t offset, std::string_view body) {
    return await<Part>([&](auto done) { store_->put_part(*upload, number, offset, body, {.crc32c = crypto::crc32c(body)}, done); });
  };
  EXPECT_TRUE(part(2, 3, "def").ok());
  EXPECT_TRUE(keys({}).empty());
  EXPECT_EQ(await<PutReceipt>([&](auto done) { store_->complete_upload(*upload, {}, 7, {}, {}, done); }).error().code(), Code::kDataLoss);
  EXPECT_TRUE(part(1, 0, "abc").ok());
  EXPECT_EQ(await<UploadPage>([&](auto done) { store_->list_uploads("", "", done); })->uploads.size(), 1U);
  const auto of_key = await<UploadPage>([&](auto done) { store_->list_uploads("d/big", "", done); })->uploads;
  ASSERT_EQ(of_key.size(), 1U);
  EXPECT_EQ(of_key[0].key, "d/big");
  EXPECT_EQ(of_key[0].id, upload->id);
  EXPECT_TRUE(await<UploadPage>([&](auto done) { store_->list_uploads("d/other", "", done); })->uploads.empty());
  EXPECT_TRUE(await<PutReceipt>([&](auto done) {
                store_->complete_upload(*upload, {}, 6, {.metadata = {{"mtime", "12.5"}}}, {}, done);
              }).ok());
  EXPECT_EQ(get("d/big").value(), "abcdef");
  struct stat status {};
  ::stat((root_ / "d/big").c_str(), &status);
  EXPECT_EQ(status.st_mtim.tv_sec, 12);
  EXPECT_EQ(status.st_mtim.tv_nsec, 500'000'000);
}

TEST_F(LocalStoreTest, AnAbortedUploadAndARemovedFileLeaveNoFolders) {
  const auto upload = await<Upload>([&](auto done) { store_->start_upload("a/b/c", {}, done); });
  ASSERT_TRUE(await<void>([&](auto done) { store_->abort_upload(*upload, done); }).ok());
  EXPECT_TRUE(fs::is_empty(root_));
  ASSERT_TRUE(put("x/y/z", "1").ok());
  EXPECT_TRUE(await<std::vector<RemoveFailure>>([&](auto done) { store_->remove({"x/y/z", "not/there"}, done); })->empty());
  EXPECT_TRUE(fs::is_empty(root_));
}

TEST_F(LocalStoreTest, LinksAreSkippedFollowedOrStoredAndLoopsEnd) {
  ASSERT_TRUE(put("real/f", "content").ok());
  fs::create_symlink("f", root_ / "real/link");
  fs::create_symlink("nowhere", root_ / "real/broken");
  fs::create_directory_symlink("..", root_ / "real/up");
  ASSERT_EQ(::mkfifo((root_ / "fifo").c_str(), 0600), 0);
  EXPECT_THAT(keys({}), ElementsAre("real/f"));
  EXPECT_EQ(store_->take_omissions().skipped.size(), 4U);

  store_ = LocalStore::open(root_, {.symlinks = SymlinkRule::kFollow});
  EXPECT_THAT(keys({}), ElementsAre("real/f", "real/link"));
  const auto followed = store_->take_omissions();
  EXPECT_EQ(followed.failed.size(), 1U) << "the broken link, and only it";
  EXPECT_EQ(followed.skipped.size(), 2U) << "the loop and the fifo";

  store_ = LocalStore::open(root_, {.symlinks = SymlinkRule::kStore});
  EXPECT_THAT(keys({}), ElementsAre("real/broken", "real/f", "real/link", "real/up"));
  EXPECT_EQ(get("real/broken").value(), "nowhere");
  Properties link;
  link.metadata["symlink"] = "1";
  ASSERT_TRUE(put("copy", "real/f", link).ok());
  EXPECT_EQ(fs::read_symlink(root_ / "copy"), "real/f");
}

TEST_F(LocalStoreTest, BytesThatChangedOnTheWayAreRefused) {
  const auto refused = await<PutReceipt>([&](auto done) { store_->put({.key = "k", .body = "abc", .checksums = {.crc32c = 1}}, done); });
  EXPECT_EQ(refused.error().code(), Code::kDataLoss);
  EXPECT_TRUE(keys({}).empty());
}

TEST_F(LocalStoreTest, CopiesWithinTheDiskAndPutsOnlyWhereNothingIs) {
  ASSERT_TRUE(put("a", "content").ok());
  ASSERT_TRUE(await<PutReceipt>([&](auto done) { store_->copy(*store_, "a", "", "b/c", std::nullopt, done); }).ok());
  EXPECT_EQ(get("b/c").value(), "content");
  EXPECT_EQ(await<PutReceipt>([&](auto done) { store_->copy(*store_, "a", "other", "d", std::nullopt, done); }).error().code(),
            Code::kConflict);
  EXPECT_EQ(await<PutReceipt>([&](auto done) { store_->put({.key = "a", .body = "x", .only_if_absent = true}, done); }).error().code(),
            Code::kAlreadyExists);
}

}  // namespace
}  // namespace isobar::storage
