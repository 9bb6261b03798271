#include "spill_sort.h"

#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>

#include <map>

#include "training_testing.h"

namespace isobar::features {
namespace {

RC_GTEST_PROP(SpillSort, GivesAllInTheOrderOfTheirKeys, ()) {
  const auto texts =
      *rc::gen::container<std::map<std::uint32_t, std::string>>(rc::gen::arbitrary<std::uint32_t>(), rc::gen::arbitrary<std::string>());
  std::vector<std::pair<std::string, std::string>> records;
  for (const auto& [key, text] : texts) {
    std::string bytes;
    for (int i = 3; i >= 0; --i) bytes += static_cast<char>(key >> (8 * i));
    records.emplace_back(bytes, text);
  }
  auto shuffled = records;
  for (std::size_t i = shuffled.size(); i > 1; --i) std::swap(shuffled[i - 1], shuffled[*rc::gen::inRange<std::size_t>(0, i)]);
  SpillSort sort(4, *rc::gen::element<std::uint64_t>(1, 1 << 20), fs::temp_directory_path());
  for (const auto& [key, text] : shuffled) must(sort.add(key, text));
  must(sort.sort());
  for (const auto& [key, text] : records) RC_ASSERT(must(sort.next()) == key + text);
  RC_ASSERT(must(sort.next()).empty());
}

TEST(SpillSort, RunsAreMergedWhenThereAreTooMany) {
  constexpr std::size_t kRecords = 200;
  SpillSort sort(8, 1, fs::temp_directory_path());
  for (std::size_t i = 0; i < kRecords; ++i) must(sort.add(std::to_string(10'000'000 + i * 7919 % kRecords), std::string(i % 50, 'x')));
  must(sort.sort());
  for (std::size_t i = 0; i < kRecords; ++i) EXPECT_EQ(must(sort.next()).substr(0, 8), std::to_string(10'000'000 + i));
  EXPECT_TRUE(must(sort.next()).empty());
  EXPECT_GT(sort.spilled_bytes(), 5000u);
}

TEST(SpillSort, AFolderThatCannotBeWrittenIsNamed) {
  SpillSort sort(1, 1, "/no/such/folder");
  must(sort.add("a", ""));
  const Status failed = sort.add("b", "");
  ASSERT_FALSE(failed.ok());
  EXPECT_THAT(failed.error().message(), testing::AllOf(testing::HasSubstr("/no/such/folder"), testing::HasSubstr("name another folder")));
}

}  // namespace
}  // namespace isobar::features
