#include "exec_channels.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/child.h"

namespace isobar::cloud {
namespace {

using testing::HasSubstr;

TEST(ExecChannels, TheFirstByteOfAMessageIsItsChannel) {
  EXPECT_EQ(exec_message(ExecChannel::kInput, "ab"), std::string("\0ab", 3));
  const auto heard = parse_exec_message("\x02oops").value();
  EXPECT_EQ(heard.channel, ExecChannel::kErrors);
  EXPECT_EQ(heard.payload, "oops");
  EXPECT_EQ(parse_exec_message("\x01")->payload, "") << "v4 opens each channel with an empty message";
  EXPECT_EQ(parse_exec_message("").error().code(), Code::kDataLoss);
  EXPECT_EQ(parse_exec_message("\x07x").error().code(), Code::kDataLoss);
  EXPECT_EQ(parse_exec_message(std::string_view("\0x", 2)).error().code(), Code::kDataLoss);
}

TEST(ExecChannels, TheStatusHoldsTheExitCode) {
  EXPECT_EQ(parse_exec_status("{\"metadata\":{},\"status\":\"Success\"}").value(), 0);
  EXPECT_EQ(parse_exec_status("{\"status\":\"Failure\",\"message\":\"command terminated with non-zero exit code: 3\",\"reason\":"
                              "\"NonZeroExitCode\",\"details\":{\"causes\":[{\"reason\":\"ExitCode\",\"message\":\"3\"}]}}")
                .value(),
            3);
  EXPECT_THAT(
      parse_exec_status("{\"status\":\"Failure\",\"message\":\"container not found\",\"reason\":\"InternalError\"}").error().message(),
      HasSubstr("container not found"));
  EXPECT_FALSE(parse_exec_status("{\"status\":\"Failure\",\"reason\":\"NonZeroExitCode\"}").ok());
  EXPECT_FALSE(parse_exec_status("no").ok());
}

TEST(ExecChannels, InputOfKnownLengthEndsByItselfThoughMoreMayCome) {
  const auto command = with_input_of(5, "cat; echo \" it's done\"; exit 7");
  const auto said = run_child({"/bin/sh", "-c", command}, "hello and more", std::chrono::seconds(10)).value();
  EXPECT_EQ(said.out, "hello it's done\n");
  EXPECT_EQ(said.exit_code, 7);
}

}  // namespace
}  // namespace isobar::cloud
