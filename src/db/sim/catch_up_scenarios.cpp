// A replica that was away: what it missed it has from the others, with its proofs, or not at all.

#include "scenario_kit.h"

namespace isobar::db {

namespace {

/// The replica with index 5 is away while a transaction on x is committed by the others; then it is back.
struct Away {
  Lab lab;
  ReplicaId away = lab.at(5);
  Decided missed;

  Away() {
    const auto tx = lab.sign(a_tx(1, 100).writes("x", "1"));
    missed = {tx, lab.votes_certificate(tx, Outcome::kCommit, lab.prepare(tx, 0, 6))};
    for (std::uint32_t i = 0; i < 5; ++i) lab.tell(lab.at(i), ClientId(1), Writeback{missed});
    pass(std::chrono::seconds(60));
  }
  void pass(Duration span) { lab.now = {lab.now.wall + span, lab.now.steady + span}; }
  bool has_it() { return lab.replica(away).versions().committed().contains("x"); }
  ReplicaOutput tick() {
    lab.replica(away).tick(lab.now);
    return lab.replica(away).take();
  }
  /// Hands on what it asks, and the answers, until nobody says any more. lie: changes an answer
  template <class Lie>
  void talk(ReplicaOutput said, Lie lie) {
    for (int turns = 0; !said.sends_now.empty() && turns < 10; ++turns) {
      ReplicaOutput next;
      for (const auto& outgoing : said.sends_now) {
        const auto& other = std::get<ReplicaId>(outgoing.to);
        for (auto& answer : lab.tell(other, away, outgoing.message).sends_now) {
          lie(other, answer.message);
          for (auto& more : lab.tell(away, other, answer.message).sends_now) next.sends_now.push_back(std::move(more));
        }
      }
      said = std::move(next);
    }
  }
};

const auto kTruth = [](const ReplicaId&, Message&) {};

std::string who_was_away_has_it_from_the_others() {
  Away story;
  MUST(!story.has_it(), "it was not away");
  story.talk(story.tick(), kTruth);
  MUST(story.has_it(), "it does not catch up");
  MUST(story.lab.replica(story.away).counters().caught_up == 1, "it is not counted");
  story.lab.restart(story.away);
  MUST(story.has_it(), "what it caught up with is not on its disk");
  story.pass(std::chrono::seconds(2));
  bool fetched = false;
  story.talk(story.tick(),
             [&](const ReplicaId&, Message& message) { fetched = fetched || std::holds_alternative<SupplyDecided>(message); });
  MUST(!fetched, "it is supplied with what it has");
  return "";
}

std::string what_is_supplied_falsely_is_not_taken() {
  Away story;
  for (const int kind : {0, 1, 2}) {
    story.talk(story.tick(), [&](const ReplicaId&, Message& message) {
      auto* supply = std::get_if<SupplyDecided>(&message);
      if (!supply) return;
      for (auto& decided : supply->decided) {
        if (kind == 0) decided.certificate.decision = Outcome::kAbort;
        if (kind == 1) decided.tx.tx.writes.front().value = "supplied";
        if (kind == 2) std::get<VotesProof>(decided.certificate.proof).votes.pop_back();
      }
    });
    MUST(!story.has_it() && story.lab.replica(story.away).undecided().size() == 1, "a false supply is taken");
    story.pass(std::chrono::seconds(4));
  }
  story.talk(story.tick(), kTruth);
  MUST(story.has_it(), "who was lied to does not ask the next");
  return "";
}

std::string who_withholds_it_keeps_nobody_from_it() {
  Away story;
  std::optional<ReplicaId> liar;
  const auto withholds = [&](const ReplicaId& other, Message& message) {
    if (!liar) liar = other;
    if (*liar != other) return;
    if (auto* compared = std::get_if<WindowsCompared>(&message)) compared->ids.clear();
    if (auto* supply = std::get_if<SupplyDecided>(&message)) supply->decided.clear();
  };
  story.talk(story.tick(), withholds);
  MUST(!story.has_it(), "it has what was withheld");
  story.pass(std::chrono::seconds(2));
  story.talk(story.tick(), withholds);
  MUST(story.has_it(), "who withholds it keeps it from others, too");
  return "";
}

std::string answers_that_nobody_asked_for_are_not_looked_at() {
  Away story;
  const WindowsCompared unasked{0, 100, {story.missed.tx.tx.id()}};
  MUST(story.lab.tell(story.away, story.lab.at(0), unasked).sends_now.empty(), "an answer that was not asked for is followed");
  story.tick();
  for (const auto& [from, until] : {std::pair<std::uint64_t, std::uint64_t>{1, 100}, {0, 0}, {0, ~0ULL}})
    MUST(story.lab.tell(story.away, story.lab.at(0), WindowsCompared{from, until, {story.missed.tx.tx.id()}}).sends_now.empty(),
         "an answer to another question is followed");
  return "";
}

std::string only_replicas_of_the_shard_are_supplied() {
  Lab lab(2);
  const auto tx = lab.sign(a_tx(1, 100).writes("x", "1"));
  const ShardId home = lab.members.members.shard_of("x");
  lab.commit(tx);
  const ReplicaId keeper{home, 0}, stranger{ShardId(1 - home.value()), 0};
  for (const Peer& asker : {Peer(ClientId(1)), Peer(stranger), Peer(keeper)}) {
    MUST(lab.tell(keeper, asker, FetchDecided{{tx.tx.id()}}).sends_now.empty(), "data is given to strangers");
    MUST(lab.tell(keeper, asker, CompareWindows{0, 100, {}}).sends_now.empty(), "strangers are told what there is");
  }
  MUST(find<SupplyDecided>(lab.tell(keeper, ReplicaId{home, 1}, FetchDecided{{tx.tx.id()}})), "a neighbour is not supplied");
  return "";
}

std::string what_became_of_a_stuck_transaction_is_asked_for() {
  Lab lab;
  const auto tx = lab.sign(a_tx(1, 100).writes("x", "1"));
  std::vector<Vote> aborts;
  for (std::uint32_t i = 0; i < 4; ++i) aborts.push_back(lab.lie(lab.at(i), tx, Outcome::kAbort));
  lab.prepare(lab.at(5), tx);
  for (std::uint32_t i = 0; i < 5; ++i)
    lab.tell(lab.at(i), ClientId(1), Writeback{{tx, lab.votes_certificate(tx, Outcome::kAbort, aborts)}});
  lab.now.steady = lab.now.steady + std::chrono::seconds(4);
  lab.replica(lab.at(5)).tick(lab.now);
  for (const auto& outgoing : lab.replica(lab.at(5)).take().sends_now) {
    if (!std::holds_alternative<FetchDecided>(outgoing.message)) continue;
    const auto& other = std::get<ReplicaId>(outgoing.to);
    for (const auto& answer : lab.tell(other, lab.at(5), outgoing.message).sends_now) lab.tell(lab.at(5), other, answer.message);
  }
  MUST(lab.replica(lab.at(5)).undecided().empty(), "it stays prepared where everybody else knows that it was aborted");
  return "";
}

}  // namespace

std::vector<Scenario> catch_up_scenarios() {
  return {{"WhoWasAwayHasItFromTheOthers", who_was_away_has_it_from_the_others},
          {"WhatIsSuppliedFalselyIsNotTaken", what_is_supplied_falsely_is_not_taken},
          {"WhoWithholdsItKeepsNobodyFromIt", who_withholds_it_keeps_nobody_from_it},
          {"AnswersThatNobodyAskedForAreNotLookedAt", answers_that_nobody_asked_for_are_not_looked_at},
          {"OnlyReplicasOfTheShardAreSupplied", only_replicas_of_the_shard_are_supplied},
          {"WhatBecameOfAStuckTransactionIsAskedFor", what_became_of_a_stuck_transaction_is_asked_for}};
}

}  // namespace isobar::db
