#include "db/catch_up.h"

#include <algorithm>

#include "db/seeded_bugs.h"

namespace isobar::db {

namespace {

constexpr std::size_t kWindowsMost = 512, kIdsMost = 8192, kFetchMost = 64;
constexpr std::uint64_t kAgain = 60, kFullRound = 64, kSecond = 1'000'000'000;

void mix(Hash& into, const TxId& id) {
  for (std::size_t i = 0; i < into.size(); ++i) into[i] ^= id.hash[i];
}

}  // namespace

CatchUp::CatchUp(CatchUpConfig config, const std::vector<ReplicaId>& others) : config_(config) {
  for (const auto& id : others) others_.push_back({id});
}

void CatchUp::committed(const TxId& id, const Timestamp& at) {
  if (!known_.insert(id).second) return;
  Window& window = windows_[at.time / kSecond];
  mix(window.mixed, id);
  window.ids.push_back(id);
}

void CatchUp::forget(std::uint64_t until) {
  while (!windows_.empty() && windows_.begin()->first < until / kSecond) {
    for (const auto& id : windows_.begin()->second.ids) known_.erase(id);
    windows_.erase(windows_.begin());
  }
}

CatchUp::Other* CatchUp::find(const ReplicaId& id) {
  const auto found = std::find_if(others_.begin(), others_.end(), [&](const Other& other) { return other.id == id; });
  return found == others_.end() ? nullptr : &*found;
}

CompareWindows CatchUp::question(std::uint64_t from, const Now& now) const {
  const auto latest = nanos_of(now.wall - config_.lag) / kSecond;
  CompareWindows question{from, std::max(from, latest), {}};
  for (auto window = windows_.lower_bound(from); window != windows_.end() && window->first < question.until; ++window) {
    if (question.windows.size() == kWindowsMost) {
      question.until = window->first;
      break;
    }
    question.windows.push_back({window->first, static_cast<std::uint32_t>(window->second.ids.size()), window->second.mixed});
  }
  return question;
}

std::vector<CatchUp::Request> CatchUp::ask(Other& other, const Now& now) {
  other.question = question(other.agreed, now);
  if (other.question.from == other.question.until) {
    other.asked.reset();
    return {};
  }
  other.asked = now.steady;
  return {{other.id, other.question}};
}

std::vector<CatchUp::Request> CatchUp::tick(const Now& now, const std::vector<TxId>& stuck) {
  if (others_.empty() || now.steady < next_) return {};
  next_ = now.steady + config_.period;
  Other& other = others_[seeded(Bug::kCatchesUpWithOne) ? 0 : turn_++ % others_.size()];
  if (other.asked && now.steady < *other.asked + config_.patience) return {};
  other.wanted.clear();
  const std::uint64_t again = ++other.rounds % kFullRound == 0 ? other.agreed : kAgain;
  other.agreed -= std::min(other.agreed, again);
  auto requests = ask(other, now);
  if (!stuck.empty()) requests.push_back({other.id, FetchDecided{stuck}});
  return requests;
}

WindowsCompared CatchUp::compare(const CompareWindows& asked) const {
  WindowsCompared answer{asked.from, asked.until, {}};
  auto theirs = asked.windows.begin();
  for (auto ours = windows_.lower_bound(asked.from); ours != windows_.end() && ours->first < asked.until; ++ours) {
    while (theirs != asked.windows.end() && theirs->window < ours->first) ++theirs;
    const WindowSummary summary{ours->first, static_cast<std::uint32_t>(ours->second.ids.size()), ours->second.mixed};
    if (theirs != asked.windows.end() && *theirs == summary) continue;
    if (!answer.ids.empty() && answer.ids.size() + ours->second.ids.size() > kIdsMost) {
      answer.until = ours->first;
      break;
    }
    answer.ids.insert(answer.ids.end(), ours->second.ids.begin(), ours->second.ids.end());
  }
  return answer;
}

std::vector<CatchUp::Request> CatchUp::on(const ReplicaId& from, const WindowsCompared& compared, const Now& now) {
  Other* other = find(from);
  const bool awaited = other && other->asked && other->wanted.empty() && compared.from == other->question.from &&
                       compared.until > compared.from && compared.until <= other->question.until;
  if (!awaited) return {};
  for (const auto& id : compared.ids)
    if (!known_.contains(id)) other->wanted.insert(id);
  if (!other->wanted.empty()) return fetch(*other, now);
  other->agreed = compared.until;
  return ask(*other, now);
}

std::vector<CatchUp::Request> CatchUp::fetch(Other& other, const Now& now) {
  FetchDecided fetch;
  for (const auto& id : other.wanted)
    if (fetch.ids.size() < kFetchMost) fetch.ids.push_back(id);
  other.asked = now.steady;
  return {{other.id, std::move(fetch)}};
}

std::vector<CatchUp::Request> CatchUp::supplied(const ReplicaId& from, const Now& now) {
  Other* other = find(from);
  if (!other || other->wanted.empty()) return {};
  const std::size_t were = other->wanted.size();
  std::erase_if(other->wanted, [this](const TxId& id) { return known_.contains(id); });
  if (other->wanted.empty()) return ask(*other, now);
  // Who supplies nothing of what it says it has is left alone until its next turn.
  return other->wanted.size() < were ? fetch(*other, now) : std::vector<Request>();
}

}  // namespace isobar::db
