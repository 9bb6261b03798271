#pragma once

/// Events in the order of time, whose aggregate over any span is at hand, however out of order they come: FiBA, the finger B-tree
/// aggregator of Tangwongsan, Hirzel and Schneider, "Optimal and General Out-of-Order Sliding-Window Aggregation" (PVLDB 12(10), 2019).
///
/// A B-tree with events in all of its nodes. An ordinary node keeps the aggregate of its whole subtree. The nodes of the two spines, along
/// which one comes from the root to the oldest and to the newest event, keep another one: that of all that hangs between the root and the
/// finger at the spine's end, on its inner side. So an event that comes d places late changes aggregates over O(log d) levels, and the
/// aggregate of everything is that at the left finger, with the root's, with that at the right one.
///
/// Beyond the paper, a span inside is aggregated, by O(log n) nodes, so that windows of several sizes, and the past, are read from one
/// tree; and an event is taken out again from anywhere, so that retraction needs no inverse.

#include <memory>
#include <span>
#include <vector>

#include "features/aggregate.h"
#include "features/window.h"

namespace isobar::features {

class ExactWindow {
 public:
  /// set   must outlive it, and stay where it is
  explicit ExactWindow(const AggregateSet& set);
  ExactWindow(ExactWindow&&) noexcept;
  ExactWindow& operator=(ExactWindow&&) noexcept;
  ~ExactWindow();

  /// Cost   amortised O(log d) merges for one that d events are newer than
  void insert(const EventOrder& order, std::span<const Value> arguments);
  /// Whether it was there. Cost   O(log n) merges
  bool erase(const EventOrder& order);
  /// Takes out all events of this time and before. Cost   amortised O(1) merges for each
  void evict(Instant until);
  /// Adds the events of (after, until] to a block.
  /// Cost   three merges if these are all events, else O(log n). Pure
  void collect(Instant after, Instant until, AggregateSet::Block& into) const;

  std::size_t size() const { return size_; }
  /// All events, in their order.
  template <class Visitor>
  void each(Visitor&& visit) const {
    if (root_) each_of(*root_, visit);
  }
  std::size_t bytes() const;
  /// Ends the process if the tree is not one, or an aggregate is not that of its events. For tests.
  void check() const;

 private:
  struct Event {
    EventOrder order;
    std::vector<Value> arguments;
  };
  struct Node {
    Node* parent = nullptr;
    bool left_spine = false, right_spine = false;  ///< neither of the root
    std::vector<Event> events;
    std::vector<std::unique_ptr<Node>> children;  ///< none of a leaf, else one more than events
    AggregateSet::Block aggregate;

    bool is_leaf() const { return children.empty(); }
    bool on_spine() const { return left_spine || right_spine || parent == nullptr; }
  };

  template <class Visitor>
  static void each_of(const Node& node, Visitor&& visit) {
    for (std::size_t i = 0; i <= node.events.size(); ++i) {
      if (!node.is_leaf()) each_of(*node.children[i], visit);
      if (i < node.events.size()) visit(node.events[i].order, std::span<const Value>(node.events[i].arguments));
    }
  }

  Node* leaf_for(const EventOrder& order) const;
  void split(Node& node);
  void mend(Node* node);
  void borrow_from_right(Node& node, Node& right, std::size_t between);
  void borrow_from_left(Node& left, Node& node, std::size_t between);
  void join(Node& left, std::size_t between);
  void erase_at(Node& node, std::size_t place);
  void lower_root();

  void repair();
  void repair_spine(Node* from, bool left);
  void recompute(Node& node);
  void add_content(const Node& node, bool first_child, bool last_child, AggregateSet::Block& into) const;
  void collect(const Node& node, Span span, bool after_all, bool until_all, AggregateSet::Block& into) const;
  std::size_t check_node(const Node& node, AggregateSet::Block& whole) const;

  const AggregateSet* set_;
  std::unique_ptr<Node> root_;
  Node *left_finger_ = nullptr, *right_finger_ = nullptr;
  std::size_t size_ = 0;
  std::vector<Node*> touched_;    ///< by the operation under way, the deeper ones first
  bool root_is_another_ = false;  ///< and so both spines begin elsewhere
};

}  // namespace isobar::features
