// The page of `isobar features demo` in a real browser, where there is one.

#include <gmock/gmock.h>

#include "base/child.h"
#include "cli.h"

namespace isobar::e2e {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string browser() {
  for (const char* name : {"chromium", "chromium-browser", "google-chrome"})
    if (const auto told = run_child({name, "--version"}, "", 30s); told.ok() && told->exit_code == 0) return name;
  return "";
}

class FeaturesDemoPage : public CliTest {};

TEST_F(FeaturesDemoPage, IsDrawnInABrowserAndFollowsTheStore) {
  const std::string chromium = browser();
  if (chromium.empty()) GTEST_SKIP() << "no browser is there: apt-get install chromium";
  const auto demo = start({"features", "demo", "--port", "0", "--redis-port", "0", "--speed", "100"});
  // Until some hours have passed, so that there is a curve to draw.
  ASSERT_TRUE(eventually([&] { return demo->out_so_far().find("\nhour ") != std::string::npos; })) << demo->out_so_far();
  const std::string said = demo->out_so_far();
  const std::size_t at = said.find("http://127.0.0.1:");
  ASSERT_NE(at, std::string::npos) << said;
  const std::string page = said.substr(at, said.find_first_of(" \n", at) - at);
  const auto shown = run_child({chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                                "--user-data-dir=" + (folder_ / "profile").string(), "--virtual-time-budget=5000", "--dump-dom", page},
                               "", 60s);
  ASSERT_TRUE(shown.ok()) << shown.error().message();
  const std::string& dom = shown->out;
  EXPECT_THAT(dom, HasSubstr("UTC, hour "));      // demo.js asked the store
  EXPECT_THAT(dom, HasSubstr("<canvas"));         // the chart was drawn
  EXPECT_THAT(dom, HasSubstr("TravelTime_387"));  // the table has the machines
  EXPECT_THAT(dom, HasSubstr("redis-cli"));       // what to type
  EXPECT_THAT(dom, Not(HasSubstr("does not answer")));
  EXPECT_THAT(dom, Not(HasSubstr("class=\"error\">–<")));  // numbers are in their places
  demo->signal(SIGTERM);
  EXPECT_EQ(demo->wait().exit_code, 0);
}

}  // namespace
}  // namespace isobar::e2e
