// The hand-written cases of cases/*.sql, statement by statement, through PostgreSQL and through us: the same rows, names, types, tags, and
// errors.

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "both_test.h"

namespace isobar::sql {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> statements_of(const fs::path& file) {
  std::stringstream text;
  text << std::ifstream(file).rdbuf();
  // Each ends at a semicolon at the end of a line: some of them are meant not to parse.
  std::vector<std::string> all;
  std::string line, one;
  while (std::getline(text, line)) {
    if (line.starts_with("--")) continue;
    one += line + "\n";
    if (!line.ends_with(';')) continue;
    all.push_back(one.substr(0, one.size() - 2));
    one.clear();
  }
  return all;
}

class Cases : public ::testing::TestWithParam<std::string> {};

TEST_P(Cases, GiveWhatPostgresqlGives) {
  auto* theirs = Postgresql::shared();
  if (theirs == nullptr) GTEST_SKIP();
  theirs->ask("DROP SCHEMA public CASCADE");
  theirs->ask("CREATE SCHEMA public");
  Ours ours;
  for (const auto& statement : statements_of(fs::path(ISOBAR_SOURCE_DIR) / "src/sql/execute/cases" / GetParam())) {
    const auto a = ours.ask(statement), b = theirs->ask(statement);
    EXPECT_EQ(difference(a, b, is_ordered(statement)), "") << statement;
  }
}

std::vector<std::string> files() {
  std::vector<std::string> all;
  for (const auto& entry : fs::directory_iterator(fs::path(ISOBAR_SOURCE_DIR) / "src/sql/execute/cases"))
    all.push_back(entry.path().filename());
  std::sort(all.begin(), all.end());
  return all;
}

INSTANTIATE_TEST_SUITE_P(Files, Cases, ::testing::ValuesIn(files()), [](const auto& file) {
  std::string name = file.param;
  for (char& c : name)
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
  return name;
});

}  // namespace
}  // namespace isobar::sql
