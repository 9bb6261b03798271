// What users of such brokers have reported to go wrong, and must not here; beside what other tests show: see ../README.md.

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "cli.h"

namespace isobar::e2e {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class Promises : public CliTest {};

TEST_F(Promises, ScriptsReachTheNodeByteForByte) {
  // What is easily re-wrapped, trimmed or substituted on the way: long lines, tabs, trailing blanks, quotes, dollars, a here-document.
  const std::string lengthy(5000, 'x');
  const std::string body = lengthy + " \\n\n\t tabbed  \n'single' \"double\" $HOME `id` \\\\ \n\n# no comment\nlast line  \n";
  std::string indented;
  for (std::size_t from = 0; from < body.size();) {
    const auto end = body.find('\n', from);
    indented += "  " + body.substr(from, end - from) + "\n";
    from = end + 1;
  }
  const auto task = write("t.yaml", "setup: |\n  cat > ~/kept <<'HERE'\n" + indented + "  HERE\nrun: sha256sum < ~/kept; wc -c < ~/kept\n");
  write("kept", body);
  const auto launched = run({"launch", "-c", "a", task});
  EXPECT_EQ(launched.exit_code, 0) << launched.err;
  EXPECT_THAT(launched.out, HasSubstr(std::to_string(body.size())));
  const auto read_back = ok({"exec", "a", "base64 -w0 ~/kept; echo .; base64 -w0 " + (folder_ / "kept").string()});
  const auto first = read_back.find(") ") + 2, dot = read_back.find('.', first), second = read_back.find(") ", dot) + 2;
  ASSERT_LT(dot, read_back.size()) << read_back.substr(0, 200);
  EXPECT_TRUE(read_back.compare(first, dot - first, read_back, second, dot - first) == 0);
}

TEST_F(Promises, ASetupThatTakesLongerThanTheIdlenessThatIsAskedForIsActivity) {
  const auto task = write("t.yaml", "setup: sleep 9\nrun: echo ran after all\n");
  const auto launched = run({"launch", "-c", "a", "-i", "1s", "--down", task});
  EXPECT_EQ(launched.exit_code, 0) << launched.err;
  EXPECT_THAT(launched.out, HasSubstr("ran after all"));
}

TEST_F(Promises, WhatAFailedLaunchLeftUndoneIsDoneByTheNext) {
  // Where the files are to go stands something else at first, so that they cannot be sent.
  const auto gate = write("gate", "no folder");
  write("data/x.txt", "the data");
  const auto task = write("t.yaml", fmt::format("file_mounts: {{{}/data: {}}}\nsetup: echo set up\nrun: cat {}/data/x.txt\n", gate,
                                                (folder_ / "data").string(), gate));
  const auto failed = run({"launch", "-c", "a", task});
  EXPECT_NE(failed.exit_code, 0);
  EXPECT_THAT(failed.err, HasSubstr(gate));
  fs::remove(gate);
  const auto launched = run({"launch", "-c", "a", task});
  EXPECT_EQ(launched.exit_code, 0) << launched.err;
  EXPECT_THAT(launched.out, AllOf(HasSubstr("set up"), HasSubstr("the data")));
}

TEST_F(Promises, WhatIsDeletedHereIsGoneThereAlsoAfterDownAndRelaunch) {
  write("w/kept.txt", "1");
  write("w/deleted.txt", "1");
  const auto task = write("t.yaml", fmt::format("workdir: {}\nrun: ls\n", (folder_ / "w").string()));
  EXPECT_THAT(ok({"launch", "-c", "a", task}), HasSubstr("deleted.txt"));
  fs::remove(folder_ / "w" / "deleted.txt");
  ok({"down", "-y", "a"});
  EXPECT_THAT(ok({"launch", "-c", "a", task}), AllOf(HasSubstr("kept.txt"), testing::Not(HasSubstr("deleted.txt"))));
}

TEST_F(Promises, AJobThatKillsWhatWatchesItEndsAloneAndTheNextOneRuns) {
  const auto killed = run({"launch", "-c", "a", "kill -9 $PPID; sleep 1"});
  EXPECT_EQ(killed.exit_code, 100) << killed.err;
  EXPECT_THAT(ok({"exec", "a", "echo still here"}), HasSubstr("still here"));
}

}  // namespace
}  // namespace isobar::e2e
