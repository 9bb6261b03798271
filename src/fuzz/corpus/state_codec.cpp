#include <fmt/format.h>

#include <cstring>

#include "campaign_state.pb.h"
#include "fuzz/corpus.h"

namespace isobar::fuzz {
namespace {

constexpr std::uint32_t kVersion = 1;
constexpr std::uint32_t kExamined = 1, kProbed = 2, kVaries = 4, kRepairs = 8;

std::string bytes_of(const InputHash& hash) {
  std::string bytes(16, '\0');
  std::memcpy(bytes.data(), &hash.high, 8);
  std::memcpy(bytes.data() + 8, &hash.low, 8);
  return bytes;
}

void write(const Entry& entry, proto::Entry& out) {
  out.set_hash(bytes_of(entry.hash));
  out.set_size(entry.size);
  out.set_nanoseconds(static_cast<std::uint64_t>(entry.took.count()));
  out.set_path(entry.path);
  out.set_blocks(entry.blocks);
  out.set_depth(entry.depth);
  out.set_parent(entry.parent == kNobody ? 0 : entry.parent + 1);
  out.set_found_by(entry.found_by);
  for (const Goal goal : entry.goals) out.add_goals(goal);
  out.set_found_at_milliseconds(static_cast<std::uint64_t>(entry.found_at / 1ms));
  out.set_turns(entry.turns);
  out.set_children(entry.children);
  out.set_flags((entry.examined ? kExamined : 0U) | (entry.probed ? kProbed : 0U) | (entry.varies ? kVaries : 0U) |
                (entry.repairs ? kRepairs : 0U));
}

std::optional<Entry> read(const proto::Entry& in, std::size_t place) {
  Entry entry;
  if (in.hash().size() != 16 || in.parent() > place || in.nanoseconds() > INT64_MAX || in.found_at_milliseconds() > INT64_MAX / 1'000'000)
    return std::nullopt;
  std::memcpy(&entry.hash.high, in.hash().data(), 8);
  std::memcpy(&entry.hash.low, in.hash().data() + 8, 8);
  entry.size = in.size();
  entry.took = Duration(static_cast<std::int64_t>(in.nanoseconds()));
  entry.path = in.path();
  entry.blocks = in.blocks();
  entry.depth = in.depth();
  entry.parent = in.parent() == 0 ? kNobody : in.parent() - 1;
  entry.found_by = in.found_by();
  entry.goals.assign(in.goals().begin(), in.goals().end());
  entry.found_at = std::chrono::milliseconds(in.found_at_milliseconds());
  entry.turns = in.turns();
  entry.children = in.children();
  entry.examined = (in.flags() & kExamined) != 0;
  entry.probed = (in.flags() & kProbed) != 0;
  entry.varies = (in.flags() & kVaries) != 0;
  entry.repairs = (in.flags() & kRepairs) != 0;
  return entry;
}

}  // namespace

std::string encode(const CampaignState& state) {
  proto::CampaignState out;
  out.set_version(kVersion);
  out.set_target(state.target);
  out.set_aggregates(state.aggregates);
  out.set_champions(state.champions);
  for (const Entry& entry : state.entries) write(entry, *out.add_entries());
  out.set_runs(state.runs);
  out.set_milliseconds(static_cast<std::uint64_t>(state.ran / 1ms));
  out.set_crashes(state.crashes);
  out.set_hangs(state.hangs);
  for (const Bytes& token : state.tokens) out.add_tokens(token.data(), token.size());
  for (const std::uint32_t block : state.varying_blocks) out.add_varying_blocks(block);
  return out.SerializeAsString();
}

Result<CampaignState> decode_state(std::string_view bytes) {
  const auto damaged = [](std::string_view what) { return Error(Code::kDataLoss, fmt::format("the state is damaged: {}", what)); };
  proto::CampaignState in;
  if (bytes.size() > INT32_MAX || !in.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return damaged("no message");
  if (in.version() != kVersion)
    return Error(Code::kDataLoss, fmt::format("the state is of version {}, of which this isobar knows nothing", in.version()));
  CampaignState state{.target = in.target(), .aggregates = in.aggregates(), .champions = in.champions()};
  for (const proto::Entry& each : in.entries()) {
    auto entry = read(each, state.entries.size());
    if (!entry) return damaged(fmt::format("entry {}", state.entries.size()));
    state.entries.push_back(std::move(*entry));
  }
  state.runs = in.runs();
  state.crashes = in.crashes();
  state.hangs = in.hangs();
  if (in.milliseconds() > INT64_MAX / 1'000'000) return damaged("its time");
  state.ran = std::chrono::milliseconds(in.milliseconds());
  for (const std::string& token : in.tokens()) state.tokens.emplace_back(token.begin(), token.end());
  state.varying_blocks.assign(in.varying_blocks().begin(), in.varying_blocks().end());
  return state;
}

}  // namespace isobar::fuzz
