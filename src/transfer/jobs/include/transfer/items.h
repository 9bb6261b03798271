#pragma once

/// Where a copy's items come from: one object, all of a tree, what differs between two trees, or names that a file lists.

#include <atomic>
#include <list>
#include <memory>
#include <stop_token>
#include <vector>

#include "transfer/content_check.h"
#include "transfer/copy_driver.h"
#include "transfer/glob.h"
#include "transfer/listing.h"
#include "transfer/naming.h"

namespace isobar::transfer {

/// Objects of a source that a rule names. One object is asked for by name; its absence is an error.
class TreeItems final : public ItemSource {
 public:
  /// targets   one rule for each target
  TreeItems(storage::Store& store, SourceRule rule, std::vector<TargetRule> targets, Filter filter);
  Result<std::optional<CopyItem>> next() override;
  std::uint64_t matched() const { return matched_; }
  /// What is listed will be read at once, by so many calls.
  void expect_calls(int calls) { calls_ahead_ = calls; }

 private:
  Result<std::optional<CopyItem>> one_object();
  int calls_ahead_ = 0;
  storage::Store& store_;
  SourceRule rule_;
  std::vector<TargetRule> targets_;
  Filter filter_;
  std::unique_ptr<ListCursor> cursor_;
  bool asked_ = false;
  std::atomic<std::uint64_t> matched_ = 0;
};

enum class Difference { kSame, kMissing, kSize, kContent, kOlder };
std::string_view name_of(Difference difference);

/// Whether a rule names this key of its prefix.
bool matches(const SourceRule& rule, std::string_view key);

/// Whether the target's object is the source's. Sizes first; then a checksum, where both stores tell one of the same kind; else, with
/// `by_time`, whether the target was written after the source was.
bool comparable(const storage::ObjectInfo& source, const storage::ObjectInfo& target);
Difference compare(const storage::ObjectInfo& source, const storage::ObjectInfo& target, bool by_time);

class Comparisons;

/// What a source has and a target lacks or has otherwise, by merging their sorted listings: memory for four pages, whatever they hold.
/// Where contents are compared the merge goes on ahead of the comparisons, a thousand objects at most; items come in order all the same.
class SyncItems final : public ItemSource {
 public:
  struct Extra {
    std::string key;
    std::uint64_t bytes = 0;
  };
  struct Rules {
    SourceRule source;
    TargetRule target;
    Filter filter;
    bool by_time = true;
    bool size_only = false;
    /// Asked where sizes are equal and no checksum of one kind is told by both: whether the contents are. None: times decide.
    /// Called on several threads at once
    using SameContent =
        std::function<Result<bool>(const storage::ObjectInfo& source, const storage::ObjectInfo& target, const std::stop_token& stop)>;
    SameContent same_content;
    ContentBounds bounds;
    bool ignore_existing = false;
  };
  SyncItems(storage::Store& source, storage::Store& target, Rules rules);
  ~SyncItems() override;
  Result<std::optional<CopyItem>> next() override;

  /// After the end: what only the target has, of keys that the filter takes.
  std::vector<Extra> take_extras() { return std::move(extras_); }
  std::uint64_t source_objects() const { return source_objects_; }
  std::uint64_t same_objects() const { return same_; }
  /// Of the same ones, those for which neither a checksum of one kind nor their contents were compared.
  std::uint64_t same_by_size_alone() const { return by_size_alone_; }

 private:
  struct Ahead;
  Status merge_ahead();
  Status merge_one();
  Difference compare_listed(bool& contents_decide);
  Status advance_source();
  Status advance_target();
  Rules rules_;
  ListCursor source_, target_;
  std::optional<storage::ObjectInfo> at_source_, at_target_;
  std::vector<Extra> extras_;
  std::atomic<std::uint64_t> source_objects_ = 0, same_ = 0, by_size_alone_ = 0;
  bool begun_ = false;
  std::list<Ahead> ahead_;           // in order: what differs, and what is being compared
  std::optional<Error> went_wrong_;  // in the listings; told when all before it has been
  std::unique_ptr<Comparisons> comparisons_;
};

/// Named objects, in the order given, each to names of its own. Their heads are asked for ahead, many at once.
class NamedItems final : public ItemSource {
 public:
  struct Pair {
    std::string source_key;
    std::vector<std::string> target_keys;
  };
  NamedItems(storage::Store& store, std::vector<Pair> pairs);
  ~NamedItems() override;
  Result<std::optional<CopyItem>> next() override;

 private:
  void ask_ahead();
  storage::Store& store_;
  std::vector<Pair> pairs_;
  std::size_t asked_ = 0, given_ = 0;
  std::deque<std::future<Result<storage::ObjectHead>>> heads_;
};

}  // namespace isobar::transfer
