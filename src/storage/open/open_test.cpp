#include "storage/open.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "storage/scripted_transport.h"

namespace isobar::storage {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class Open : public testing::Test {
 protected:
  Surroundings surroundings() const {
    Surroundings known;
    known.variable = [variables = variables](const std::string& name) -> std::optional<std::string> {
      const auto found = variables.find(name);
      return found == variables.end() ? std::nullopt : std::optional(found->second);
    };
    known.read_file = [](const std::string& path) -> Result<std::string> { return not_found(path); };
    known.home = "/home/u";
    return known;
  }
  std::unique_ptr<Store> open(StoreOpener& opener, std::string_view text) {
    auto store = opener.open(*parse_location(text));
    EXPECT_TRUE(store.ok()) << text << ": " << (store.ok() ? "" : store.error().message());
    return store.ok() ? std::move(*store) : nullptr;
  }
  std::map<std::string, std::string> variables = {{"AWS_ACCESS_KEY_ID", "A"},
                                                  {"AWS_SECRET_ACCESS_KEY", "S"},
                                                  {"AWS_REGION", "eu-west-1"},
                                                  {"AZURE_STORAGE_KEY", "S0VZ"},
                                                  {"STORAGE_EMULATOR_HOST", "h:1"}};
  ScriptedTransport transport;
  StoppedClock clock;
};

TEST_F(Open, EveryLocationHasItsStore) {
  StoreOpener opener({}, surroundings(), transport, clock);
  for (const char* text : {"s3://bucket/k", "gs://bucket/k", "az://acct/cont/k", "https://host/k", "/tmp"}) {
    const auto store = open(opener, text);
    ASSERT_TRUE(store);
    EXPECT_EQ(store->location().kind, parse_location(text)->kind);
  }
  EXPECT_TRUE(transport.asked.empty()) << "nothing is sent before it is needed";
}

TEST_F(Open, StoresOfOneOpenerCanCopyFromOneAnother) {
  StoreOpener opener({}, surroundings(), transport, clock);
  EXPECT_TRUE(open(opener, "s3://bucket")->can_copy_from(*open(opener, "s3://other")));
  EXPECT_TRUE(open(opener, "gs://bucket")->can_copy_from(*open(opener, "gs://other")));
  EXPECT_TRUE(open(opener, "az://acct/c")->can_copy_from(*open(opener, "az://acct/d")));
  EXPECT_FALSE(open(opener, "az://acct/c")->can_copy_from(*open(opener, "az://other/d")));
  EXPECT_FALSE(open(opener, "s3://bucket")->can_copy_from(*open(opener, "gs://bucket")));
}

TEST_F(Open, TheEnvironmentSetsWhatOptionsLeaveOpen) {
  transport.answer(404);
  transport.answer(404);
  StoreOpener opener({}, surroundings(), transport, clock);
  const auto store = open(opener, "s3://bucket");
  (void)await<ObjectHead>([&](auto done) { store->head("k", false, done); });
  EXPECT_EQ(transport.last().url.host, "bucket.s3.eu-west-1.amazonaws.com");
  StoreOptions options;
  options.s3.endpoint = "http://127.0.0.1:9000";
  options.anonymous = true;
  StoreOpener other(options, surroundings(), transport, clock);
  const auto public_store = open(other, "s3://bucket");
  (void)await<ObjectHead>([&](auto done) { public_store->head("k", false, done); });
  EXPECT_EQ(transport.last().url.text(), "http://127.0.0.1:9000/bucket/k");
  EXPECT_EQ(transport.last_header("Authorization"), "");
}

TEST_F(Open, WhoAsksWithoutCredentialsAsksTheSameService) {
  StoreOptions options;
  options.anonymous = true;
  transport.answer(404);
  StoreOpener opener(options, surroundings(), transport, clock);
  const auto store = open(opener, "gs://bucket");
  (void)await<ObjectHead>([&](auto done) { store->head("k", false, done); });
  EXPECT_EQ(transport.last().url.host, "h") << "STORAGE_EMULATOR_HOST";
}

TEST_F(Open, AMistakeInTheSurroundingsIsToldAtOnce) {
  variables.erase("AWS_SECRET_ACCESS_KEY");
  StoreOpener opener({}, surroundings(), transport, clock);
  EXPECT_THAT(opener.open(*parse_location("s3://bucket")).error().message(), StartsWith("AWS_ACCESS_KEY_ID is set"));
}

}  // namespace
}  // namespace isobar::storage
