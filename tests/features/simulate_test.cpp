// `isobar features simulate` as its users run it: on the trace that is shipped, on files of their own, and wrongly.

#include <gmock/gmock.h>

#include <boost/json.hpp>

#include "cli.h"

namespace isobar::e2e {
namespace {

using testing::HasSubstr;

const std::string kNab = std::string(ISOBAR_SOURCE_DIR) + "/examples/features/nab";

class FeaturesSimulate : public CliTest {
 protected:
  std::vector<std::string> command(std::vector<std::string> words) {
    words.insert(words.begin(), {"features", "simulate"});
    return words;
  }
  boost::json::object answer(std::vector<std::string> words) {
    words.emplace_back("--json");
    return boost::json::parse(ok(command(std::move(words)))).as_object();
  }
  std::string problem(std::vector<std::string> words) {
    const auto failed = run(command(std::move(words)));
    EXPECT_EQ(failed.exit_code, 2) << failed.out;
    return failed.err;
  }
};

double error_of(const boost::json::object& simulation, std::string_view policy, std::size_t point) {
  for (const auto& curve : simulation.at("curves").as_array())
    if (curve.at("policy").as_string() == policy) return curve.at("points").at(point).at("error").to_number<double>();
  ADD_FAILURE() << policy;
  return 0;
}

TEST_F(FeaturesSimulate, OnTheTraceThatIsShippedRegretLeavesLessErrorThanTheOthers) {
  const auto simulation = answer({kNab, "--policies", "regret,round-robin,fifo", "--budgets", "0.25,0.5"});
  EXPECT_EQ(simulation.at("keys"), 10);
  for (const std::size_t point : {0U, 1U}) {
    const double regret = error_of(simulation, "regret", point);
    EXPECT_LT(regret, error_of(simulation, "round-robin", point));
    EXPECT_LT(regret, error_of(simulation, "fifo", point));
    EXPECT_GT(regret, simulation.at("always").to_number<double>());
  }
  EXPECT_EQ(answer({kNab, "--budgets", "0.25,0.5"}), simulation) << "the same again, and those are the policies by default";
}

TEST_F(FeaturesSimulate, EveryPolicyAndFeaturizerHasATableAndTheCurvesAFile) {
  const std::string csv = (folder_ / "curves.csv").string();
  for (const char* featurizer : {"stl-arima", "ets", "seasonal"}) {
    const std::string text =
        ok(command({kNab, "--featurizer", featurizer, "--policies", "all", "--budgets", "0.5,2", "--queries", "zipf", "--csv", csv}));
    EXPECT_THAT(text, HasSubstr("b=0.5"));
    EXPECT_THAT(text, HasSubstr("EXCESS OVER fifo REMOVED"));
    EXPECT_THAT(*read_file(csv), HasSubstr("query-proportional,2,"));
  }
}

TEST_F(FeaturesSimulate, APlotIsDrawnOrItIsSaidHow) {
  const std::string plot = (folder_ / "curves.svg").string();
  const auto done = run(command({kNab, "--budgets", "0.5", "--plot", plot}));
  if (done.exit_code == 0) EXPECT_THAT(*read_file(plot), HasSubstr("</svg>"));
  else EXPECT_THAT(done.err, HasSubstr("apt-get install gnuplot-nox"));
  const auto without = run(command({kNab, "--budgets", "0.5", "--plot", plot}), {{"PATH", "/nowhere"}});
  EXPECT_EQ(without.exit_code, 1);
  EXPECT_THAT(without.out, HasSubstr("b=0.5")) << "the table is there all the same";
  EXPECT_THAT(without.err, HasSubstr("apt-get install gnuplot-nox"));
}

TEST_F(FeaturesSimulate, RatingsAreARidgeVectorForEachUser) {
  std::string text = "user,film,stars,at\n";
  for (int i = 0; i < 600; ++i)
    text += std::to_string(i % 7) + ",f" + std::to_string(i % 11) + "," + std::to_string(1 + (i % 7 + i % 11) % 5) + "," +
            std::to_string(60 * i) + "\n";
  const std::string file = write("ratings.csv", text);
  const auto simulation = answer({file, "--featurizer", "ridge", "--factors", "4", "--key-column", "user", "--item-column", "film",
                                  "--value-column", "stars", "--time-column", "at", "--policies", "regret", "--budgets", "0.5,5"});
  EXPECT_EQ(simulation.at("answers"), 300);
  EXPECT_NEAR(error_of(simulation, "regret", 1), simulation.at("always").to_number<double>(), 1e-9);
}

TEST_F(FeaturesSimulate, BadInputNamesThePlaceAndTheMend) {
  const std::string bad = write("bad.csv", "key,time,value\na,2026-01-01,1\na,2026-01-02,many\n");
  EXPECT_THAT(problem({bad}), HasSubstr("bad.csv:3: 'many' is no finite number; leave the row out"));
  EXPECT_THAT(problem({write("c.csv", "id,time,value\n1,1,1\n")}),
              HasSubstr("c.csv:1: there is no column 'key' among id, time, value; name yours by --key-column"));
  EXPECT_THAT(problem({kNab, "--policies", "regert"}), HasSubstr("did you mean 'regret'"));
  EXPECT_THAT(problem({kNab, "--budgets", "0.5,much"}), HasSubstr("--budgets: 'much' is no number"));
  EXPECT_THAT(problem({kNab, "--budgets", "0"}), HasSubstr("budget of 0"));
  EXPECT_THAT(problem({kNab, "--plot", "curves.gif"}), HasSubstr("plots are .svg or .png"));
  EXPECT_THAT(problem({kNab, "--step", "soon"}), HasSubstr("--step"));
  EXPECT_THAT(problem({kNab, "--window", "30"}), HasSubstr("give at least 48"));
  EXPECT_THAT(problem({kNab, "--for", "9000h"}), HasSubstr("no key has values over"));
  EXPECT_THAT(problem({kNab, "--featurizer", "ridge"}), HasSubstr("no column 'item'"));
  EXPECT_THAT(problem({kNab, "--featurizer", "prophet"}), HasSubstr("prophet"));
  EXPECT_THAT(problem({kNab, "--max-staleness", "2h", "--policies", "fifo"}), HasSubstr("looks at events, not at keys"));
  EXPECT_THAT(problem({(folder_ / "none.csv").string()}), HasSubstr("none.csv"));
}

}  // namespace
}  // namespace isobar::e2e
