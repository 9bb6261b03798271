#include <fmt/format.h>

#include "db/checker.h"

namespace isobar::db {

namespace {

Transaction write_of(std::uint64_t client, std::uint64_t time, const std::vector<std::string>& keys) {
  Transaction tx;
  tx.timestamp = {time, ClientId(client)};
  for (const auto& key : keys) tx.writes.push_back({key, "1"});
  return tx;
}

// The second has read what was there before the first.
std::vector<Transaction> two_in_conflict() {
  auto second = write_of(2, 200, {"y"});
  second.reads.push_back({"x", {}});
  return {write_of(1, 100, {"x"}), second};
}

CheckConfiguration split(std::uint32_t refuse, LiarLeads liar) {
  const char* leads = liar == LiarLeads::kView1 ? "1" : liar == LiarLeads::kView2 ? "2" : "none";
  return {fmt::format("split {}-{}, liar leads {}", 5 - refuse, refuse, leads),
          fmt::format("one transaction, {} of five correct replicas refuse it; views 0 to 2", refuse),
          1,
          {write_of(1, 100, {"x"})},
          {refuse},
          liar};
}

CheckConfiguration two_shards(const char* name, const char* about, std::vector<std::uint32_t> refuse) {
  return {name, about, 2, {write_of(1, 100, {"x", "y", "z", "u", "v", "w"})}, std::move(refuse), LiarLeads::kView1};
}

CheckConfiguration closing(std::uint32_t refuse, View views) {
  CheckConfiguration configuration{fmt::format("closing, split {}-{}, views 0-{}", 5 - refuse, refuse, views),
                                   "one transaction whose interval replicas close at any time, put to rest, and forget",
                                   1,
                                   {write_of(1, 100, {"x"})},
                                   {refuse},
                                   LiarLeads::kView1,
                                   views};
  configuration.closes = true;
  return configuration;
}

}  // namespace

// Two transactions meet in their votes alone, and each has its fallback for itself: so those in conflict are explored without one, as both
// with theirs have too many states, and fallbacks with one transaction whose votes are split.
std::vector<CheckConfiguration> check_configurations() {
  std::vector<CheckConfiguration> all;
  all.push_back(
      {"conflict, view 0", "two transactions in conflict, in any order; no fallback", 1, two_in_conflict(), {}, LiarLeads::kView1, 0});
  for (std::uint32_t refuse = 0; refuse <= 3; ++refuse) all.push_back(split(refuse, LiarLeads::kView1));
  all.push_back(split(1, LiarLeads::kView2));
  all.push_back(split(2, LiarLeads::kView2));
  all.push_back(split(1, LiarLeads::kNothing));
  all.push_back(two_shards("two shards, slow and fast", "one transaction; a shard is split 4-1, the other 1-4", {1, 4}));
  all.push_back(two_shards("two shards, fast and slow", "one transaction; a shard is split 1-4, the other 4-1", {4, 1}));
  all.push_back(two_shards("two shards, both slow", "one transaction; both shards are split 4-1", {1, 1}));
  for (std::uint32_t refuse = 0; refuse <= 3; ++refuse) all.push_back(closing(refuse, 1));
  return all;
}

}  // namespace isobar::db
