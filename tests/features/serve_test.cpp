// `isobar features serve` as its users run it, and before the clients that they have: curl, redis-cli, redis-py, ioredis, node-redis, and
// an unmodified Feast. Those that come from package registries belong to the long suite (ISOBAR_LONG=1).

#include <gmock/gmock.h>

#include <cstdlib>

#include "base/child.h"
#include "cli.h"

namespace isobar::e2e {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

const std::string kHere = std::string(ISOBAR_SOURCE_DIR) + "/tests/features/";

/// The port that stands behind the first loopback address after a mark.
std::string port_after(const std::string& text, std::string_view mark) {
  const std::string_view host = "127.0.0.1:";
  const std::size_t at = text.find(host, text.find(mark));
  if (at == std::string::npos) return "";
  const std::size_t begin = at + host.size();
  return text.substr(begin, text.find_first_not_of("0123456789", begin) - begin);
}

class FeaturesServe : public CliTest {
 protected:
  void serve(std::vector<std::string> more = {kHere + "shop.yaml"}) {
    std::vector<std::string> words = {"features", "serve", "--data", data(), "--port", "0", "--redis-port", "0"};
    words.insert(words.end(), more.begin(), more.end());
    server_ = start(words);
    const bool up = eventually([&] { return server_->out_so_far().find("Redis protocol at ") != std::string::npos; });
    ASSERT_TRUE(up) << server_->out_so_far();
    const std::string said = server_->out_so_far();
    http_ = port_after(said, "HTTP (Feast's) at ");
    redis_ = port_after(said, "Redis protocol at ");
  }
  void end(int signal) {
    server_->signal(signal);
    const Outcome ended = server_->wait();
    EXPECT_EQ(ended.exit_code, signal == SIGKILL ? 128 + SIGKILL : 0) << ended.err;
  }
  std::string data() const { return (folder_ / "data").string(); }

  /// What another program prints; it must be content.
  std::string run_other(const std::vector<std::string>& words, Duration deadline = 60s) {
    const auto done = run_child(words, "", deadline);
    EXPECT_TRUE(done.ok()) << done.error().message();
    if (!done.ok()) return "";
    EXPECT_EQ(done->exit_code, 0) << done->out << done->err;
    return done->out;
  }
  static bool there(const std::vector<std::string>& words) {
    const auto done = run_child(words, "", 60s);
    return done.ok() && done->exit_code == 0;
  }
  std::string curl(std::vector<std::string> words) {
    words.insert(words.begin(), {"curl", "-s", "-S"});
    return run_other(words);
  }
  std::string url(const std::string& path) const { return "http://127.0.0.1:" + http_ + path; }
  std::string redis(std::vector<std::string> words) {
    words.insert(words.begin(), {"redis-cli", "-p", redis_});
    return run_other(words);
  }
  void pay() {
    EXPECT_EQ(curl({"-d", R"({"push_source_name":"payments","df":{"user_id":[1001],"amount":[0.7],"at":["2026-11-28T06:00:00Z"]}})",
                    url("/push"), "-w", "%{http_code}"}),
              "200");
  }

  std::unique_ptr<Running> server_;
  std::string http_, redis_;
};

const std::string kOneAmount =
    R"({"results":[{"values":[1001],"statuses":["PRESENT"],"event_timestamps":["1970-01-01T00:00:00Z"]},)"
    R"({"values":[0.7],"statuses":["PRESENT"],"event_timestamps":["2026-11-28T06:00:00Z"]}],"metadata":{"feature_names":["user_id","amount"]}})";

/// Without a ttl, so that the answer is the same on every day.
constexpr std::string_view kTimeless = R"(project: shop
entities: {user: {keys: {user_id: int64}}}
sources: {payments: {kind: push, schema: {user_id: int64, amount: float64, at: timestamp}, timestamp: at}}
views: {spending: {source: payments, entity: user, features: {amount: }}}
)";

TEST_F(FeaturesServe, WhatItPrintsToAskIsAnsweredAndStaysOverEndsOfBothKinds) {
  if (!there({"curl", "--version"})) GTEST_SKIP() << "curl is not there";
  serve({write("timeless.yaml", std::string(kTimeless))});
  EXPECT_THAT(server_->out_so_far(),
              AllOf(HasSubstr("shop is served from"), HasSubstr("curl http://127.0.0.1:" + http_ + "/get-online-features"),
                    HasSubstr("redis-cli -p " + redis_ + " HGETALL spending:1001")));
  const std::vector<std::string> ask = {"-d", R"({"features":["spending:amount"],"entities":{"user_id":[1001]}})"};
  pay();
  for (const int signal : {SIGKILL, SIGTERM}) {
    EXPECT_EQ(curl({ask[0], ask[1], url("/get-online-features")}), kOneAmount);
    end(signal);
    serve({});
  }
  EXPECT_EQ(curl({ask[0], ask[1], url("/get-online-features")}), kOneAmount);
  EXPECT_THAT(curl({url("/metrics")}), HasSubstr("isobar_features_view_keys{view=\"spending\"} 1\n"));
  end(SIGINT);
}

TEST_F(FeaturesServe, TrainingSetsAreMadeOfWhatTheStoreTookIn) {
  if (!there({"curl", "--version"})) GTEST_SKIP() << "curl is not there";
  const std::string file = write("timeless.yaml", std::string(kTimeless));
  serve({file});
  pay();
  const std::string rows =
      write("rows.csv", "user_id,t\n1001,2026-11-28T05:59:59Z\n1001,2026-11-28T06:00:00Z\n1001,2200-01-01\n7,2200-01-01\n");
  const std::string out = (folder_ / "training.csv").string();
  const std::vector<std::string> ask = {"features",   "training-set", file,    "--features", "amount", "--time", "t",
                                        "--entities", rows,           "--out", out,          "--data", data()};
  EXPECT_NE(run(ask).exit_code, 0);  // it is being served
  end(SIGTERM);
  ok(ask);
  EXPECT_EQ(*read_file(out),
            "user_id,t,amount\n1001,2026-11-28T05:59:59Z,\n1001,2026-11-28T06:00:00Z,0.7\n1001,2200-01-01,0.7\n7,2200-01-01,\n");
  auto as_of_knowledge = ask;
  as_of_knowledge.emplace_back("--as-of-knowledge");
  ok(as_of_knowledge);  // it came today, whatever its time
  EXPECT_EQ(*read_file(out),
            "user_id,t,amount\n1001,2026-11-28T05:59:59Z,\n1001,2026-11-28T06:00:00Z,\n1001,2200-01-01,0.7\n7,2200-01-01,\n");
}

TEST_F(FeaturesServe, ADefinitionIsAppliedWhereItIsServedOrWhereItLies) {
  const std::string file = write("timeless.yaml", std::string(kTimeless));
  EXPECT_THAT(ok({"features", "apply", file, "--data", data()}), HasSubstr("+ feature spending:amount float64"));
  serve({});
  const std::string at = "http://127.0.0.1:" + http_;
  EXPECT_THAT(ok({"features", "apply", file, "--url", at}), HasSubstr("no changes"));
  std::string wider(kTimeless);
  wider.replace(wider.find("{amount: }"), 10, "{amount: , spent: sum(amount) over 1h}");
  EXPECT_THAT(ok({"features", "apply", write("wider.yaml", wider), "--url", at, "--json"}), HasSubstr("spending:spent"));
  const auto wrong = run({"features", "apply", write("wrong.yaml", "project: shop\nviews: {a: {source: none}}\n"), "--url", at});
  EXPECT_EQ(wrong.exit_code, 2);
  EXPECT_THAT(wrong.err, HasSubstr("wrong.yaml:2:"));
  EXPECT_THAT(run({"features", "apply", file, "--data", data()}).err, HasSubstr("open")) << "it is served";
  end(SIGTERM);
  EXPECT_THAT(run({"features", "apply", file, "--url", at}).err, HasSubstr("apply at http://127.0.0.1"));
}

TEST_F(FeaturesServe, BadInputNamesThePlaceAndTheMend) {
  const auto refused = [&](std::vector<std::string> words) {
    words.insert(words.begin(), {"features", "serve", "--data", data(), "--port", "0", "--redis-port", "0"});
    const auto ended = run(words);
    EXPECT_NE(ended.exit_code, 0) << ended.out;
    return ended.err;
  };
  EXPECT_THAT(refused({"no.yaml"}), HasSubstr("no.yaml"));
  EXPECT_THAT(refused({"--address", "0.0.0.0"}), HasSubstr("a certificate with its key, and a token"));
  EXPECT_THAT(refused({"--address", "localhost"}), HasSubstr("localhost"));
  EXPECT_THAT(refused({"--certificate", "a.pem"}), HasSubstr("--key"));
  EXPECT_THAT(refused({"--token-file", write("empty", "\n")}), HasSubstr("holds no token"));
  EXPECT_THAT(refused({"--flush-every", "1h"}), HasSubstr("--flush-every"));
  serve();
  EXPECT_THAT(refused({}), HasSubstr("open")) << "two of one store";
}

TEST_F(FeaturesServe, UnderTlsAndWithATokenOthersAreServedAndNobodyElse) {
  if (!there({"curl", "--version"}) || !there({"openssl", "version"})) GTEST_SKIP() << "curl or openssl is not there";
  const std::string key = (folder_ / "key.pem").string(), certificate = (folder_ / "certificate.pem").string();
  run_other({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
             "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate});
  const std::string token = write("token", "secret\n");
  serve({kHere + "shop.yaml", "--certificate", certificate, "--key", key, "--token-file", token, "--address", "127.0.0.1"});
  const std::string at = "https://127.0.0.1:" + http_;
  EXPECT_EQ(curl({"--cacert", certificate, "-o", "/dev/null", "-w", "%{http_code}", at + "/status"}), "401");
  EXPECT_EQ(curl({"--cacert", certificate, "-o", "/dev/null", "-w", "%{http_code}", "-H", "Authorization: Bearer secret", at + "/status"}),
            "200");
  EXPECT_FALSE(there({"curl", "-s", "-f", "http://127.0.0.1:" + http_ + "/health"})) << "nothing in the clear";
  EXPECT_THAT(ok({"features", "apply", kHere + "shop.yaml", "--url", at, "--ca-file", certificate, "--token-file", token}),
              HasSubstr("no changes"));
  EXPECT_THAT(run({"features", "apply", kHere + "shop.yaml", "--url", at, "--ca-file", certificate}).err, HasSubstr("--token-file"));
  if (there({"redis-cli", "--version"})) {
    EXPECT_THAT(redis({"--tls", "--cacert", certificate, "PING"}), HasSubstr("NOAUTH"));
    EXPECT_THAT(redis({"--tls", "--cacert", certificate, "--no-auth-warning", "-a", "secret", "PING"}), HasSubstr("PONG"));
  }
  EXPECT_THAT(*read_file(fs::path(data()) / "serve.log"), Not(HasSubstr("secret")));
  end(SIGTERM);
}

TEST_F(FeaturesServe, RedisCliReadsFeaturesAndItsOwnKeysStay) {
  if (!there({"redis-cli", "--version"})) GTEST_SKIP() << "redis-cli is not there: apt-get install redis-tools";
  serve();
  EXPECT_THAT(redis({"XADD", "stock", "1800000000000-1", "region", "eu:west", "shop_id", "7", "left", "3", "at", "2026-11-28T06:00:00Z"}),
              HasSubstr("1800000000000-1"));
  EXPECT_EQ(redis({"HGET", "stocks:eu\\:west:7", "left"}), "3\n");
  EXPECT_EQ(redis({"-3", "HGETALL", "stocks:eu\\:west:7"}), "left 3\n");
  EXPECT_EQ(redis({"SET", "a", "b"}), "OK\n");
  EXPECT_EQ(redis({"HSET", "h", "f", "1"}), "1\n");
  end(SIGKILL);
  serve({});
  EXPECT_EQ(redis({"GET", "a"}), "b\n") << "what was acknowledged";
  EXPECT_EQ(redis({"HGET", "h", "f"}), "1\n");
  EXPECT_EQ(redis({"HGET", "stocks:eu\\:west:7", "left"}), "3\n");
  end(SIGTERM);
}

TEST_F(FeaturesServe, RedisPyIsContent) {
  if (!there({"/usr/bin/python3", "-c", "import redis"})) GTEST_SKIP() << "redis-py is not there: apt-get install python3-redis";
  serve();
  EXPECT_THAT(run_other({"/usr/bin/python3", kHere + "redis_py_client.py", redis_}), HasSubstr("redis-py is content"));
  end(SIGTERM);
}

TEST_F(FeaturesServe, IoredisAndNodeRedisAreContent) {
  if (std::getenv("ISOBAR_LONG") == nullptr) GTEST_SKIP() << "ioredis and node-redis from npm: part of the long suite, ISOBAR_LONG=1";
  const std::string packages = std::string(ISOBAR_BINARY_DIR) + "/node-clients";
  if (!there({"npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", packages, "ioredis", "redis"}))
    GTEST_SKIP() << "npm cannot install ioredis and redis here";
  serve();
  EXPECT_THAT(run_other({"env", "-C", packages, "node", kHere + "node_clients.mjs", redis_}), HasSubstr("are content"));
  end(SIGTERM);
}

class FeaturesServeFeast : public FeaturesServe {
 protected:
  /// Feast's published package, in a folder of its own below the build; its Python.
  static std::string python() { return std::string(ISOBAR_BINARY_DIR) + "/feast/bin/python"; }
  void SetUp() override {
    FeaturesServe::SetUp();
    if (std::getenv("ISOBAR_LONG") == nullptr) GTEST_SKIP() << "Feast from PyPI: part of the long suite, ISOBAR_LONG=1";
    const std::string folder = std::string(ISOBAR_BINARY_DIR) + "/feast";
    const bool had = there({python(), "-c", "import feast, redis"});
    const auto install = [&] {
      return run_child({"sh", "-c", fmt::format("python3 -m venv '{0}' && '{0}/bin/pip' install -q 'feast[redis]==0.66.*'", folder)}, "",
                       280s);
    };
    if (!had && (!install().ok() || !there({python(), "-c", "import feast, redis"}))) GTEST_SKIP() << "pip cannot install Feast 0.66 here";
    serve();
  }
  std::string feast(const std::string& how, const std::string& port) {
    return run_other({"env", "FEAST_USAGE=False", python(), kHere + "feast_client.py", how, port, (folder_ / "feast").string()}, 200s);
  }
};

TEST_F(FeaturesServeFeast, TakesUsForItsRedis) {
  EXPECT_THAT(feast("redis", redis_), HasSubstr("an older row changes nothing: [0]"));
  const bool asked = there({"redis-cli", "--version"});
  EXPECT_EQ(asked ? redis({"DBSIZE"}) : "0\n", "0\n") << "what it took down is gone";
  end(SIGTERM);
}

TEST_F(FeaturesServeFeast, TakesUsForItsServer) {
  EXPECT_THAT(feast("remote", http_), HasSubstr("composite keys: [7, 6, 5]"));
  end(SIGTERM);
}

TEST_F(FeaturesServe, AnswersThatAreKeptAreMadeAgainAndAWrongOneIsTold) {
  serve({write("timeless.yaml", std::string(kTimeless)), "--log-served", "1"});
  pay();
  curl({"-d", R"({"features":["spending:amount"],"entities":{"user_id":[1001,7]}})", url("/get-online-features")});
  redis({"HGETALL", "spending:1001"});
  EXPECT_TRUE(eventually([&] { return curl({url("/status")}).find(R"("served_log":{"written":3,"dropped":0)") != std::string::npos; }));
  EXPECT_THAT(curl({url("/metrics")}), HasSubstr("isobar_features_served_logged_total 3"));
  end(SIGTERM);
  const auto same = run({"features", "skew", "--data", data()});
  EXPECT_EQ(same.exit_code, 0) << same.out << same.err;
  EXPECT_THAT(same.out, HasSubstr("3 rows as they were served: 0 differ, in 0 answers"));
  const fs::path file = fs::path(data()) / "served/00000001.jsonl";
  std::string text = *read_file(file);
  text.replace(text.find("[0.7]"), 5, "[0.8]");
  ASSERT_TRUE(write_file(file, text).ok());
  const auto other = run({"features", "skew", "--data", data()});
  EXPECT_EQ(other.exit_code, 1);
  EXPECT_THAT(other.out, HasSubstr("spending:amount 1001 at "));
  EXPECT_THAT(other.out, HasSubstr("0.8 (PRESENT) was served, and 0.7 (PRESENT) is recomputed"));
  const auto none = run({"features", "skew", "--data", (folder_ / "other").string()});
  EXPECT_EQ(none.exit_code, 2);
  EXPECT_THAT(none.err, HasSubstr("there is no store of features in this folder"));
}

TEST_F(FeaturesServe, AClientOfGrpcIsContent) {
  if (!there({"/usr/bin/python3", "-c", "import grpc, google.protobuf"}) || !there({"protoc", "--version"}))
    GTEST_SKIP() << "grpcio is not there: apt-get install python3-grpcio python3-protobuf protobuf-compiler";
  serve({kHere + "shop.yaml", "--grpc-port", "0"});
  const std::string port = port_after(server_->out_so_far(), "gRPC (Feast's) at ");
  run_other({"protoc", "--python_out=" + folder_.string(), "-I", std::string(ISOBAR_SOURCE_DIR) + "/src/features/serving", "feast.proto"});
  EXPECT_THAT(run_other({"/usr/bin/python3", kHere + "grpc_client.py", port, folder_.string()}), HasSubstr("content"));
  EXPECT_NE(curl({url("/metrics")}).find("isobar_features_grpc_errors_total 2\n"), std::string::npos);
  end(SIGTERM);
  const auto refused = run({"features", "serve", kHere + "shop.yaml", "--data", data(), "--address", "0.0.0.0", "--grpc-port", "0"});
  EXPECT_THAT(refused.err, HasSubstr("gRPC is spoken without TLS, and on this machine alone"));
}

TEST_F(FeaturesServe, ADefinitionsProgramIsRunWhereTheOperatorAllowsItAlone) {
  const std::string examples = std::string(ISOBAR_SOURCE_DIR) + "/examples/features/";
  std::string text = *read_file(examples + "outside.yaml");
  text.resize(text.find("  spending:"));  // without the library, which is not built here
  const std::string definition = write("outside.yaml", text);
  serve();
  EXPECT_THAT(curl({"--data-binary", "@" + definition, url("/apply"), "-w", " %{http_code}"}),
              AllOf(HasSubstr("compare within one project"), HasSubstr("422")));
  end(SIGTERM);
  fs::remove_all(data());
  serve({});
  EXPECT_THAT(curl({"--data-binary", "@" + definition, url("/apply")}),
              AllOf(HasSubstr("interest:embedding: 'embed.py'"), HasSubstr("--allow-programs DIR")));
  end(SIGTERM);
  serve({definition, "--allow-programs", examples + "programs"});
  EXPECT_EQ(curl({"-d", R"({"push_source_name":"searches","df":{"user_id":[1],"words":["red shoes"],"at":["2026-11-28T06:00:00Z"]}})",
                  url("/push"), "-w", "%{http_code}"}),
            "200");
  EXPECT_TRUE(eventually([&] { return redis({"HGET", "interest:1", "embedding"}).size() > 32 * 4; }));
  end(SIGTERM);
  const std::string rows = write("rows.csv", "user_id,event_timestamp\n1,2026-11-28 06:00:01\n2,2026-11-28 06:00:01\n");
  const std::vector<std::string> words{"features",
                                       "training-set",
                                       definition,
                                       "--features",
                                       "embedding",
                                       "--entities",
                                       rows,
                                       "--data",
                                       data(),
                                       "--out",
                                       (folder_ / "out.csv").string()};
  const auto refused = run(words);
  EXPECT_THAT(refused.err, HasSubstr("--allow-programs DIR"));
  auto allowed = words;
  allowed.insert(allowed.end(), {"--allow-programs", examples + "programs"});
  const auto made = run(allowed);
  ASSERT_EQ(made.exit_code, 0) << made.err;
  EXPECT_THAT(*read_file(folder_ / "out.csv"), HasSubstr("1,2026-11-28 06:00:01,\"[0.0,"));
}

TEST_F(FeaturesServeFeast, AnswersWithTheBytesThatWeAnswerWith) {
  EXPECT_THAT(feast("compare", http_), HasSubstr("/push as Feast's own server: (200, '')"));
  end(SIGTERM);
}

}  // namespace
}  // namespace isobar::e2e
