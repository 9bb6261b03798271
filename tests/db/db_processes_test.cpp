// The database as its users run it: `isobar db init`, six replicas as processes, clients over real connections; replicas are killed with
// SIGKILL again and again, one lies, and a bank's money stays what it was.

#include <gmock/gmock.h>

#include <sys/wait.h>

#include <functional>
#include <thread>

#include "bank.h"
#include "db/ed25519_scheme.h"
#include "db/evidence_file.h"
#include "db_cluster.h"

namespace isobar::e2e {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST_F(DbProcesses, WhatOneClientWritesAnotherReads) {
  start_replicas();
  EXPECT_EQ(kv("client-1", {"put", "greeting", "hello", "there"}).exit_code, 0);
  EXPECT_EQ(kv("client-2", {"get", "greeting"}).out, "hello there\n");
  EXPECT_EQ(kv("client-2", {"del", "greeting"}).exit_code, 0);
  EXPECT_EQ(kv("client-1", {"get", "greeting"}).out, "(none)\n");
  const auto wrong = kv("client-1", {"frobnicate"});
  EXPECT_EQ(wrong.exit_code, 2);
  EXPECT_THAT(wrong.err, HasSubstr("there are begin, get KEY"));
}

// Orders among sessions that know nothing of one another are their clocks'; who has the other's token comes after it.
TEST_F(DbProcesses, WhoHasAnothersTokenComesAfterIt) {
  start_replicas();
  const auto first = session("client-1"), second = session("client-2");
  const auto tx = first->begin();
  ASSERT_TRUE(first->put(tx, "a", "1").ok());
  ASSERT_TRUE(first->commit(tx, 20s).ok());
  const std::uint64_t token = first->token();
  ASSERT_TRUE(second->come_after(token).ok());
  EXPECT_GT(second->token(), token - 1);
  EXPECT_EQ(second->get(second->begin(), "a", 20s).value(), "1");
  EXPECT_FALSE(second->come_after(token + 3'600'000'000'000).ok());
  const auto printed = kv("client-1", {"token"});
  EXPECT_EQ(run({"db", "kv", member("client-2"), "--after", printed.out.substr(0, printed.out.size() - 1), "get", "a"}).out, "1\n");
  EXPECT_THAT(run({"db", "kv", member("client-2"), "--after", "9999999999999999999", "get", "a"}).err, HasSubstr("--after"));
}

TEST_F(DbProcesses, AllOfThemKilledAtOnceForgetNothing) {
  start_replicas();
  for (int i = 0; i < 5; ++i) ASSERT_EQ(kv("client-1", {"put", "k" + std::to_string(i), std::to_string(i)}).exit_code, 0);
  for (int i = 0; i < 6; ++i) kill_replica(i);
  start_replicas();
  for (int i = 0; i < 5; ++i) EXPECT_EQ(kv("client-2", {"get", "k" + std::to_string(i)}).out, std::to_string(i) + "\n");
}

TEST_F(DbProcesses, TooFewReplicasSayWhichAreMissing) {
  start_replicas(3);
  const auto failed = run({"db", "kv", member("client-1"), "--timeout", "1s", "put", "a", "1"});
  EXPECT_EQ(failed.exit_code, 1);
  EXPECT_THAT(failed.err, HasSubstr("not connected: replica 0.3 (127.0.0.1:" + std::to_string(port_ + 3) + ")"));
}

// Its own client program would let it in: it is the replicas that do not.
TEST_F(DbProcesses, WhoIsNoMemberIsNotHeard) {
  start_replicas();
  ok({"db", "init", (folder_ / "other").string(), "--port", std::to_string(port_)});
  const auto other = db::read_cluster(folder_ / "other" / "cluster.yaml");
  auto stranger = db::Session::open(db::read_cluster(cluster() / "cluster.yaml").value(),
                                    db::read_secret(folder_ / "other" / "client-1" / "secret.yaml", *other).value())
                      .value();
  EXPECT_EQ(stranger->get(stranger->begin(), "a", 1s).error().code(), Code::kDeadlineExceeded);
  EXPECT_EQ(kv("client-1", {"put", "a", "1"}).exit_code, 0);
}

TEST_F(DbProcesses, ATransactionWhoseReadWasGivenUpIsAbortedNotCommitted) {
  start_replicas(1);
  const auto own = session("client-1");
  const auto tx = own->begin();
  EXPECT_EQ(own->get(tx, "a", 300ms).error().code(), Code::kDeadlineExceeded);
  ASSERT_TRUE(own->put(tx, "b", "1").ok());
  const auto committed = own->commit(tx, 1s);
  ASSERT_FALSE(committed.ok());
  EXPECT_EQ(committed.error().code(), Code::kConflict);
  EXPECT_THAT(committed.error().message(), HasSubstr("'a' was asked for and not read"));
}

TEST_F(DbProcesses, AReplicaWhoseLogIsDamagedDoesNotStart) {
  start_replicas();
  for (int i = 0; i < 3; ++i) ASSERT_EQ(kv("client-1", {"put", "a", std::to_string(i)}).exit_code, 0);
  kill_replica(2);
  const fs::path file = cluster() / "replica-0.2" / "votes-000001.log";
  std::string log = read_file(file).value();
  log[log.size() / 3] = static_cast<char>(log[log.size() / 3] ^ 1);
  ASSERT_TRUE(write_file(file, log).ok());
  const auto refused = run({"db", "replica", member("replica-0.2")});
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_THAT(refused.err, HasSubstr("is damaged at byte"));
  EXPECT_EQ(kv("client-2", {"get", "a"}).out, "2\n");
}

TEST_F(DbProcesses, AReplicaThatWasAwayCatchesUpByItself) {
  start_replicas();
  kill_replica(2);
  const auto client = session("client-1");
  constexpr int kMissed = 30;
  for (int i = 0; i < kMissed; ++i) {
    const auto tx = client->begin();
    ASSERT_TRUE(client->put(tx, "key" + std::to_string(i), std::to_string(i)).ok());
    ASSERT_TRUE(client->commit(tx, 20s).ok());
  }
  start_replica(2);
  EXPECT_TRUE(eventually(
      [&] {
        for (const auto& status : client->status(5s))
          if (status.replica.index == 2) return status.reply && status.reply->caught_up == kMissed;
        return false;
      },
      60s));
  // What it caught up with is on its disk, as after any decision.
  kill_replica(2);
  start_replica(2);
  const auto again = client->begin();
  EXPECT_EQ(client->get(again, "key7", 20s).value(), "7");
}

TEST_F(DbProcesses, WhoContradictsItselfIsShownWithTheProof) {
  const auto file = db::read_cluster(cluster() / "cluster.yaml").value();
  const auto secret = db::read_secret(cluster() / "replica-0.5" / "secret.yaml", file).value();
  const auto liar = std::get<db::ReplicaId>(secret.self);
  const db::Ed25519Signer key(secret.key);
  const auto vote = [&](db::Outcome outcome) {
    const db::VoteStatement statement{db::TxId{}, outcome};
    return db::Vote{liar, statement, db::sign_alone(statement, liar, file.membership.epoch, key)};
  };
  EXPECT_THAT(ok({"db", "evidence", member("client-1")}), HasSubstr("Nothing"));
  auto kept = db::EvidenceFile::open(cluster() / "client-1" / "evidence.log").value();
  ASSERT_TRUE(kept.add(db::TwoVotes{vote(db::Outcome::kCommit), vote(db::Outcome::kAbort)}, SystemClock().now()).ok());
  const std::string shown = ok({"db", "evidence", member("client-1")});
  EXPECT_THAT(shown, HasSubstr("replica 0.5"));
  EXPECT_THAT(shown, HasSubstr("voted both ways"));
  EXPECT_THAT(shown, HasSubstr("holds"));
  // By the keys of another cluster it proves nothing.
  ok({"db", "init", (folder_ / "other").string()});
  EXPECT_THAT(ok({"db", "evidence", member("client-1"), "--cluster", (folder_ / "other" / "cluster.yaml").string()}),
              HasSubstr("is not signed by the replica"));
}

TEST_F(DbProcesses, WhoMayNotReadOrWriteAKeyIsToldSo) {
  const fs::path yaml = cluster() / "cluster.yaml";
  std::string text = read_file(yaml).value();
  const std::string client = "  - {id: 2, ";
  ASSERT_NE(text.find(client), std::string::npos);
  ASSERT_TRUE(write_file(yaml, text.replace(text.find(client), client.size(), client + "read: [public/], write: [public/in/], ")).ok());
  start_replicas();
  EXPECT_EQ(kv("client-1", {"put", "public/news", "hello"}).exit_code, 0);
  EXPECT_EQ(kv("client-1", {"put", "secret/plan", "none"}).exit_code, 0);
  EXPECT_EQ(kv("client-2", {"get", "public/news"}).out, "hello\n");
  EXPECT_EQ(kv("client-2", {"put", "public/in/letter", "dear all"}).exit_code, 0);
  for (const auto& words :
       {std::vector<std::string>{"get", "secret/plan"}, {"put", "public/news", "false"}, {"put", "secret/plan", "mine"}}) {
    const Outcome refused = kv("client-2", words);
    EXPECT_NE(refused.exit_code, 0);
    EXPECT_THAT(refused.err, HasSubstr("its rights are in cluster.yaml"));
  }
  EXPECT_EQ(kv("client-1", {"get", "public/news"}).out, "hello\n");
}

/// Forgetting as fast as it is allowed to.
const std::vector<std::string> kForgetful = {"--grace", "2s", "--keep", "1s", "--checkpoint-every", "500ms"};

void put(db::Session& client, const std::string& key, const std::string& value) {
  const auto tx = client.begin();
  ASSERT_TRUE(client.put(tx, key, value).ok());
  ASSERT_TRUE(client.commit(tx, 20s).ok());
}

/// Goes on writing until `holds`, as an interval is closed when something is committed after it.
bool eventually_while_writing(db::Session& client, const std::function<bool()>& holds) {
  int n = 0;
  return eventually(
      [&] {
        put(client, "ticking", std::to_string(++n));
        return holds();
      },
      60s);
}

std::optional<db::StatusReply> reported_by(db::Session& client, std::uint32_t index) {
  for (const auto& status : client.status(5s))
    if (status.replica.index == index) return status.reply;
  return std::nullopt;
}

TEST_F(DbProcesses, WhatIsForgottenIsReadFromTheDiskAndAReplicaThatMissedItGetsIt) {
  replica_options_ = kForgetful;
  start_replicas();
  const auto client = session("client-1");
  put(*client, "before", "0");
  kill_replica(2);
  for (int i = 0; i < 40; ++i) put(*client, "key" + std::to_string(i), std::to_string(i));
  const auto written_by = static_cast<std::uint64_t>(SystemClock().now().unix_nanos());
  // Nobody remembers those one by one any more when it is back.
  const std::uint64_t kept_back = 3'000'000'000;
  ASSERT_TRUE(eventually_while_writing(*client, [&] {
    const auto status = reported_by(*client, 0);
    return status && status->stable > written_by + kept_back;
  }));
  start_replica(2);
  EXPECT_TRUE(eventually_while_writing(*client, [&] {
    const auto status = reported_by(*client, 2);
    return status && status->caught_up >= 40 && status->stable + 8'000'000'000 > status->clock;
  }));
  for (int i = 0; i < 6; ++i) kill_replica(i);
  start_replicas();
  const auto other = session("client-2");
  const auto tx = other->begin();
  for (int i = 0; i < 40; ++i) EXPECT_EQ(other->get(tx, "key" + std::to_string(i), 20s).value(), std::to_string(i));
  EXPECT_EQ(other->get(tx, "before", 20s).value(), "0");
  // What was written while the test waited is in memory still, until something is committed a little later.
  EXPECT_TRUE(eventually(
      [&] {
        put(*other, "ticking", "slowly");
        std::this_thread::sleep_for(300ms);
        return reported_by(*other, 0)->kept < 40;
      },
      60s));
}

TEST_F(DbProcesses, AReplicaWhoseStoreIsDamagedStopsAndSaysSo) {
  replica_options_ = kForgetful;
  start_replicas();
  const auto client = session("client-1");
  for (int i = 0; i < 20; ++i) put(*client, "key" + std::to_string(i), std::string(1000, 'v'));
  const auto written_by = static_cast<std::uint64_t>(SystemClock().now().unix_nanos());
  ASSERT_TRUE(eventually_while_writing(*client, [&] {
    const auto status = reported_by(*client, 2);
    return status && status->stable > written_by;
  }));
  kill_replica(2);
  int damaged = 0;
  for (const auto& entry : fs::directory_iterator(cluster() / "replica-0.2" / "settled")) {
    if (entry.path().extension() != ".log" && entry.path().extension() != ".sst") continue;
    std::string bytes = read_file(entry.path()).value();
    if (bytes.size() < 10'000) continue;
    bytes[bytes.size() / 8] = static_cast<char>(bytes[bytes.size() / 8] ^ 1);  // not in its last batch, which may be torn
    ASSERT_TRUE(write_file(entry.path(), bytes).ok());
    ++damaged;
  }
  ASSERT_GT(damaged, 0);
  const auto refused = run({"db", "replica", member("replica-0.2")});
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_THAT(refused.err, testing::AnyOf(HasSubstr("orrupt"), HasSubstr("is older than the log of votes says")));
  EXPECT_EQ(kv("client-2", {"get", "key7"}).out, std::string(1000, 'v') + "\n");
}

// ISOBAR_LONG=1: a thousand kills.
TEST_F(DbProcesses, ABankKeepsItsMoneyWhileOneReplicaLiesAndAnotherIsKilledAgainAndAgain) {
  const int kills = std::getenv("ISOBAR_LONG") ? 1000 : 50;
  replica_options_ = kForgetful;
  start_replicas(5);
  const pid_t liar = ::fork();
  if (liar == 0) {
    ::execl(DB_LIAR, DB_LIAR, member("replica-0.5").c_str(), "7", nullptr);
    ::_exit(127);
  }
  const auto first = session("client-1");
  ASSERT_TRUE(Bank(*first).fill().ok());
  OpenBank bank([&](int teller) { return session("client-" + std::to_string(teller + 2)); });
  // One that lies and one that is down are one too many for f=1: nothing goes forward then, and nothing may be wrong. When that one is
  // back all goes on, and after a moment comes the next.
  for (int i = 0; i < kills && !HasFatalFailure(); ++i) {
    std::this_thread::sleep_for(150ms);
    kill_replica(i % 5);
    start_replica(i % 5);
  }
  const int by_then = bank.committed();
  EXPECT_TRUE(eventually([&] { return bank.committed() > by_then + 5 && bank.seen() > 0; }, 60s));
  bank.close();
  EXPECT_EQ(bank.wrong(), 0);
  EXPECT_GT(bank.committed(), 20);
  Result<int> total = unavailable("not yet");
  EXPECT_TRUE(eventually([&] { return (total = Bank(*first).total()).ok(); }, 60s));
  EXPECT_EQ(total.value_or(0), Bank::kMoney);
  ::kill(liar, SIGKILL);
  ::waitpid(liar, nullptr, 0);
  std::string seen_to_lie;
  for (const auto* client : {"client-1", "client-2", "client-3", "client-4"}) seen_to_lie += ok({"db", "evidence", member(client)});
  for (const auto* honest : {"replica 0.0", "replica 0.1", "replica 0.2", "replica 0.3", "replica 0.4", "client ", "more than f"})
    EXPECT_THAT(seen_to_lie, Not(HasSubstr(honest)));
  printf("%d transfers, %d sums, %d kills\n", bank.committed(), bank.seen(), kills);
}

}  // namespace
}  // namespace isobar::e2e
