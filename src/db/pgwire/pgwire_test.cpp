// The protocol over bytes: a server that echoes, and what well-behaved and other clients say to it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "echo_for_tests.h"

namespace isobar::db {
namespace {

using testing::HasSubstr;

std::string startup(const std::string& user = "me") {
  std::string body("\0\3\0\0", 4);
  body += "user" + std::string(1, '\0') + user + std::string(2, '\0');
  std::string size(4, '\0');
  size[3] = static_cast<char>(body.size() + 4);
  return size + body;
}

std::string message(char type, const std::string& body) {
  std::string out;
  MessageWriter(out, type).bytes(body);
  return out;
}

const std::string kZero(1, '\0');

class Pgwire : public testing::Test {
 protected:
  /// The types of what comes back, behind the greeting.
  std::string talk(const std::string& in, ConnectionLimits limits = {}) {
    Bytes stream(startup() + in);
    serve_connection(stream, server, keys, "test", limits);
    out = stream.out;
    std::string types;
    for (std::size_t at = 0; at + 5 <= out.size();) {
      types += out[at];
      std::uint32_t size = 0;
      for (std::size_t i = 1; i <= 4; ++i) size = size << 8 | static_cast<std::uint8_t>(out[at + i]);
      at += 1 + size;
    }
    return types.starts_with("RSKZ") ? types.substr(4) : types;
  }
  EchoServer server;
  NoKeys keys;
  std::string out;
};

TEST_F(Pgwire, ASimpleQueryIsAnsweredAndClosesItsTransaction) {
  EXPECT_EQ(talk(message('Q', "hello" + kZero)), "TDCZ");
  EXPECT_THAT(out, HasSubstr("CLOSES"));
  EXPECT_EQ(talk(message('Q', kZero)), "IZ");
  EXPECT_EQ(talk(message('Q', "error" + kZero) + message('Q', "x" + kZero)), "TEZTDCZ");
  EXPECT_THAT(out, HasSubstr("C22012" + kZero + "Mdivision by zero" + kZero + "P3"));
}

TEST_F(Pgwire, AnErrorSkipsToSync) {
  const std::string parse = message('P', kZero + "x" + kZero + std::string(2, '\0')),
                    bind = message('B', std::string(2, '\0') + std::string(6, '\0'));
  const std::string execute = message('E', kZero + std::string(4, '\0')), sync = message('S', "");
  EXPECT_EQ(talk(parse + bind + message('D', "P" + kZero) + execute + sync), "12TDCZ");
  EXPECT_EQ(talk(bind + execute + sync + message('Q', "x" + kZero)), "EZTDCZ") << "nothing was parsed";
  EXPECT_EQ(talk(message('P', "broken") + parse + sync), "EZ");
}

TEST_F(Pgwire, RowsCanBeTakenBackUntilTheyAreSent) {
  EXPECT_EQ(talk(message('Q', "twice" + kZero)), "TDCZ");
  EXPECT_EQ(talk(message('Q', "long" + kZero), {.buffered_most = 1000}), "TDCZ");
  EXPECT_FALSE(EchoSession::took_back_what_was_sent);
}

TEST_F(Pgwire, CopyTakesDataUntilItIsDoneOrFails) {
  EXPECT_EQ(talk(message('Q', "copy" + kZero) + message('d', "a\n") + message('d', "b\n") + message('c', "")), "TGCZ");
  EXPECT_THAT(out, HasSubstr("COPY a\nb\n"));
  EXPECT_EQ(talk(message('Q', "copy" + kZero) + message('f', "no" + kZero)), "TGEZ");
}

TEST_F(Pgwire, WhoIsNotKnownOrSpeaksOtherwiseIsSentAway) {
  Bytes stranger(startup("nobody"));
  serve_connection(stranger, server, keys, "test");
  EXPECT_THAT(stranger.out, HasSubstr("28000"));
  Bytes browser("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  serve_connection(browser, server, keys, "test");
  EXPECT_EQ(browser.out, "") << "nothing that it could take for an answer";
  EXPECT_EQ(talk(std::string("Q\x7f\xff\xff\xff", 5)), "E") << "two gigabytes";
  EXPECT_EQ(talk(message('?', "")), "E");
}

TEST_F(Pgwire, WhereTlsIsRequiredNobodyComesInInTheClear) {
  EXPECT_EQ(talk(message('Q', "x" + kZero), {.tls_required = true}), "E");
  EXPECT_THAT(out, HasSubstr("must use TLS"));
}

TEST_F(Pgwire, CancellationAndEncryptionAreAskedForInFrontOfEverything) {
  Bytes cancel(std::string("\0\0\0\x10\x04\xd2\x16\x2e\0\0\0\x07\0\0\0\x08", 16));
  serve_connection(cancel, server, keys, "test");
  EXPECT_EQ(keys.canceled, 708);
  Bytes tls(std::string("\0\0\0\x08\x04\xd2\x16\x2f", 8) + startup() + message('X', ""));
  serve_connection(tls, server, keys, "test");
  EXPECT_TRUE(tls.out.starts_with("NR")) << "without TLS it goes on in the clear";
}

TEST_F(Pgwire, WithAPasswordNobodyComesInWithoutProof) {
  server.password = make_scram_verifier("secret");
  EXPECT_EQ(
      talk(message('p', "SCRAM-SHA-256" + kZero + std::string("\0\0\0\x0en,,n=,r=abcdef", 18)) + message('p', "c=biws,r=abcdef,p=AAAA")),
      "RRE");
  EXPECT_EQ(talk(message('Q', "x" + kZero)), "R");
}

TEST(Scram, VerifiersHavePostgresqlsForm) {
  const auto made = make_scram_verifier("pencil", 4096);
  const auto read = parse_scram(scram_text(made));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->salt, made.salt);
  EXPECT_EQ(read->stored_key, made.stored_key);
  EXPECT_EQ(read->server_key, made.server_key);
  EXPECT_FALSE(parse_scram("md5abc"));
  EXPECT_EQ(made_up_verifier("a").salt, made_up_verifier("a").salt);
  EXPECT_NE(made_up_verifier("a").salt, made_up_verifier("b").salt);
}

RC_GTEST_PROP(PgwireBytes, NothingThatComesInBreaksIt, (const std::string& bytes, bool greets)) {
  EchoServer server;
  NoKeys keys;
  Bytes stream((greets ? startup() : "") + bytes);
  serve_connection(stream, server, keys, "test");
}

}  // namespace
}  // namespace isobar::db
