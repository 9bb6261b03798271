// Zones against PostgreSQL, which reads the same files, and what of them needs nobody.

#include "sql/time_zone.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "base/random.h"
#include "sql/calendar.h"
#include "sql/postgresql.h"
#include "sql/value.h"

namespace isobar::sql {
namespace {

TEST(Calendar, DaysAndDatesAreEachOthersInverse) {
  for (std::int64_t days = -1'000'000; days < 1'000'000; days += 13) {
    const CivilDate date = civil_of(days);
    EXPECT_EQ(days_of(date), days);
    EXPECT_GE(days_in_month(date.year, date.month), date.day);
  }
  EXPECT_EQ(days_of({2000, 1, 1}), 0);
  EXPECT_EQ(days_of({1970, 1, 1}), -kUnixDaysOfEpoch);
  EXPECT_EQ(weekday_of(0), 6);
  EXPECT_EQ(iso_week_of(days_of({2021, 1, 3})).week, 53);
}

TEST(TimeZones, ChangeWhenPostgresqlSaysSo) {
  auto* server = Postgresql::shared();
  if (server == nullptr) GTEST_SKIP() << "no PostgreSQL to compare with";
  Random random(2);
  std::vector<std::string> expressions, mine;
  for (const std::string name : {"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "Africa/Casablanca",
                                 "America/Sao_Paulo", "Pacific/Apia", "Europe/Dublin", "UTC", "Asia/Tehran", "EST5EDT"}) {
    const auto zone = TimeZone::find(name);
    ASSERT_TRUE(zone.ok()) << name;
    for (int n = 0; n < 60; ++n) {
      const std::int64_t time = (static_cast<std::int64_t>(random.below(400)) - 200) * 365 * kMicrosecondsPerDay +
                                static_cast<std::int64_t>(random.below(365ULL * 86'400)) * kMicrosecondsPerSecond;
      const std::string text = to_text(type_of(Kind::kTimestamp), Value(time), {});
      expressions.push_back(fmt::format("timestamptz '{}+00' at time zone '{}'", text, name));
      mine.push_back(to_text(type_of(Kind::kTimestamp), Value((*zone)->to_local(time)), {}));
      expressions.push_back(fmt::format("(timestamp '{}' at time zone '{}')", text, name));
      mine.push_back(to_text(type_of(Kind::kTimestamptz), Value((*zone)->to_utc(time)), {}));
    }
    // Every quarter of an hour around the changes of a year.
    for (std::int64_t time = days_of({2024, 3, 1}) * kMicrosecondsPerDay; time < days_of({2024, 11, 10}) * kMicrosecondsPerDay;
         time += 37 * 15 * kMicrosecondsPerMinute) {
      const std::string text = to_text(type_of(Kind::kTimestamp), Value(time), {});
      expressions.push_back(fmt::format("(timestamp '{}' at time zone '{}')", text, name));
      mine.push_back(to_text(type_of(Kind::kTimestamptz), Value((*zone)->to_utc(time)), {}));
    }
  }
  const auto theirs = server->evaluate(expressions);
  std::size_t wrong = 0;
  for (std::size_t place = 0; place < theirs.size(); ++place)
    if (theirs[place] != mine[place] && ++wrong <= 20)
      ADD_FAILURE() << expressions[place] << "\n  PostgreSQL: " << theirs[place] << "\n  ours:       " << mine[place];
  EXPECT_EQ(wrong, 0u) << "of " << theirs.size();
}

TEST(TimeZones, LocalTimesThatDoNotExistOrExistTwice) {
  const auto zone = *TimeZone::find("America/New_York");
  const auto utc = [&](const std::string& local) {
    return to_text(type_of(Kind::kTimestamptz), Value(zone->to_utc(from_text(type_of(Kind::kTimestamp), local, {})->integer())), {});
  };
  EXPECT_EQ(utc("2024-03-10 02:30:00"), "2024-03-10 07:30:00+00");
  EXPECT_EQ(utc("2024-11-03 01:30:00"), "2024-11-03 06:30:00+00");
}

TEST(TimeZones, NamesThatAreNoneAreRefused) {
  for (const char* name : {"", "Foo/Bar", "../../etc/passwd", "/etc/localtime", "Europe", "+99999", "Europe/Berlin\n", "."}) {
    const auto zone = TimeZone::find(name);
    ASSERT_FALSE(zone.ok()) << name;
    EXPECT_EQ(zone.error().sqlstate(), state::kInvalidParameterValue);
  }
  EXPECT_EQ((*TimeZone::find("europe/berlin"))->name(), "Europe/Berlin");
  EXPECT_EQ((*TimeZone::find("+02"))->at(0).seconds, 7200);
  EXPECT_EQ((*TimeZone::find("<+03>-3"))->at(0).seconds, 10'800);
  EXPECT_EQ((*TimeZone::find("CET-1CEST,M3.5.0,M10.5.0/3"))->at(days_of({2050, 7, 1}) * kMicrosecondsPerDay).seconds, 7200);
}

}  // namespace
}  // namespace isobar::sql
