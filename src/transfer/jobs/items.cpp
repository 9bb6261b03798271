#include "transfer/items.h"

#include <array>

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

SyncItems::SyncItems(storage::Store& source, storage::Store& target, Rules rules)
    : rules_(std::move(rules)),
      source_(source, storage::ListRequest{.prefix = rules_.source.prefix}),
      target_(target, storage::ListRequest{.prefix = rules_.target.prefix}) {}

Result<bool> SyncItems::advance_source() {
  for (;;) {
    TRY_ASSIGN(at_source_, source_.next());
    if (!at_source_) return false;
    if (!matches(rules_.source, at_source_->key)) continue;
    if (!rules_.filter.takes(std::string_view(at_source_->key).substr(rules_.source.strip))) continue;
    ++source_objects_;
    return true;
  }
}

Result<bool> SyncItems::advance_target() {
  for (;;) {
    TRY_ASSIGN(at_target_, target_.next());
    if (!at_target_) return false;
    if (rules_.filter.takes(std::string_view(at_target_->key).substr(rules_.target.prefix.size()))) return true;
  }
}

Result<std::optional<CopyItem>> SyncItems::next() {
  if (!std::exchange(begun_, true)) {
    TRY(advance_source());
    TRY(advance_target());
  }
  for (;;) {
    if (!at_source_ && !at_target_) return std::optional<CopyItem>();
    const std::string_view there = at_target_ ? std::string_view(at_target_->key).substr(rules_.target.prefix.size()) : "";
    const std::string_view here = at_source_ ? std::string_view(at_source_->key).substr(rules_.source.strip) : "";
    if (!at_source_ || (at_target_ && there < here)) {
      extras_.push_back({at_target_->key, at_target_->bytes});
      TRY(advance_target());
      continue;
    }
    Difference difference = Difference::kMissing;
    if (at_target_ && there == here) {
      if (rules_.ignore_existing) difference = Difference::kSame;
      else if (rules_.size_only) difference = at_source_->bytes == at_target_->bytes ? Difference::kSame : Difference::kSize;
      else difference = compare(*at_source_, *at_target_, rules_.by_time);
      if (difference == Difference::kSame && rules_.same_content && !comparable(*at_source_, *at_target_)) {
        TRY_ASSIGN(const bool same, rules_.same_content(*at_source_, *at_target_));
        if (!same) difference = Difference::kContent;
      }
      TRY(advance_target());
    }
    CopyItem item;
    item.target_keys = {target_key(rules_.source, rules_.target, at_source_->key)};
    item.source = std::move(*at_source_);
    TRY(advance_source());
    if (difference != Difference::kSame) return std::optional(std::move(item));
    ++same_;
  }
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
