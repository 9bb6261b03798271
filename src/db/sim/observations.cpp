#include "observations.h"

#include <fmt/format.h>

#include <algorithm>

namespace isobar::db {

namespace {

/// The places on a cycle, in order; empty: there is none. Depth first, with a stack of its own.
std::vector<std::size_t> cycle_in(const std::vector<std::set<std::size_t>>& edges) {
  enum class Mark { kNew, kOpen, kDone };
  std::vector<Mark> marks(edges.size(), Mark::kNew);
  for (std::size_t root = 0; root < edges.size(); ++root) {
    if (marks[root] != Mark::kNew) continue;
    std::vector<std::pair<std::size_t, std::set<std::size_t>::const_iterator>> path{{root, edges[root].begin()}};
    marks[root] = Mark::kOpen;
    while (!path.empty()) {
      auto& [at, next] = path.back();
      if (next == edges[at].end()) {
        marks[at] = Mark::kDone;
        path.pop_back();
        continue;
      }
      const std::size_t to = *next++;
      if (marks[to] == Mark::kOpen) {
        std::vector<std::size_t> cycle;
        for (auto on = path.rbegin(); on != path.rend(); ++on) {
          cycle.push_back(on->first);
          if (on->first == to) break;
        }
        std::reverse(cycle.begin(), cycle.end());
        return cycle;
      }
      if (marks[to] == Mark::kDone) continue;
      marks[to] = Mark::kOpen;
      path.emplace_back(to, edges[to].begin());
    }
  }
  return {};
}

}  // namespace

std::size_t Observations::committed(Observed observed) {
  all_.push_back(std::move(observed));
  return all_.size() - 1;
}

void Observations::aborted(const Observed& observed) {
  for (const auto& [key, value] : observed.writes)
    if (value) never_.emplace(Written{key, *value}, observed.name);
}

std::map<Observations::Written, std::size_t> Observations::writers() const {
  std::map<Written, std::size_t> writers;
  for (std::size_t at = 0; at < all_.size(); ++at)
    for (const auto& [key, value] : all_[at].writes)
      if (value) writers.emplace(Written{key, *value}, at);
  return writers;
}

Observations::Edges Observations::edges() const {
  const auto wrote = writers();
  std::map<Written, std::vector<std::size_t>> overwrote, read;
  for (std::size_t at = 0; at < all_.size(); ++at)
    for (const auto& [key, value] : all_[at].reads) {
      if (!value) continue;
      read[{key, *value}].push_back(at);
      if (all_[at].writes.contains(key)) overwrote[{key, *value}].push_back(at);
    }
  Edges edges(all_.size());
  const auto edge = [&](std::size_t from, std::size_t to) {
    if (from != to) edges[from].insert(to);
  };
  for (const auto& [what, readers] : read) {
    // Only of a correct client's is it known that it was written once.
    const auto writer = wrote.find(what);
    if (writer == wrote.end()) continue;
    const auto after = overwrote.find(what);
    for (const auto reader : readers) {
      edge(writer->second, reader);
      if (after == overwrote.end()) continue;
      for (const auto later : after->second) edge(reader, later);
    }
  }
  for (std::size_t at = 0; at < all_.size(); ++at)
    if (all_[at].after) edge(*all_[at].after, at);
  return edges;
}

std::vector<std::string> Observations::unexplained() const {
  std::vector<std::string> found;
  for (const auto& observed : all_)
    for (const auto& [key, value] : observed.reads)
      if (value && never_.contains({key, *value}))
        found.push_back(fmt::format("{} read of '{}' what {} wrote, which was aborted", observed.name, key, never_.at({key, *value})));
  const auto cycle = cycle_in(edges());
  if (cycle.empty()) return found;
  std::string text = "no order explains what clients saw:";
  for (const auto at : cycle) text += " " + all_[at].name + " →";
  found.push_back(text + " " + all_[cycle.front()].name);
  return found;
}

}  // namespace isobar::db
