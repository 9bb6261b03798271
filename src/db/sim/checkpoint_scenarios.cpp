// What is closed, what comes to rest, and what is forgotten: and that nothing that was said can be contradicted by it (ADR 9).

#include <algorithm>

#include "db/committer.h"
#include "db/memory_key_values.h"
#include "scenario_kit.h"

namespace isobar::db {

namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;

CheckpointConfig soon(Duration retention = std::chrono::seconds(30)) {
  return {std::chrono::seconds(10), std::chrono::seconds(20), retention};
}

TxBuilder at_second(std::uint64_t client, std::uint64_t second) { return a_tx(client, second * kSecond); }

/// Keys of every shard are among enough of them.
std::string key_of(std::uint64_t shard, std::uint64_t n) { return "k" + std::to_string(shard) + "." + std::to_string(n); }

/// The lab's clock says 1000 s. Two transactions are committed, of 901 s and of 985 s; when a while has passed, 980 s and before are
/// closed, and before 950 s is forgotten.
struct Closing {
  Lab lab;
  Decided old, young;

  explicit Closing(std::uint32_t shards = 1, CheckpointConfig config = soon()) : lab(shards, 1, config) {
    old = lab.commit(lab.sign(at_second(1, 901).writes("x", "old")));
    young = lab.commit(lab.sign(at_second(1, 985).writes("z", "young")));
  }
  void pass(const std::set<ReplicaId>& deaf = {}) { lab.pass(std::chrono::seconds(3), deaf); }
  const Checkpoints& checkpoints(std::uint32_t index) { return lab.replica(lab.at(index)).checkpoints(); }
  ReadReply read(std::uint32_t index, const std::string& key, std::uint64_t second, bool with_proof = false) {
    const auto output = lab.tell(lab.at(index), ClientId(2), ReadRequest{1, key, {second * kSecond, ClientId(2)}, with_proof, false});
    const auto* reply = find<ReadReply>(output);
    return reply ? *reply : ReadReply{};
  }
  std::string value(std::uint32_t index, const std::string& key) {
    const auto reply = read(index, key, 1000);
    return reply.committed && reply.committed->value ? *reply.committed->value : "";
  }
  std::optional<VoteReply> late(std::uint32_t index, std::uint64_t second) {
    return lab.prepare(lab.at(index), lab.sign(at_second(2, second).writes("late", "1")));
  }
};

std::string what_is_closed_is_not_accepted_any_more() {
  Closing story;
  story.pass();
  for (std::uint32_t i = 0; i < 6; ++i) {
    MUST(story.checkpoints(i).matched() == 980 * kSecond, "replicas do not agree on what is at rest");
    const auto vote = story.late(i, 979);
    MUST(vote && vote->vote.statement.vote == Outcome::kAbort && vote->reason == AbortReason::kTooOld, "what is closed is accepted");
  }
  const auto vote = story.lab.prepare(story.lab.at(0), story.lab.sign(at_second(2, 981).writes("late", "1")));
  MUST(vote && vote->vote.statement.vote == Outcome::kCommit, "what is open is refused");
  return "";
}

std::string what_is_closed_stays_closed_after_a_kill() {
  Closing story;
  const ReplicaId one = story.lab.at(0);
  // Something undecided, so that the store tells nothing of how far the replica had closed.
  story.lab.prepare(one, story.lab.sign(at_second(2, 965).writes("open", "1")));
  story.pass({story.lab.at(1), story.lab.at(2), story.lab.at(3), story.lab.at(4), story.lab.at(5)});
  MUST(story.checkpoints(0).closed() == 980 * kSecond && story.checkpoints(0).settled() == 960 * kSecond,
       "it closes and settles otherwise");
  story.lab.restart(one);
  const auto vote = story.late(0, 975);
  MUST(vote && vote->vote.statement.vote == Outcome::kAbort, "what was closed is open again");
  return "";
}

std::string nothing_undecided_is_signed_for() {
  Closing story;
  const ReplicaId one = story.lab.at(0);
  story.lab.prepare(one, story.lab.sign(at_second(2, 965).writes("open", "1")));
  story.lab.now = {story.lab.now.wall + std::chrono::seconds(3), story.lab.now.steady + std::chrono::seconds(3)};
  story.lab.replica(one).tick(story.lab.now);
  const auto output = story.lab.tell(one, ClientId(1), StatusRequest{});
  const auto* signed_one = find<CheckpointSigned>(output);
  MUST(signed_one, "it signs nothing");
  MUST(signed_one->checkpoint.statement.until == 960 * kSecond, "it signs for what is undecided");
  return "";
}

std::string it_takes_a_commit_quorum_to_be_stable() {
  Closing story;
  story.pass({story.lab.at(3), story.lab.at(4), story.lab.at(5)});
  MUST(story.checkpoints(0).stable(ShardId(0)) == 0, "three of six make a checkpoint stable");
  story.pass({story.lab.at(4), story.lab.at(5)});
  MUST(story.checkpoints(0).stable(ShardId(0)) == 980 * kSecond, "four that agree make none stable");
  MUST(story.checkpoints(5).stable(ShardId(0)) == 0, "who hears nothing knows of it");
  story.pass();
  MUST(story.checkpoints(5).matched() == 980 * kSecond, "who was away does not learn what is stable");
  return "";
}

std::string what_is_said_to_be_stable_is_checked() {
  Closing story;
  const auto lie = [&](std::uint32_t as, std::uint32_t with) {
    const ReplicaId signer = story.lab.at(as);
    return attest(CheckpointStatement{970 * kSecond, {1}}, signer, story.lab.members.members.epoch,
                  story.lab.members.signer_of(story.lab.at(with)));
  };
  const std::vector<std::vector<Checkpoint>> lies = {
      {lie(0, 5), lie(1, 5), lie(2, 5), lie(3, 5)}, {lie(5, 5), lie(5, 5), lie(5, 5), lie(5, 5)}, {lie(5, 5)}, {}};
  for (const auto& list : lies) story.lab.tell(story.lab.at(0), story.lab.at(5), StableKnown{{list}});
  MUST(story.checkpoints(0).stable(ShardId(0)) == 0 && story.checkpoints(0).closed() == 0, "a liar makes a checkpoint stable alone");
  return "";
}

/// Replica 5 hears nothing at all of the old transaction, and is back when the others have forgotten it.
struct Missing : Closing {
  const ReplicaId away = lab.at(5);
  Missing() : Closing() {
    const auto tx = lab.sign(at_second(1, 905).writes("y", "missed"));
    const Decided decided{tx, lab.votes_certificate(tx, Outcome::kCommit, missing_votes(tx))};
    for (std::uint32_t i = 0; i < 5; ++i) lab.tell(lab.at(i), ClientId(1), Writeback{decided});
    pass({away});
  }
  std::vector<Vote> missing_votes(const SignedTransaction& tx) {
    auto votes = lab.prepare(tx, 0, 5);
    votes.push_back(lab.lie(away, tx, Outcome::kCommit));  // its vote, of a life that it remembers nothing of
    return votes;
  }
};

std::string who_lacks_something_old_has_it_from_the_others() {
  Missing story;
  MUST(story.checkpoints(0).forgotten(ShardId(0)) == 950 * kSecond, "the others have not forgotten it");
  MUST(story.value(5, "y").empty(), "it was not away");
  for (int turns = 0; turns < 4; ++turns) story.pass();
  MUST(story.value(5, "y") == "missed", "it does not get what it lacks");
  MUST(story.checkpoints(5).matched() == 980 * kSecond, "it has everything and does not match");
  story.lab.restart(story.away);
  MUST(story.value(5, "y") == "missed", "what it got is not on its disk");
  return "";
}

std::string who_lacks_something_does_not_match() {
  Missing story;
  story.lab.tell(story.away, story.lab.at(0), StableKnown{*story.lab.replica(story.lab.at(0)).checkpoints().stable_of(ShardId(0))});
  story.lab.now = {story.lab.now.wall + std::chrono::seconds(3), story.lab.now.steady + std::chrono::seconds(3)};
  story.lab.replica(story.away).tick(story.lab.now);
  story.lab.tell(story.away, ClientId(1), StatusRequest{});
  MUST(story.checkpoints(5).settled() == 980 * kSecond, "it puts nothing to rest");
  MUST(story.checkpoints(5).matched() == 0, "it matches what it does not hold");
  return "";
}

std::string false_leaves_and_empty_buckets_are_no_loss() {
  Missing story;
  const StableCheckpoint stable = *story.lab.replica(story.lab.at(0)).checkpoints().stable_of(ShardId(0));
  story.lab.tell(story.away, story.lab.at(0), StableKnown{stable});
  for (int turns = 0; turns < 8 && story.value(5, "y").empty(); ++turns) {
    story.lab.now = {story.lab.now.wall + std::chrono::seconds(3), story.lab.now.steady + std::chrono::seconds(3)};
    story.lab.replica(story.away).tick(story.lab.now);
    const auto asked = story.lab.tell(story.away, ClientId(1), StatusRequest{});
    const auto* fetch = find<FetchLeaves>(asked);
    if (!fetch) continue;
    for (const auto& outgoing : asked.sends_now) {
      if (!std::holds_alternative<FetchLeaves>(outgoing.message)) continue;
      const auto& other = std::get<ReplicaId>(outgoing.to);
      const bool is_liar = turns < 2;
      auto leaves = story.lab.tell(other, story.away, outgoing.message);
      LeavesSupplied supplied = *find<LeavesSupplied>(leaves);
      if (is_liar) supplied.leaves.front()[0] ^= 1;
      auto next = story.lab.tell(story.away, other, supplied);
      MUST(!is_liar || !find<FetchBucket>(next), "leaves that nobody signed are believed");
      for (int parts = 0; const auto* bucket = find<FetchBucket>(next); ++parts) {
        MUST(parts < 20, "it asks for ever");
        auto part = story.lab.tell(other, story.away, *bucket);
        next = story.lab.tell(story.away, other, *find<BucketSupplied>(part));
      }
    }
  }
  MUST(story.value(5, "y") == "missed", "who is lied to does not ask the next");
  return "";
}

std::string what_is_gone_is_not_voted_on_again() {
  Closing story;
  story.pass();
  const SignedTransaction tx = story.old.tx;
  for (std::uint32_t i = 0; i < 6; ++i) {
    const ReplicaId id = story.lab.at(i);
    MUST(!story.lab.replica(id).certificate_of(tx.tx.id()), "it is not forgotten");
    if (i % 2 == 1) story.lab.restart(id);
    for (const Message& message : {Message(Prepare{tx}), Message(Recover{tx}), Message(Writeback{story.old})}) {
      const auto output = story.lab.tell(id, ClientId(1), message);
      MUST(!find<VoteReply>(output) && !find<LoggedReply>(output), "a transaction that is forgotten is voted on again");
      MUST(find<GoneReply>(output), "nobody is told that it is gone");
    }
    MUST(story.value(i, "x") == "old", "what was committed is forgotten, too");
  }
  return "";
}

std::string what_is_at_rest_is_read_with_its_proof() {
  Closing story;
  story.pass();
  story.lab.restart(story.lab.at(2));
  const auto reply = story.read(2, "x", 1000, true);
  MUST(reply.committed && reply.committed->proof, "it comes without its certificate");
  MUST(story.lab.verifier().decided(*reply.committed->proof, story.old.tx.tx.id()).ok(), "its certificate proves nothing");
  return "";
}

std::string a_reader_of_what_is_not_kept_is_refused() {
  Closing story;
  story.lab.commit(story.lab.sign(at_second(1, 903).reads("x", {901 * kSecond, ClientId(1)}).writes("x", "newer")));
  story.pass();
  MUST(story.read(0, "x", 902).refused == AbortReason::kTooOld, "a reader is told that there was nothing, where there was something");
  MUST(story.value(0, "x") == "newer", "the newest is not read");
  return "";
}

std::string who_read_before_what_is_at_rest_is_refused() {
  Closing story;
  story.pass();
  const auto tx = story.lab.sign(at_second(2, 990).reads("x", {900 * kSecond, ClientId(3)}).writes("w", "1"));
  const auto vote = story.lab.prepare(story.lab.at(0), tx);
  MUST(vote && vote->vote.statement.vote == Outcome::kAbort && vote->reason == AbortReason::kMissedWrite, "it missed what is at rest");
  MUST(vote->conflict, "what it missed is not shown");
  const auto good = story.lab.sign(at_second(3, 991).reads("x", {901 * kSecond, ClientId(1)}).writes("w", "2"));
  const auto its_vote = story.lab.prepare(story.lab.at(0), good);
  MUST(its_vote && its_vote->vote.statement.vote == Outcome::kCommit, "who read what is at rest is refused");
  return "";
}

std::string older_versions_do_not_come_back() {
  Closing story(1, soon(std::chrono::seconds(500)));
  const auto newer = story.lab.sign(at_second(1, 903).writes("v", "newer"));
  const auto older = story.lab.sign(at_second(1, 902).writes("v", "older"));
  auto votes = story.lab.prepare(older, 0, 5);
  votes.push_back(story.lab.lie(story.lab.at(5), older, Outcome::kCommit));
  const Decided late{older, story.lab.votes_certificate(older, Outcome::kCommit, votes)};
  story.lab.commit(newer);
  for (std::uint32_t i = 0; i < 5; ++i) story.lab.tell(story.lab.at(i), ClientId(1), Writeback{late});
  story.pass();
  MUST(story.value(5, "v") == "newer", "it is not there");
  story.lab.tell(story.lab.at(5), ClientId(1), Writeback{late});
  story.pass();
  MUST(story.value(5, "v") == "newer", "an older version that came late took its place");
  return "";
}

std::string what_others_must_still_ask_for_is_kept() {
  Closing story(2);
  // On both shards; the second votes and is never told.
  Transaction tx = at_second(2, 902);
  for (const char* key : {"a", "b", "c", "d", "e", "f"}) tx.writes.push_back({key, "1"});
  const auto both = story.lab.sign(tx);
  MUST(both.tx.participants.size() == 2, "it is not on both shards");
  std::vector<Vote> votes;
  for (std::uint64_t shard : {0, 1})
    for (const auto& vote : story.lab.prepare(both, 0, 6, shard)) votes.push_back(vote);
  const Decided decided{both, story.lab.votes_certificate(both, Outcome::kCommit, votes)};
  for (std::uint32_t i = 0; i < 6; ++i) story.lab.tell(story.lab.at(i, 0), ClientId(2), Writeback{decided});
  for (std::uint64_t shard : {0, 1})  // so that both close
    for (std::uint64_t n = 0; n < 8; ++n) story.lab.commit(story.lab.sign(at_second(3, 985 + n).writes(key_of(shard, n), "1")));
  for (int turns = 0; turns < 3; ++turns) story.pass();
  MUST(story.checkpoints(0).matched() == 980 * kSecond, "the first shard puts nothing to rest");
  const auto output = story.lab.tell(story.lab.at(0, 0), ClientId(3), Recover{both});
  MUST(find<DecidedReply>(output), "what the other shard does not know yet is forgotten");
  for (std::uint32_t i = 0; i < 6; ++i) story.lab.tell(story.lab.at(i, 1), ClientId(2), Writeback{decided});
  for (int turns = 0; turns < 3; ++turns) story.pass();
  MUST(find<GoneReply>(story.lab.tell(story.lab.at(0, 0), ClientId(3), Recover{both})), "what both know is kept for ever");
  return "";
}

std::string what_nobody_else_accepted_is_dropped() {
  Closing story;
  const auto alone = story.lab.sign(at_second(2, 970).writes("q", "1"));
  const auto waits = story.lab.sign(at_second(3, 988).depends("q", alone).writes("r", "1"));
  story.lab.prepare(story.lab.at(0), alone);
  story.lab.prepare(story.lab.at(0), waits);
  for (int turns = 0; turns < 3; ++turns) story.pass();
  MUST(story.checkpoints(0).matched() == 980 * kSecond, "a transaction that nobody finishes holds it back for ever");
  MUST(story.lab.replica(story.lab.at(0)).undecided().empty(), "it stays prepared though it will never be committed");
  const auto vote = story.lab.prepare(story.lab.at(0), waits);
  MUST(vote && vote->vote.statement.vote == Outcome::kAbort && vote->reason == AbortReason::kDependency,
       "who depends on it waits for ever");
  return "";
}

std::string what_is_supplied_at_a_time_is_bounded() {
  Closing story;
  for (std::uint64_t n = 0; n < 12; ++n)
    story.lab.commit(story.lab.sign(at_second(1, 910 + n).writes("large" + std::to_string(n), std::string(400'000, 'v'))));
  story.pass();
  std::set<TxId> supplied;
  for (std::uint32_t bucket = 0; bucket < 4; ++bucket) {
    std::string after;
    for (int parts = 0;; ++parts) {
      MUST(parts < 20, "it never ends");
      const auto output = story.lab.tell(story.lab.at(0), story.lab.at(1), FetchBucket{bucket, after});
      const auto* part = find<BucketSupplied>(output);
      MUST(part, "nothing is supplied");
      MUST(encode_message(*part).size() < 2'000'000, "a part is larger than what a connection bears");
      for (const auto& decided : part->decided) supplied.insert(decided.certificate.tx);
      if (!part->next) break;
      after = *part->next;
    }
  }
  MUST(supplied.size() == 13, "something is left out");
  return "";
}

std::string records_without_their_first_are_let_go() {
  Closing story;
  const LogRecord rest{story.old.tx.tx.id(), std::nullopt, DecidedRecord{story.old.certificate}};
  const auto settled = settled_in_memory(4);
  const ReplicaId self = story.lab.at(0);
  Replica replica(ReplicaConfig{}, story.lab.members.members, self, story.lab.members.signer_of(self), story.lab.members.scheme);
  replica.restore(*settled, std::vector{rest}, story.lab.now);
  MUST(replica.kept() == 0, "something that was forgotten is kept without its content");
  MUST(replica.take().forgotten == std::vector{rest.tx}, "its file of the log would stay for ever");
  return "";
}

std::string who_depends_on_what_all_refused_does_not_wait_for_ever() {
  Closing story;
  const auto refused = story.lab.sign(at_second(2, 970).reads("x", {900 * kSecond, ClientId(3)}).writes("q", "1"));
  const auto waits = story.lab.sign(at_second(3, 988).depends("q", refused).writes("r", "1"));
  for (const auto& vote : story.lab.prepare(refused, 0, 6)) MUST(vote.statement.vote == Outcome::kAbort, "it is not refused");
  for (std::uint32_t i = 0; i < 6; ++i) MUST(!story.lab.prepare(story.lab.at(i), waits), "it does not wait");
  for (int turns = 0; turns < 3; ++turns) story.pass();
  const auto late = story.lab.sign(at_second(3, 989).depends("q", refused).writes("s", "1"));
  for (std::uint32_t i = 0; i < 6; ++i) {
    const auto vote = story.lab.prepare(story.lab.at(i), waits);
    MUST(vote && vote->vote.statement.vote == Outcome::kAbort, "it waits for what nobody will ever decide");
    const auto other = story.lab.prepare(story.lab.at(i), late);
    MUST(other && other->vote.statement.vote == Outcome::kAbort, "who comes later waits for it");
  }
  return "";
}

std::string one_replica_alone_does_not_say_that_it_is_gone() {
  Closing story;
  Verifier verifier(story.lab.members.members, story.lab.members.scheme);
  FastPatience patience;
  const CommitterConfig config;
  Committer committer(config, story.lab.members.members, verifier, patience, story.old.tx);
  std::vector<Committer::Send> sends;
  committer.start(story.lab.now.steady, sends);
  for (int again = 0; again < 3; ++again) committer.on(story.lab.at(5), GoneReply{story.old.tx.tx.id()}, story.lab.now.steady, sends);
  MUST(!committer.gone(), "a liar alone makes a client give up");
  committer.on(story.lab.at(0), GoneReply{story.old.tx.tx.id()}, story.lab.now.steady, sends);
  MUST(committer.gone(), "a client waits for what nobody remembers");
  return "";
}

}  // namespace

std::vector<Scenario> checkpoint_scenarios() {
  return {{"WhatIsClosedIsNotAcceptedAnyMore", what_is_closed_is_not_accepted_any_more},
          {"WhatIsClosedStaysClosedAfterAKill", what_is_closed_stays_closed_after_a_kill},
          {"NothingUndecidedIsSignedFor", nothing_undecided_is_signed_for},
          {"ItTakesACommitQuorumToBeStable", it_takes_a_commit_quorum_to_be_stable},
          {"WhatIsSaidToBeStableIsChecked", what_is_said_to_be_stable_is_checked},
          {"WhoLacksSomethingOldHasItFromTheOthers", who_lacks_something_old_has_it_from_the_others},
          {"WhoLacksSomethingDoesNotMatch", who_lacks_something_does_not_match},
          {"FalseLeavesAndEmptyBucketsAreNoLoss", false_leaves_and_empty_buckets_are_no_loss},
          {"WhatIsGoneIsNotVotedOnAgain", what_is_gone_is_not_voted_on_again},
          {"WhatIsAtRestIsReadWithItsProof", what_is_at_rest_is_read_with_its_proof},
          {"AReaderOfWhatIsNotKeptIsRefused", a_reader_of_what_is_not_kept_is_refused},
          {"WhoReadBeforeWhatIsAtRestIsRefused", who_read_before_what_is_at_rest_is_refused},
          {"OlderVersionsDoNotComeBack", older_versions_do_not_come_back},
          {"WhatOthersMustStillAskForIsKept", what_others_must_still_ask_for_is_kept},
          {"WhatNobodyElseAcceptedIsDropped", what_nobody_else_accepted_is_dropped},
          {"WhoDependsOnWhatAllRefusedDoesNotWaitForEver", who_depends_on_what_all_refused_does_not_wait_for_ever},
          {"WhatIsSuppliedAtATimeIsBounded", what_is_supplied_at_a_time_is_bounded},
          {"RecordsWithoutTheirFirstAreLetGo", records_without_their_first_are_let_go},
          {"OneReplicaAloneDoesNotSayThatItIsGone", one_replica_alone_does_not_say_that_it_is_gone}};
}

}  // namespace isobar::db
