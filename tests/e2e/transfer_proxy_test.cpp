// Stores behind a proxy, as in networks that let nothing else out: the store's name is known to the proxy alone.

#include <gmock/gmock.h>

#include "cli.h"
#include "proxy_for_tests.h"
#include "s3_server.h"

namespace isobar::e2e {
namespace {

using testing::AllOf;
using testing::Each;
using testing::HasSubstr;
using testing::Not;

class TransferProxy : public CliTest {
 protected:
  void SetUp() override {
    CliTest::SetUp();
    const std::string endpoint = server_.endpoint();
    environment_ = {{"AWS_ACCESS_KEY_ID", "id"},
                    {"AWS_SECRET_ACCESS_KEY", "secret"},
                    {"AWS_REGION", "us-east-1"},
                    {"AWS_ENDPOINT_URL", "http://store.test" + endpoint.substr(endpoint.rfind(':'))},
                    {"AWS_CONFIG_FILE", "/dev/null"},
                    {"AWS_SHARED_CREDENTIALS_FILE", "/dev/null"},
                    {"NO_PROXY", ""},
                    {"no_proxy", ""},
                    {"http_proxy", proxy_.authority()}};
    write("src/a", "hello");
  }
  std::vector<std::string> copy() const { return {"cp", "-r", (folder_ / "src").string(), "s3://bucket/p"}; }

  faults::S3Server server_;
  net::ProxyForTests proxy_;
  std::map<std::string, std::string> environment_;
};

TEST_F(TransferProxy, ACopyGoesByTheProxyOfTheEnvironment) {
  ok(copy(), environment_);
  EXPECT_EQ(server_.objects().at("p/a").bytes, "hello");
  EXPECT_FALSE(proxy_.asked().empty());
  EXPECT_THAT(proxy_.asked(), Each(HasSubstr(" http://store.test:")));
}

TEST_F(TransferProxy, ExceptionsAreReachedDirectly) {
  environment_["NO_PROXY"] = ".test";
  const auto outcome = run(copy(), environment_);
  EXPECT_NE(outcome.exit_code, 0);
  EXPECT_THAT(outcome.err, HasSubstr("look up store.test"));
  EXPECT_TRUE(proxy_.asked().empty());
}

TEST_F(TransferProxy, AProxyThatAsksForAPasswordIsNamed) {
  proxy_.authorization = "Basic dTpw";
  const auto outcome = run(copy(), environment_);
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("the proxy " + proxy_.authority() + " of http_proxy"), HasSubstr("(407)")));
  EXPECT_EQ(server_.objects().size(), 0U);
  environment_["http_proxy"] = "http://u:p@" + proxy_.authority();
  ok(copy(), environment_);
}

TEST_F(TransferProxy, AProxyThatIsNotThereIsNamedWithoutItsPassword) {
  environment_["http_proxy"] = "http://u:hidden@127.0.0.1:1";
  const auto outcome = run({"ls", "s3://bucket/"}, environment_);
  EXPECT_NE(outcome.exit_code, 0);
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("the proxy 127.0.0.1:1 of http_proxy"), HasSubstr("refused"), Not(HasSubstr("hidden"))));
}

}  // namespace
}  // namespace isobar::e2e
