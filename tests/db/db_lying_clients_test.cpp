// Clients that lie to real replicas, beside tellers of a bank who do not: those go on, and the money stays what it was.

#include <gmock/gmock.h>

#include "bank.h"
#include "db_cluster.h"

namespace isobar::e2e {
namespace {

struct Attack {
  const char* name;
  int accounts;                                         // that they are at
  bool (*happened)(const boost::json::object& report);  ///< else nothing was tested
};

std::int64_t count(const boost::json::object& report, const char* what) { return report.at(what).as_int64(); }

class DbLyingClients : public DbProcesses, public testing::WithParamInterface<Attack> {
 protected:
  /// Two clients, who move values about between the bank's own accounts.
  std::unique_ptr<Running> start_liars(const Attack& attack) {
    auto liars = std::make_unique<Running>(
        std::vector<std::string>{DB_LYING_CLIENT, attack.name, member("client-5"), member("client-6"), "--keys",
                                 std::to_string(attack.accounts), "--pairs", "2", "--at-once", "1", "--seed", "9"},
        folder_, std::map<std::string, std::string>{});
    EXPECT_TRUE(eventually([&] { return liars->out_so_far().find("clients lie") != std::string::npos; }));
    return liars;
  }
  /// What they did, once they are told to stop.
  static boost::json::object report_of(Running& liars) {
    liars.signal(SIGTERM);
    const auto ended = liars.wait();
    EXPECT_EQ(ended.exit_code, 0) << ended.err;
    return boost::json::parse(ended.out.substr(ended.out.find('{'))).as_object();
  }
};

TEST_P(DbLyingClients, CorrectOnesGoOnAndTheMoneyStays) {
  start_replicas();
  const auto first = session("client-1");
  ASSERT_TRUE(Bank(*first).fill().ok());
  OpenBank bank([&](int teller) { return session("client-" + std::to_string(teller + 2)); });
  ASSERT_TRUE(eventually([&] { return bank.committed() > 0; }));
  const auto liars = start_liars(GetParam());
  std::this_thread::sleep_for(1s);  // by then they are at it
  const int transfers = bank.committed(), sums = bank.seen();
  EXPECT_TRUE(eventually([&] { return bank.committed() >= transfers + 20 && bank.seen() > sums; }, 60s))
      << bank.committed() - transfers << " transfers and " << bank.seen() - sums << " sums";
  const auto report = report_of(*liars);
  EXPECT_TRUE(GetParam().happened(report)) << boost::json::serialize(report);
  bank.close();
  EXPECT_EQ(bank.wrong(), 0);
  // What they have left half-done stands in nobody's way, nor do reads that they have not taken back.
  for (int account = 0; account < Bank::kAccounts; ++account)
    EXPECT_TRUE(eventually([&] { return Bank(*first).transfer(account, (account + 1) % Bank::kAccounts, 1).ok(); }, 60s)) << account;
  Result<int> total = unavailable("not yet");
  EXPECT_TRUE(eventually([&] { return (total = Bank(*first).total()).ok(); }, 60s));
  EXPECT_EQ(total.value_or(0), Bank::kMoney);
  printf("%d transfers, %d sums; %s\n", bank.committed() - transfers, bank.seen() - sums, boost::json::serialize(report).c_str());
}

INSTANTIATE_TEST_SUITE_P(
    Attacks, DbLyingClients,
    testing::Values(
        Attack{"stall-prepare", 6, [](const auto& report) { return count(report, "withheld") > 0; }},
        Attack{"stall-log", 6, [](const auto& report) { return count(report, "withheld") > 0; }},
        Attack{"withhold", 6, [](const auto& report) { return count(report, "withheld") > 0 && count(report, "committed") > 0; }},
        Attack{"equivocate", 6, [](const auto& report) { return count(report, "split") > 0; }},
        Attack{"far-future", 6, [](const auto& report) { return count(report, "refused") > 0 && count(report, "committed") == 0; }},
        // Who is always ahead by as much as replicas allow slows down writers of the same accounts, to a few transfers a minute; it holds
        // off nobody else, and nothing is wrong.
        Attack{"clock-bound", 2, [](const auto& report) { return count(report, "committed") > 0; }},
        Attack{"read-flood", 6, [](const auto& report) { return count(report, "withheld") > 0 && count(report, "reads") > 0; }}),
    [](const auto& attack) {
      std::string name = attack.param.name;
      name.erase(std::remove(name.begin(), name.end(), '-'), name.end());
      return name;
    });

}  // namespace
}  // namespace isobar::e2e
