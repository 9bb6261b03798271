// `isobar features plan` as its users run it: on the definitions that are shipped, on changed ones, and wrongly.

#include <gmock/gmock.h>

#include <boost/json.hpp>

#include "base/child.h"
#include "cli.h"

namespace isobar::e2e {
namespace {

using testing::AllOf;
using testing::HasSubstr;

const std::string kExamples = std::string(ISOBAR_SOURCE_DIR) + "/examples/features/";

class FeaturesPlan : public CliTest {
 protected:
  std::string plan(std::vector<std::string> words) {
    words.insert(words.begin(), {"features", "plan"});
    return ok(words);
  }
  std::string problem(std::vector<std::string> words) {
    words.insert(words.begin(), {"features", "plan"});
    const auto failed = run(words);
    EXPECT_EQ(failed.exit_code, 2) << failed.out;
    EXPECT_EQ(failed.out, "");
    return failed.err;
  }
  /// The shop that is shipped, with one text in the place of another.
  std::string shop(std::string_view from, std::string_view to) {
    std::string text = *read_file(kExamples + "shop.yaml");
    const std::size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return write("shop.yaml", text.replace(at, from.size(), to));
  }
};

TEST_F(FeaturesPlan, WhatIsShippedIsSoundAndAllOfItIsNew) {
  EXPECT_THAT(plan({kExamples + "shop.yaml"}), AllOf(HasSubstr("+ feature spending:spent_24h float64"), HasSubstr("0 dropped")));
  EXPECT_THAT(plan({kExamples + "machines.yaml"}), HasSubstr("+ feature load:forecast float64[]"));
}

TEST_F(FeaturesPlan, TheCanonicalFormIsADefinitionAndNoChange) {
  const std::string canonical = plan({kExamples + "shop.yaml", "--canonical"});
  const std::string applied = write("applied.yaml", canonical);
  EXPECT_TRUE(plan({applied, "--canonical"}) == canonical);
  EXPECT_THAT(plan({kExamples + "shop.yaml", "--against", applied}), HasSubstr("shop: no changes"));
}

TEST_F(FeaturesPlan, WhatIsWrittenInPythonIsTheSameDefinition) {
  const auto written =
      run_child({"env", "PYTHONPATH=" + std::string(ISOBAR_SOURCE_DIR) + "/python", "python3", kExamples + "shop.py"}, "", 60s);
  ASSERT_TRUE(written.ok()) << written.error().message();
  ASSERT_EQ(written->exit_code, 0) << written->err;
  EXPECT_TRUE(plan({write("python.yaml", written->out), "--canonical"}) == plan({kExamples + "shop.yaml", "--canonical"}));
}

TEST_F(FeaturesPlan, AChangeSaysWhatBecomesOfTheData) {
  const std::string changed = shop("ttl: 90d", "ttl: none");
  EXPECT_THAT(plan({changed, "--against", kExamples + "shop.yaml"}), AllOf(HasSubstr("~ view spending"), HasSubstr("ttl: 90d -> none")));
  const auto json = boost::json::parse(plan({changed, "--against", kExamples + "shop.yaml", "--json"})).as_object();
  EXPECT_EQ(json.at("changes").as_array().size(), 1U);
  EXPECT_EQ(json.at("changes").at(0).at("data"), "kept");
}

TEST_F(FeaturesPlan, BadInputNamesThePlaceAndTheMend) {
  EXPECT_THAT(problem({shop("sum(amount) over 1h, 24h, 30d", "sun(amount) over 1h")}),
              AllOf(HasSubstr("shop.yaml:"), HasSubstr("views.spending.features.spent: there is no aggregate 'sun'; did you mean sum?")));
  EXPECT_THAT(problem({shop("last_amount: amount", "last_amount: currency"), "--against", kExamples + "shop.yaml"}),
              HasSubstr("it was float64 and would be string, under the same name"));
  EXPECT_THAT(problem({kExamples + "shop.yaml", "--against", kExamples + "machines.yaml"}), HasSubstr("compare within one project"));
  EXPECT_THAT(problem({kExamples + "shop.yaml", "--against", (folder_ / "none.yaml").string()}), HasSubstr("none.yaml"));
  EXPECT_THAT(problem({kExamples + "shop.yaml", "--json", "--canonical"}), HasSubstr("--canonical"));
}

}  // namespace
}  // namespace isobar::e2e
