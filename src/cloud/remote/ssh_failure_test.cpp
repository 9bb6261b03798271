#include "ssh_failure.h"

#include <gmock/gmock.h>

namespace isobar::cloud {
namespace {

using testing::HasSubstr;

const SshTarget kHost{"gpu1", "ada", "", 0};

TEST(SshFailure, EachHasItsMend) {
  struct Row {
    const char* said;
    Code code;
    const char* sentence;
  };
  for (const Row& row : {
           Row{"@@@\n@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nHost key verification failed.\n", Code::kPermissionDenied,
               "ssh-keygen -R gpu1"},
           Row{"No ED25519 host key is known for gpu1\nHost key verification failed.\n", Code::kPermissionDenied, "--accept-new-host-keys"},
           Row{"ada@gpu1: Permission denied (publickey).\n", Code::kPermissionDenied, "does not let you in"},
           Row{"ssh: Could not resolve hostname gpu1: Name or service not known\n", Code::kUnavailable, "no machine named ada@gpu1"},
           Row{"ssh: connect to host 10.0.0.7 port 22: Connection refused\n", Code::kUnavailable, "has no SSH server"},
           Row{"ssh: connect to host 10.0.0.7 port 22: Connection timed out\n", Code::kUnavailable, "does not answer"},
           Row{"Connection closed by UNKNOWN port 65535\n", Code::kUnavailable, "closed the connection"},
           Row{"mux_client_request_session: read from master failed: Broken pipe\n", Code::kUnavailable, "broke"},
       }) {
    const auto failure = ssh_failure(kHost, 255, row.said);
    ASSERT_TRUE(failure) << row.said;
    EXPECT_EQ(failure->code(), row.code) << row.said;
    EXPECT_THAT(failure->message(), HasSubstr(row.sentence));
  }
}

TEST(SshFailure, ACommandThatFailsIsNoFailureOfSsh) {
  EXPECT_FALSE(ssh_failure(kHost, 1, "Permission denied"));
  EXPECT_FALSE(ssh_failure(kHost, 255, "the job's own words"));
  EXPECT_FALSE(ssh_failure(kHost, 0, ""));
}

TEST(LocalShell, GivesOutputExitCodeAndTheWordsOfErrors) {
  LocalShell shell;
  const auto said = shell.run("cat; echo bad >&2; exit 3", "fed", std::chrono::seconds(10));
  ASSERT_TRUE(said.ok());
  EXPECT_EQ(said->out, "fed");
  EXPECT_EQ(said->err, "bad\n");
  EXPECT_EQ(said->exit_code, 3);
}

TEST(LocalShell, ACommandWithoutEndIsEnded) {
  LocalShell shell;
  const auto said = shell.run("sleep 600", {}, std::chrono::milliseconds(100));
  ASSERT_FALSE(said.ok());
  EXPECT_EQ(said.error().code(), Code::kDeadlineExceeded);
}

TEST(LocalShell, MoreInputThanIsReadIsDropped) {
  LocalShell shell;
  const auto said = shell.run("head -c 3", std::string(1 << 20, 'x'), std::chrono::seconds(10));
  ASSERT_TRUE(said.ok()) << said.error().message();
  EXPECT_EQ(said->out, "xxx");
}

}  // namespace
}  // namespace isobar::cloud
