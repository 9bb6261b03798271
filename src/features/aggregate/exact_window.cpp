#include "features/exact_window.h"

#include <fmt/format.h>

#include <algorithm>

namespace isobar::features {

namespace {

/// Of nodes but the root: from 3 to 7 events, from 4 to 8 children.
constexpr std::size_t kEventsLeast = 3, kEventsMost = 7;

template <class T>
void move_back(std::vector<T>& from, std::size_t first, std::vector<T>& to) {
  to.insert(to.end(), std::make_move_iterator(from.begin() + static_cast<std::ptrdiff_t>(first)), std::make_move_iterator(from.end()));
  from.resize(first);
}

template <class Nodes, class Node>
std::size_t place_among(const Nodes& nodes, const Node* node) {
  return static_cast<std::size_t>(std::ranges::find(nodes, node, [](const auto& owned) { return owned.get(); }) - nodes.begin());
}

}  // namespace

ExactWindow::ExactWindow(const AggregateSet& set) : set_(&set), root_(std::make_unique<Node>()) {
  left_finger_ = right_finger_ = root_.get();
  recompute(*root_);
}
ExactWindow::ExactWindow(ExactWindow&&) noexcept = default;
ExactWindow& ExactWindow::operator=(ExactWindow&&) noexcept = default;
ExactWindow::~ExactWindow() = default;

/// Up from the right finger to where the event is not before all of a subtree, and down from there.
ExactWindow::Node* ExactWindow::leaf_for(const EventOrder& order) const {
  Node* node = right_finger_;
  while (node->parent != nullptr && order < node->parent->events.back().order) node = node->parent;
  while (!node->is_leaf()) {
    const auto next = std::ranges::upper_bound(node->events, order, {}, &Event::order);
    node = node->children[static_cast<std::size_t>(next - node->events.begin())].get();
  }
  return node;
}

void ExactWindow::insert(const EventOrder& order, std::span<const Value> arguments) {
  Node* node = leaf_for(order);
  node->events.insert(std::ranges::upper_bound(node->events, order, {}, &Event::order), Event{order, {arguments.begin(), arguments.end()}});
  ++size_;
  touched_.push_back(node);
  for (; node != nullptr && node->events.size() > kEventsMost; node = node->parent) split(*node);
  repair();
}

/// The upper half becomes a node to the right, and the event between them goes to the parent.
void ExactWindow::split(Node& node) {
  if (node.parent == nullptr) {
    auto above = std::make_unique<Node>();
    node.parent = above.get();
    node.left_spine = node.right_spine = true;
    above->children.push_back(std::move(root_));
    root_ = std::move(above);
    root_is_another_ = true;
  }
  auto right = std::make_unique<Node>();
  const std::size_t half = (kEventsMost + 1) / 2;
  move_back(node.events, half + 1, right->events);
  Event between = std::move(node.events.back());
  node.events.pop_back();
  if (!node.is_leaf()) move_back(node.children, half + 1, right->children);
  for (const auto& child : right->children) child->parent = right.get();
  right->parent = node.parent;
  right->right_spine = node.right_spine;
  node.right_spine = false;
  if (right_finger_ == &node) right_finger_ = right.get();
  touched_.insert(touched_.end(), {&node, right.get(), node.parent});
  auto& siblings = node.parent->children;
  const std::size_t at = place_among(siblings, &node);
  node.parent->events.insert(node.parent->events.begin() + static_cast<std::ptrdiff_t>(at), std::move(between));
  siblings.insert(siblings.begin() + static_cast<std::ptrdiff_t>(at + 1), std::move(right));
}

bool ExactWindow::erase(const EventOrder& order) {
  Node* node = root_.get();
  while (true) {
    const auto found = std::ranges::lower_bound(node->events, order, {}, &Event::order);
    const auto at = static_cast<std::size_t>(found - node->events.begin());
    if (found != node->events.end() && found->order == order) return erase_at(*node, at), true;
    if (node->is_leaf()) return false;
    node = node->children[at].get();
  }
}

void ExactWindow::evict(Instant until) {
  while (size_ > 0 && left_finger_->events.front().order.time <= until) erase_at(*left_finger_, 0);
}

void ExactWindow::erase_at(Node& node, std::size_t place) {
  --size_;
  Node* leaf = &node;
  const bool inner = !node.is_leaf();
  if (inner) {
    // The event before it, which is at the end of a leaf, takes its place.
    leaf = node.children[place].get();
    while (!leaf->is_leaf()) leaf = leaf->children.back().get();
    node.events[place] = std::move(leaf->events.back());
    leaf->events.pop_back();
  } else {
    node.events.erase(node.events.begin() + static_cast<std::ptrdiff_t>(place));
  }
  touched_.push_back(leaf);
  mend(leaf);
  // What is on the way from a leaf far below up to the node is touched, too. The leaf may have been joined with another by now, which took
  // its place among the touched, and the node as well.
  for (Node* above = inner ? touched_.front() : nullptr; above != nullptr; above = above->parent) touched_.push_back(above);
  repair();
}

/// Nodes that have become too small take from a neighbour, or are joined with one, upwards.
void ExactWindow::mend(Node* node) {
  while (node->parent != nullptr && node->events.size() < kEventsLeast) {
    Node& parent = *node->parent;
    const std::size_t at = place_among(parent.children, node);
    const bool has_right = at + 1 < parent.children.size();
    Node& neighbour = *parent.children[has_right ? at + 1 : at - 1];
    if (neighbour.events.size() > kEventsLeast)
      return has_right ? borrow_from_right(*node, neighbour, at) : borrow_from_left(neighbour, *node, at - 1);
    join(has_right ? *node : neighbour, has_right ? at : at - 1);
    node = &parent;
  }
  if (root_->events.empty() && !root_->is_leaf()) lower_root();
}

void ExactWindow::borrow_from_right(Node& node, Node& right, std::size_t between) {
  Event& separator = node.parent->events[between];
  node.events.push_back(std::exchange(separator, std::move(right.events.front())));
  right.events.erase(right.events.begin());
  if (!right.is_leaf()) {
    right.children.front()->parent = &node;
    node.children.push_back(std::move(right.children.front()));
    right.children.erase(right.children.begin());
  }
  touched_.insert(touched_.end(), {&node, &right, node.parent});
}

void ExactWindow::borrow_from_left(Node& left, Node& node, std::size_t between) {
  Event& separator = node.parent->events[between];
  node.events.insert(node.events.begin(), std::exchange(separator, std::move(left.events.back())));
  left.events.pop_back();
  if (!left.is_leaf()) {
    left.children.back()->parent = &node;
    node.children.insert(node.children.begin(), std::move(left.children.back()));
    left.children.pop_back();
  }
  touched_.insert(touched_.end(), {&left, &node, node.parent});
}

/// A node, the event behind it and the node to the right become the one node.
void ExactWindow::join(Node& left, std::size_t between) {
  Node& parent = *left.parent;
  const std::unique_ptr<Node> right = std::move(parent.children[between + 1]);
  left.events.push_back(std::move(parent.events[between]));
  move_back(right->events, 0, left.events);
  for (const auto& child : right->children) child->parent = &left;
  move_back(right->children, 0, left.children);
  left.right_spine = right->right_spine;
  if (right_finger_ == right.get()) right_finger_ = &left;
  parent.events.erase(parent.events.begin() + static_cast<std::ptrdiff_t>(between));
  parent.children.erase(parent.children.begin() + static_cast<std::ptrdiff_t>(between + 1));
  std::ranges::replace(touched_, right.get(), &left);
  touched_.insert(touched_.end(), {&left, &parent});
}

void ExactWindow::lower_root() {
  const std::unique_ptr<Node> old = std::exchange(root_, std::move(root_->children.front()));
  root_->parent = nullptr;
  root_->left_spine = root_->right_spine = false;
  std::ranges::replace(touched_, old.get(), root_.get());
  root_is_another_ = true;
}

void ExactWindow::repair() {
  Node *left = nullptr, *right = nullptr;
  const auto meet = [&](Node* node) {
    if (!node->on_spine()) return recompute(*node);
    if (node->left_spine) left = node;  // the last one met is the highest
    if (node->right_spine) right = node;
  };
  for (Node* node : touched_) meet(node);
  for (Node* node = touched_.back(); !node->on_spine();) meet(node = node->parent);
  recompute(*root_);
  if (root_is_another_ && !root_->is_leaf()) left = root_->children.front().get(), right = root_->children.back().get();
  repair_spine(left, true);
  repair_spine(right, false);
  touched_.clear();
  root_is_another_ = false;
}

/// Each node of a spine holds what those above it hold, so all below one that changed change, too.
void ExactWindow::repair_spine(Node* from, bool left) {
  for (Node* node = from; node != nullptr; node = node->is_leaf() ? nullptr : (left ? node->children.front() : node->children.back()).get())
    recompute(*node);
}

void ExactWindow::recompute(Node& node) {
  AggregateSet::Block fresh(*set_);
  const bool is_root = node.parent == nullptr;
  add_content(node, !is_root && !node.left_spine, !is_root && !node.right_spine, fresh);
  if (!is_root && node.on_spine() && node.parent->parent != nullptr) set_->merge(fresh, node.parent->aggregate);
  node.aggregate = std::move(fresh);
}

/// Its events and its children, with or without the outer ones.
void ExactWindow::add_content(const Node& node, bool first_child, bool last_child, AggregateSet::Block& into) const {
  for (std::size_t i = 0; i <= node.events.size(); ++i) {
    const bool wanted = (i > 0 || first_child) && (i < node.events.size() || last_child);
    if (!node.is_leaf() && wanted) set_->merge(into, node.children[i]->aggregate);
    if (i < node.events.size()) set_->insert(into, node.events[i].order, node.events[i].arguments);
  }
}

void ExactWindow::collect(Instant after, Instant until, AggregateSet::Block& into) const {
  if (size_ == 0 || after >= until) return;
  const bool all = left_finger_->events.front().order.time > after && right_finger_->events.back().order.time <= until;
  if (!all) return collect(*root_, {after, until}, false, false, into);
  set_->merge(into, root_->aggregate);
  if (root_->is_leaf()) return;
  set_->merge(into, left_finger_->aggregate);
  set_->merge(into, right_finger_->aggregate);
}

/// after_all, until_all   whether everything below is known to be after the beginning, and not after the end
void ExactWindow::collect(const Node& node, Span span, bool after_all, bool until_all, AggregateSet::Block& into) const {
  if (after_all && until_all && !node.on_spine()) return set_->merge(into, node.aggregate);
  const std::size_t events = node.events.size();
  for (std::size_t i = 0; i <= events; ++i) {
    const Event *before = i > 0 ? &node.events[i - 1] : nullptr, *next = i < events ? &node.events[i] : nullptr;
    if (before != nullptr && before->order.time > span.until) return;
    const bool reached = next == nullptr || next->order.time > span.after;
    if (reached && !node.is_leaf()) {
      const bool child_after = before != nullptr ? before->order.time > span.after : after_all;
      const bool child_until = next != nullptr ? next->order.time <= span.until : until_all;
      collect(*node.children[i], span, child_after, child_until, into);
    }
    if (next != nullptr && reached && next->order.time <= span.until) set_->insert(into, next->order, next->arguments);
  }
}

std::size_t ExactWindow::bytes() const {
  std::size_t bytes = 0;
  const auto add = [&](const auto& self, const Node& node) -> void {
    bytes += sizeof(Node) + set_->bytes(node.aggregate) + node.events.capacity() * sizeof(Event) + node.children.capacity() * sizeof(void*);
    for (const Event& event : node.events) bytes += event.arguments.capacity() * sizeof(Value);
    for (const auto& child : node.children) self(self, *child);
  };
  add(add, *root_);
  return bytes;
}

void ExactWindow::check() const {
  AggregateSet::Block whole(*set_);
  CHECK(check_node(*root_, whole) == size_, size_);
  const Node *left = root_.get(), *right = root_.get();
  for (; !left->is_leaf(); left = left->children.front().get()) CHECK(left->children.front()->left_spine);
  for (; !right->is_leaf(); right = right->children.back().get()) CHECK(right->children.back()->right_spine);
  CHECK(left == left_finger_ && right == right_finger_);
}

/// How many events are below; their aggregate is added to `whole`.
std::size_t ExactWindow::check_node(const Node& node, AggregateSet::Block& whole) const {
  const bool is_root = node.parent == nullptr;
  CHECK(node.events.size() <= kEventsMost && (is_root || node.events.size() >= kEventsLeast), node.events.size());
  CHECK(node.is_leaf() || node.children.size() == node.events.size() + 1);
  CHECK(std::ranges::is_sorted(node.events, {}, &Event::order));
  std::size_t count = node.events.size();
  AggregateSet::Block below(*set_);
  for (const auto& child : node.children) {
    CHECK(child->parent == &node);
    const bool first = child == node.children.front(), last = child == node.children.back();
    CHECK(child->left_spine == (first && (is_root || node.left_spine)));
    CHECK(child->right_spine == (last && (is_root || node.right_spine)));
    count += check_node(*child, below);
  }
  for (const Event& event : node.events) set_->insert(below, event.order, event.arguments);
  set_->merge(whole, below);
  if (node.on_spine()) return count;
  std::string held, right;
  set_->encode(node.aggregate, held);
  set_->encode(below, right);
  CHECK(held == right);
  return count;
}

}  // namespace isobar::features
