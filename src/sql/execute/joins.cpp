// Joins: the right side again for each row of the left one, or kept, or kept by its keys.

#include <algorithm>

#include "compiler.h"

namespace isobar::sql::execute {
namespace {

using ph::JoinKind;

/// What both kinds of join share: which rows come of a left row and the rows of the right side that go with it.
class JoinBase : public Operator {
 protected:
  JoinBase(Compiler& compiler, JoinKind kind, const ph::Node& left, const ph::Node& right, const lg::ExprPtr& on)
      : context_(compiler.context()),
        kind_(kind),
        left_(compiler.node(left)),
        right_(compiler.node(right)),
        right_cells_(compiler.shown_cells(right)),
        left_cells_(compiler.shown_cells(left)),
        on_(compiler.expr(on)) {}

  /// One row more of the right side that may go with the left row. False: there is none.
  virtual bool candidate() = 0;
  virtual bool begin_left() = 0;
  virtual void matched() {}

  bool next() override {
    while (true) {
      if (!within_) {
        if (!left_->next()) return context_.failed() ? false : unmatched();
        within_ = true, found_ = false;
        if (!begin_left()) return false;
      }
      while (candidate()) {
        if (on_ != nullptr) {
          const Truth holds = on_->test();
          if (holds == Truth::kError) return false;
          if (holds != Truth::kTrue) continue;
        }
        found_ = true;
        matched();
        if (kind_ == JoinKind::kSemi) return within_ = false, true;
        if (kind_ == JoinKind::kAnti) break;
        return true;
      }
      if (context_.failed()) return false;
      within_ = false;
      if (found_ || kind_ == JoinKind::kInner || kind_ == JoinKind::kSemi) continue;
      if (kind_ != JoinKind::kAnti) nulls(right_cells_);
      return true;
    }
  }
  /// Rows of the right side of a full join that no row of the left one went with.
  virtual bool unmatched() { return false; }
  static void nulls(const std::vector<Cell*>& cells) {
    for (auto* cell : cells) *cell = &kNullValue;
  }
  void close() override { left_->close(), right_->close(); }

  Context& context_;
  JoinKind kind_;
  OperatorPtr left_, right_;
  std::vector<Cell*> right_cells_, left_cells_;
  EvalPtr on_;
  bool within_ = false, found_ = false;
};

class NestedLoopOperator final : public JoinBase {
 public:
  NestedLoopOperator(Compiler& compiler, const ph::NestedLoop& n)
      : JoinBase(compiler, n.kind, *n.left, *n.right, n.on), keeps_(n.keep), kept_(context_, right_cells_.size()) {}
  bool open() override {
    within_ = false, at_ = 0, rest_ = 0;
    kept_.clear();
    if (keeps_) {
      if (!right_->open()) return false;
      while (right_->next())
        if (!kept_.add(right_cells_)) return false;
      if (context_.failed()) return false;
    }
    matches_.assign(kind_ == JoinKind::kFull ? kept_.size() : 0, false);
    return left_->open();
  }
  void close() override { JoinBase::close(), kept_.clear(); }

 private:
  bool begin_left() override {
    at_ = 0;
    return keeps_ || right_->open();
  }
  bool candidate() override {
    if (!keeps_) return right_->next();
    if (at_ >= kept_.size() || !context_.goes_on()) return false;
    kept_.show(at_++, right_cells_);
    return true;
  }
  void matched() override {
    if (kind_ == JoinKind::kFull) matches_[at_ - 1] = true;
  }
  bool unmatched() override {
    if (kind_ != JoinKind::kFull) return false;
    while (rest_ < kept_.size() && matches_[rest_]) ++rest_;
    if (rest_ >= kept_.size()) return false;
    nulls(left_cells_);
    kept_.show(rest_++, right_cells_);
    return true;
  }
  bool keeps_;
  RowStore kept_;
  std::vector<bool> matches_;
  std::size_t at_ = 0, rest_ = 0;
};

class HashJoinOperator final : public JoinBase {
 public:
  HashJoinOperator(Compiler& compiler, const ph::HashJoin& n)
      : JoinBase(compiler, n.kind, *n.left, *n.right, n.rest),
        left_keys_(compiler.exprs(n.left_keys)),
        right_keys_(compiler.exprs(n.right_keys)),
        rows_(context_, right_cells_.size()),
        table_(context_, types_of(n.right_keys)),
        values_(n.left_keys.size()) {}

  bool open() override {
    within_ = false, rest_ = 0;
    rows_.clear(), table_.clear(), first_.clear(), next_.clear();
    if (!right_->open()) return false;
    while (right_->next())
      if (!keep()) return false;
    right_->close();
    if (context_.failed()) return false;
    matches_.assign(kind_ == JoinKind::kFull ? rows_.size() : 0, false);
    return left_->open();
  }
  void close() override {
    JoinBase::close();
    rows_.clear(), table_.clear(), first_.clear(), next_.clear();
  }

 private:
  static constexpr std::uint32_t kNone = KeyTable::kNone;
  static std::vector<Type> types_of(const std::vector<lg::ExprPtr>& keys) {
    std::vector<Type> types;
    for (const auto& key : keys) types.push_back(key->type);
    return types;
  }
  /// Whether no key is null: what is null equals nothing.
  bool keys(const std::vector<EvalPtr>& evals, bool& null) {
    null = false;
    for (std::size_t i = 0; i < evals.size(); ++i) {
      values_[i] = evals[i]->run();
      if (values_[i] == nullptr) return false;
      null = null || values_[i]->is_null();
    }
    return true;
  }
  bool keep() {
    bool null = false, added = false;
    if (!keys(right_keys_, null)) return false;
    if (null && kind_ != JoinKind::kFull) return true;
    if (!rows_.add(right_cells_)) return false;
    next_.push_back(kNone);
    if (null) return true;
    const auto row = static_cast<std::uint32_t>(rows_.size() - 1);
    const auto place = table_.find_or_add(values_.data(), added);
    if (place == kNone) return false;
    if (added) first_.push_back({row, row});
    else next_[first_[place].last] = row, first_[place].last = row;
    return true;
  }
  bool begin_left() override {
    bool null = false;
    if (!keys(left_keys_, null)) return false;
    const auto place = null ? kNone : table_.find(values_.data());
    at_ = place == kNone ? kNone : first_[place].first;
    return true;
  }
  bool candidate() override {
    if (at_ == kNone || !context_.goes_on()) return false;
    rows_.show(current_ = at_, right_cells_);
    at_ = next_[at_];
    return true;
  }
  void matched() override {
    if (kind_ == JoinKind::kFull) matches_[current_] = true;
  }
  bool unmatched() override {
    if (kind_ != JoinKind::kFull) return false;
    while (rest_ < rows_.size() && matches_[rest_]) ++rest_;
    if (rest_ >= rows_.size()) return false;
    nulls(left_cells_);
    rows_.show(rest_++, right_cells_);
    return true;
  }

  struct Chain {
    std::uint32_t first, last;
  };
  std::vector<EvalPtr> left_keys_, right_keys_;
  RowStore rows_;
  KeyTable table_;
  std::vector<const Value*> values_;
  std::vector<Chain> first_;
  std::vector<std::uint32_t> next_;
  std::vector<bool> matches_;
  std::uint32_t at_ = kNone, current_ = 0;
  std::size_t rest_ = 0;
};

}  // namespace

OperatorPtr make_nested_loop(Compiler& compiler, const ph::NestedLoop& n) { return std::make_unique<NestedLoopOperator>(compiler, n); }
OperatorPtr make_hash_join(Compiler& compiler, const ph::HashJoin& n) { return std::make_unique<HashJoinOperator>(compiler, n); }

}  // namespace isobar::sql::execute
