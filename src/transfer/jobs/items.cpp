#include "transfer/items.h"

#include <array>

#include "comparisons.h"
#include "storage/patience.h"

namespace isobar::transfer {

using storage::ObjectInfo;

bool matches(const SourceRule& rule, std::string_view key) {
  return rule.shape != Shape::kPattern || glob_matches(rule.pattern, key) || (rule.below && glob_matches(rule.pattern + "/**", key));
}

TreeItems::TreeItems(storage::Store& store, SourceRule rule, std::vector<TargetRule> targets, Filter filter)
    : store_(store), rule_(std::move(rule)), targets_(std::move(targets)), filter_(std::move(filter)) {}

Result<std::optional<CopyItem>> TreeItems::next() {
  if (rule_.shape == Shape::kObject) return one_object();
  if (!cursor_) cursor_ = std::make_unique<ListCursor>(store_, storage::ListRequest{.prefix = rule_.prefix, .calls_ahead = calls_ahead_});
  for (;;) {
    TRY_ASSIGN(auto info, cursor_->next());
    if (!info) return std::optional<CopyItem>();
    if (!matches(rule_, info->key)) continue;
    if (!filter_.takes(std::string_view(info->key).substr(rule_.strip))) continue;
    ++matched_;
    CopyItem item;
    for (const auto& target : targets_) item.target_keys.push_back(target_key(rule_, target, info->key));
    item.source = std::move(*info);
    return std::optional(std::move(item));
  }
}

Result<std::optional<CopyItem>> TreeItems::one_object() {
  if (std::exchange(asked_, true)) return std::optional<CopyItem>();
  TRY_ASSIGN(auto head, storage::await_patiently<storage::ObjectHead>([&](auto done) { store_.head(rule_.prefix, false, done); }));
  ++matched_;
  CopyItem item;
  for (const auto& target : targets_) item.target_keys.push_back(target_key(rule_, target, rule_.prefix));
  item.source = head.info;
  item.source.key = rule_.prefix;
  item.head = std::make_shared<const storage::ObjectHead>(std::move(head));
  return std::optional(std::move(item));
}

std::string_view name_of(Difference difference) {
  constexpr std::array<std::string_view, 5> kNames = {"same", "missing", "size differs", "content differs", "source is newer"};
  return kNames[static_cast<std::size_t>(difference)];
}

bool comparable(const ObjectInfo& source, const ObjectInfo& target) {
  const auto &a = source.checksums, &b = target.checksums;
  return (a.crc32c && b.crc32c) || (!a.md5.empty() && !b.md5.empty()) || (!a.sha256.empty() && !b.sha256.empty());
}

Difference compare(const ObjectInfo& source, const ObjectInfo& target, bool by_time) {
  if (source.bytes != target.bytes) return Difference::kSize;
  const auto &a = source.checksums, &b = target.checksums;
  if (a.crc32c && b.crc32c) return *a.crc32c == *b.crc32c ? Difference::kSame : Difference::kContent;
  if (!a.md5.empty() && !b.md5.empty()) return a.md5 == b.md5 ? Difference::kSame : Difference::kContent;
  if (!a.sha256.empty() && !b.sha256.empty()) return a.sha256 == b.sha256 ? Difference::kSame : Difference::kContent;
  // Stores tell times to the second, or to three digits: what is earlier by less than that is not earlier.
  if (by_time && target.modified + 1s <= source.modified) return Difference::kOlder;
  return Difference::kSame;
}

// An object of the source that the target lacks or may have otherwise.
struct SyncItems::Ahead {
  CopyItem item;
  std::shared_ptr<Comparisons::Verdict> verdict;  // none: it differs
};

SyncItems::SyncItems(storage::Store& source, storage::Store& target, Rules rules)
    : rules_(std::move(rules)),
      source_(source, storage::ListRequest{.prefix = rules_.source.prefix}),
      target_(target, storage::ListRequest{.prefix = rules_.target.prefix}) {
  if (rules_.same_content) comparisons_ = std::make_unique<Comparisons>(rules_.same_content, rules_.bounds);
}

SyncItems::~SyncItems() = default;

Status SyncItems::advance_source() {
  for (;;) {
    TRY_ASSIGN(at_source_, source_.next());
    if (!at_source_) return {};
    if (!matches(rules_.source, at_source_->key)) continue;
    if (!rules_.filter.takes(std::string_view(at_source_->key).substr(rules_.source.strip))) continue;
    ++source_objects_;
    return {};
  }
}

Status SyncItems::advance_target() {
  for (;;) {
    TRY_ASSIGN(at_target_, target_.next());
    if (!at_target_) return {};
    if (rules_.filter.takes(std::string_view(at_target_->key).substr(rules_.target.prefix.size()))) return {};
  }
}

Result<std::optional<CopyItem>> SyncItems::next() {
  for (;;) {
    if (!went_wrong_)
      if (const Status merged = merge_ahead(); !merged.ok()) went_wrong_ = merged.error();
    if (ahead_.empty()) return went_wrong_ ? Result<std::optional<CopyItem>>(*went_wrong_) : std::optional<CopyItem>();
    Ahead& first = ahead_.front();
    if (first.verdict) {
      const auto same = comparisons_->outcome(*first.verdict);
      if (!same) {
        // What ends meanwhile makes room for others.
        comparisons_->wait(*first.verdict);
        continue;
      }
      if (!same->ok()) return same->error();
      if (**same) {
        ++same_;
        ahead_.pop_front();
        continue;
      }
    }
    CopyItem item = std::move(first.item);
    ahead_.pop_front();
    return std::optional(std::move(item));
  }
}

// Without comparisons up to the first difference, as the listings are read no further than they have to be; with them as far as
// there is room.
Status SyncItems::merge_ahead() {
  constexpr std::size_t kAheadMost = 1000;
  if (!std::exchange(begun_, true)) {
    TRY(advance_source());
    TRY(advance_target());
  }
  while ((at_source_ || at_target_) && ahead_.size() < (comparisons_ ? kAheadMost : 1)) {
    if (comparisons_ && at_source_ && !comparisons_->has_room(at_source_->bytes)) break;
    TRY(merge_one());
  }
  return {};
}

// Takes the least key of both listings.
Status SyncItems::merge_one() {
  const std::string_view there = at_target_ ? std::string_view(at_target_->key).substr(rules_.target.prefix.size()) : "";
  const std::string_view here = at_source_ ? std::string_view(at_source_->key).substr(rules_.source.strip) : "";
  if (!at_source_ || (at_target_ && there < here)) {
    extras_.push_back({at_target_->key, at_target_->bytes});
    return advance_target();
  }
  Difference difference = Difference::kMissing;
  bool contents_decide = false;
  std::optional<ObjectInfo> counterpart;
  if (at_target_ && there == here) {
    difference = compare_listed(contents_decide);
    counterpart = std::move(at_target_);
    TRY(advance_target());
  }
  if (difference == Difference::kSame && !contents_decide) {
    ++same_;
  } else {
    CopyItem item;
    item.target_keys = {target_key(rules_.source, rules_.target, at_source_->key)};
    item.source = std::move(*at_source_);
    auto verdict = contents_decide ? comparisons_->begin(item.source, std::move(*counterpart)) : nullptr;
    ahead_.push_back({std::move(item), std::move(verdict)});
  }
  return advance_source();
}

// As far as the listings tell.
Difference SyncItems::compare_listed(bool& contents_decide) {
  if (rules_.ignore_existing) return Difference::kSame;
  if (rules_.size_only) return at_source_->bytes == at_target_->bytes ? Difference::kSame : Difference::kSize;
  const Difference difference = compare(*at_source_, *at_target_, rules_.by_time);
  if (difference != Difference::kSame || comparable(*at_source_, *at_target_)) return difference;
  contents_decide = comparisons_ != nullptr;
  if (!contents_decide) ++by_size_alone_;
  return difference;
}

NamedItems::NamedItems(storage::Store& store, std::vector<Pair> pairs) : store_(store), pairs_(std::move(pairs)) {}

NamedItems::~NamedItems() {
  for (auto& head : heads_) head.wait();
}

void NamedItems::ask_ahead() {
  while (asked_ < pairs_.size() && heads_.size() < 64) {
    auto promise = std::make_shared<std::promise<Result<storage::ObjectHead>>>();
    heads_.push_back(promise->get_future());
    store_.head(pairs_[asked_++].source_key, false, [promise](Result<storage::ObjectHead> head) { promise->set_value(std::move(head)); });
  }
}

Result<std::optional<CopyItem>> NamedItems::next() {
  ask_ahead();
  if (heads_.empty()) return std::optional<CopyItem>();
  auto& pair = pairs_[given_++];
  auto first = std::move(heads_.front());
  heads_.pop_front();
  auto head = storage::with_patience([&] {
    return first.valid() ? first.get() : storage::await<storage::ObjectHead>([&](auto done) { store_.head(pair.source_key, false, done); });
  });
  if (!head.ok()) return head.error().context(pair.source_key);
  CopyItem item{head->info, std::move(pair.target_keys), nullptr};
  item.source.key = std::move(pair.source_key);
  item.head = std::make_shared<const storage::ObjectHead>(std::move(*head));
  return std::optional(std::move(item));
}

}  // namespace isobar::transfer
