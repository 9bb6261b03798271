// What a replica votes, and that it votes once: the seven steps of the check, one by one, and what a crash may not undo.

#include "scenario_kit.h"

namespace isobar::db {

namespace {

std::uint64_t far(const Lab& lab, Duration ahead) { return static_cast<std::uint64_t>((lab.now.wall + ahead).unix_nanos()); }

bool commits(const std::optional<VoteReply>& reply) { return reply && reply->vote.statement.vote == Outcome::kCommit; }
bool aborts(const std::optional<VoteReply>& reply, AbortReason reason) {
  return reply && reply->vote.statement.vote == Outcome::kAbort && reply->reason == reason;
}

std::string a_timestamp_beyond_the_bound_is_refused() {
  Lab lab;
  const auto early = lab.sign(a_tx(1, far(lab, std::chrono::milliseconds(99))).writes("x", "1"));
  const auto late = lab.sign(a_tx(2, far(lab, std::chrono::milliseconds(101))).reads("y").writes("x", "2"));
  MUST(commits(lab.prepare(lab.at(0), early)), "a timestamp within the bound is refused");
  MUST(aborts(lab.prepare(lab.at(1), late), AbortReason::kClock), "a timestamp beyond the bound is taken");
  const auto output = lab.tell(lab.at(1), ClientId(2), ReadRequest{1, "y", late.tx.timestamp, false});
  MUST(find<ReadReply>(output)->refused == AbortReason::kClock, "a read beyond the bound is answered");
  MUST(commits(lab.prepare(lab.at(1), lab.sign(a_tx(3, 50).writes("y", "1")))), "a reader beyond the bound stands against a writer");
  return "";
}

/// Of one replica; the others' clocks are right.
std::string who_is_an_hour_wrong_dissents_and_nothing_else() {
  Lab lab;
  lab.commit(lab.sign(a_tx(1, 990'000'000'000).writes("x", "0")));
  const auto tx = lab.sign(a_tx(1, 999'999'000'000).writes("x", "1"));
  for (const Duration error : {-std::chrono::hours(1), std::chrono::hours(1)}) {
    const Now wrong{lab.now.wall + error, lab.now.steady};
    lab.replica(lab.at(0)).tick(wrong);
    MUST(lab.replica(lab.at(0)).checkpoints().closed() <= 990'000'000'000, "a clock that runs ahead closes what is still to come");
  }
  const Now behind{lab.now.wall - std::chrono::hours(1), lab.now.steady};
  lab.replica(lab.at(0)).step(ClientId(1), Prepare{tx}, behind);
  const auto output = lab.replica(lab.at(0)).take();
  const auto* dissents = find<VoteReply>(output);
  MUST(dissents && dissents->vote.statement.vote == Outcome::kAbort && dissents->reason == AbortReason::kClock, "it does not dissent");
  const auto votes = lab.prepare(tx, 1, 5);
  std::vector<Logged> logged;
  for (std::uint32_t i = 0; i < 6; ++i)
    if (const auto one = lab.log(lab.at(i), tx, Outcome::kCommit, votes)) logged.push_back(*one);
  MUST(lab.verify({tx.tx.id(), Outcome::kCommit, LoggedProof{logged}}, tx).ok(), "the others cannot commit without it");
  return "";
}

std::string one_timestamp_is_one_transaction() {
  Lab lab;
  const auto one = lab.sign(a_tx(1, 100).writes("x", "1")), other = lab.sign(a_tx(1, 100).writes("y", "1"));
  MUST(commits(lab.prepare(lab.at(0), one)), "the first is refused");
  lab.now.steady = lab.now.steady + std::chrono::seconds(1);
  const auto output = lab.tell(lab.at(0), ClientId(1), Prepare{other});
  MUST(find<VoteReply>(output)->vote.statement.vote == Outcome::kAbort, "two transactions with one timestamp are let pass");
  MUST(output.evidence.size() == 1 && std::holds_alternative<SameTimestamp>(output.evidence.front()), "there is no evidence of it");
  return "";
}

std::string who_has_no_right_to_a_key_neither_reads_nor_writes_it() {
  Lab lab;
  lab.members.members.rights[ClientId(2)] = {{"x", "y"}, {"y"}};
  const auto forbidden = AbortReason::kForbidden;
  MUST(commits(lab.prepare(lab.at(0), lab.sign(a_tx(1, 100).reads("z").writes("x", "1")))), "who has every right is refused");
  MUST(commits(lab.prepare(lab.at(0), lab.sign(a_tx(2, 110).reads("x9").writes("y1", "1")))), "what is allowed is refused");
  MUST(aborts(lab.prepare(lab.at(0), lab.sign(a_tx(2, 120).writes("x", "1"))), forbidden), "who may only read writes");
  MUST(aborts(lab.prepare(lab.at(0), lab.sign(a_tx(2, 130).reads("z").writes("y", "1"))), forbidden), "who may not read it has read it");
  const auto refusal = [&](const std::string& key) {
    return find<ReadReply>(lab.tell(lab.at(0), ClientId(2), ReadRequest{1, key, {200, ClientId(2)}, false}))->refused;
  };
  MUST(refusal("x") == AbortReason::kNone && refusal("z") == forbidden, "reads are not answered by the rights");
  return "";
}

std::string who_reads_without_end_holds_writers_off_half_of_the_time_at_most() {
  for (const bool takes_back : {false, true}) {
    Lab lab;
    const Instant began = lab.now.steady;
    Duration free{};
    for (std::uint64_t i = 0; i < 1200; ++i) {
      const Timestamp reader{static_cast<std::uint64_t>(lab.now.wall.unix_nanos()), ClientId(3)};
      lab.tell(lab.at(0), ClientId(3), ReadRequest{i, "x", reader, false});
      lab.now = {lab.now.wall + std::chrono::milliseconds(50), lab.now.steady + std::chrono::milliseconds(50)};
      lab.replica(lab.at(0)).tick(lab.now);
      const auto writer = lab.sign(a_tx(1, reader.time - 1000).writes("x", std::to_string(i)));
      if (commits(lab.prepare(lab.at(0), writer))) free += std::chrono::milliseconds(50);
      if (takes_back) lab.tell(lab.at(0), ClientId(3), ReleaseReads{reader, {"x"}});
    }
    MUST(2 * free >= lab.now.steady - began, "a flood of reads holds writers off for longer");
  }
  return "";
}

std::string more_than_a_batch_holds_is_answered_at_once() {
  Lab lab;
  Replica& replica = lab.replica(lab.at(0));
  constexpr std::uint32_t kMany = 2 * kBatchMost + 1;
  for (std::uint32_t i = 0; i < kMany; ++i)
    replica.step(ClientId(1), Prepare{lab.sign(a_tx(1, 100 + i).writes("x" + std::to_string(i), "1"))}, lab.now);
  const auto output = replica.take();
  MUST(output.sends.size() == kMany, "some are not answered");
  for (const auto& outgoing : output.sends) {
    const auto* reply = std::get_if<VoteReply>(&outgoing.message);
    MUST(reply && lab.verifier().holds(reply->vote), "an answer is not signed");
  }
  return "";
}

std::string a_dependency_that_comes_along_is_prepared_too() {
  Lab lab;
  const auto writer = lab.sign(a_tx(1, 100).writes("x", "1"));
  const auto reader = lab.sign(a_tx(2, 200).depends("x", writer).writes("y", "1"));
  const auto stranger = lab.sign(a_tx(3, 50).writes("z", "1"));
  const auto output = lab.tell(lab.at(0), ClientId(2), Prepare{reader, {stranger, writer}});
  MUST(!find<VoteReply>(output), "it is voted on before its dependency is decided");
  const auto undecided = lab.replica(lab.at(0)).undecided();
  MUST(std::find(undecided.begin(), undecided.end(), writer) != undecided.end(), "the dependency is not prepared");
  MUST(std::find(undecided.begin(), undecided.end(), stranger) == undecided.end(), "what it does not depend on is prepared");
  lab.commit(writer);
  MUST(commits(lab.prepare(lab.at(0), reader)), "it does not commit with its dependency");
  return "";
}

std::string who_refused_the_dependency_waits_for_what_becomes_of_it() {
  for (const bool commit : {false, true}) {
    Lab lab;
    const auto later = lab.sign(a_tx(3, 150).reads("x").writes("z", "1"));
    MUST(commits(lab.prepare(lab.at(0), later)), "the reader is refused");
    const auto writer = lab.sign(a_tx(1, 100).writes("x", "1"));
    MUST(aborts(lab.prepare(lab.at(0), writer), AbortReason::kHidesWrite), "a write that the reader missed is let pass");
    auto votes = lab.prepare(writer, 1, 5);
    const auto reader = lab.sign(a_tx(2, 200).depends("x", writer).writes("y", "1"));
    MUST(!lab.prepare(lab.at(0), reader), "it is voted on before its dependency is decided");
    LoggedProof logged;
    const Outcome outcome = commit ? Outcome::kCommit : Outcome::kAbort;
    for (std::uint32_t i = 0; i < 5; ++i) logged.logged.push_back(lab.lie(lab.at(i), writer, outcome, 0, 0));
    lab.write_back({writer, {writer.tx.id(), outcome, logged}});
    const auto vote = lab.prepare(lab.at(0), reader);
    MUST(commit ? commits(vote) : aborts(vote, AbortReason::kDependency), "its vote is not what became of the dependency");
  }
  return "";
}

std::string who_reads_a_newer_version_than_itself_is_dropped() {
  Lab lab;
  const auto before = lab.replica(lab.at(0)).counters().dropped;
  MUST(!lab.prepare(lab.at(0), lab.sign(a_tx(1, 100).reads("x", {101, ClientId(2)}))), "a read of the future is voted on");
  MUST(!lab.prepare(lab.at(0), lab.sign(a_tx(1, 100).reads("x", {100, ClientId(1)}))), "a read of itself is voted on");
  MUST(lab.replica(lab.at(0)).counters().dropped == before + 2, "what is dropped is not counted");
  return "";
}

std::string nobody_uses_anothers_timestamps() {
  Lab lab;
  auto tx = lab.sign(a_tx(1, 100).writes("x", "1"));
  const Signer& other = lab.members.signer_of(ClientId(2));
  for (const ClientId as : {ClientId(1), ClientId(2)}) {
    tx.proof = sign_alone(RequestStatement{tx.tx.id()}, as, Epoch(1), other);
    MUST(!lab.prepare(lab.at(0), tx), "a client spends another's timestamps");
  }
  const auto output = lab.tell(lab.at(0), ClientId(2), ReadRequest{1, "x", {100, ClientId(1)}, false});
  MUST(!find<ReadReply>(output), "a client reads as another");
  Transaction wrong = lab.sign(a_tx(1, 100).writes("x", "1")).tx;
  wrong.epoch = Epoch(2);
  const auto signed_for = [&](Epoch epoch) {
    return sign_alone(RequestStatement{wrong.id()}, ClientId(1), epoch, lab.members.signer_of(ClientId(1)));
  };
  for (const Epoch epoch : {Epoch(1), Epoch(2)})
    MUST(!lab.prepare(lab.at(0), {wrong, signed_for(epoch)}), "a transaction of another epoch is voted on");
  return "";
}

std::string a_missed_write_aborts() {
  for (const bool decided : {false, true}) {
    Lab lab;
    const auto writer = lab.sign(a_tx(1, 100).writes("x", "1"));
    decided ? (void)lab.commit(writer) : (void)lab.prepare(writer, 0, 6);
    const auto misses = lab.prepare(lab.at(0), lab.sign(a_tx(2, 200).reads("x").writes("y", "1")));
    MUST(aborts(misses, AbortReason::kMissedWrite), "who missed a write may commit");
    MUST(decided ? misses->conflict.has_value() : misses->blocker.has_value(), "it is not said what stands against it");
    MUST(commits(lab.prepare(lab.at(0), lab.sign(a_tx(3, 50).reads("x").writes("z", "1")))), "an earlier reader misses nothing");
  }
  return "";
}

std::string a_write_below_a_later_reader_aborts() {
  for (const bool decided : {false, true}) {
    Lab lab;
    const auto reader = lab.sign(a_tx(1, 200).reads("x").writes("y", "1"));
    decided ? (void)lab.commit(reader) : (void)lab.prepare(reader, 0, 6);
    const auto hidden = lab.prepare(lab.at(0), lab.sign(a_tx(2, 100).writes("x", "1")));
    MUST(aborts(hidden, AbortReason::kHidesWrite), "a write that a later reader missed may commit");
    MUST(decided ? hidden->conflict.has_value() : hidden->blocker.has_value(), "it is not said what stands against it");
    MUST(commits(lab.prepare(lab.at(0), lab.sign(a_tx(3, 300).writes("x", "1")))), "a later write is refused");
  }
  return "";
}

std::string write_skew_does_not_commit_twice() {
  Lab lab;
  const auto one = lab.sign(a_tx(1, 100).reads("x").reads("y").writes("x", "1")),
             other = lab.sign(a_tx(2, 101).reads("x").reads("y").writes("y", "1"));
  int both = 0;
  for (std::uint32_t i = 0; i < 6; ++i) {
    const auto first = lab.prepare(lab.at(i), i % 2 ? one : other), second = lab.prepare(lab.at(i), i % 2 ? other : one);
    if (commits(first) && commits(second)) ++both;
  }
  MUST(both == 0, "a replica votes for both sides of a write skew");
  return "";
}

std::string a_reader_under_way_holds_off_writers_for_a_while() {
  Lab lab;
  lab.tell(lab.at(0), ClientId(1), ReadRequest{1, "x", {200, ClientId(1)}, false});
  MUST(aborts(lab.prepare(lab.at(0), lab.sign(a_tx(2, 100).writes("x", "1"))), AbortReason::kReader),
       "a writer slips in below a reader under way");
  lab.tell(lab.at(0), ClientId(2), ReleaseReads{{200, ClientId(1)}, {"x"}});
  MUST(aborts(lab.prepare(lab.at(0), lab.sign(a_tx(2, 101).writes("x", "1"))), AbortReason::kReader),
       "somebody else takes a reader's mark away");
  lab.tell(lab.at(0), ClientId(1), ReleaseReads{{200, ClientId(1)}, {"x"}});
  MUST(commits(lab.prepare(lab.at(0), lab.sign(a_tx(2, 102).writes("x", "1")))), "a reader that gave up holds off writers");
  // A client that reads and never commits holds nobody off for long, nor many keys at once.
  for (std::uint64_t i = 0; i < 5000; ++i)
    lab.tell(lab.at(0), ClientId(3), ReadRequest{i, "f" + std::to_string(i), {300, ClientId(3)}, false});
  MUST(commits(lab.prepare(lab.at(0), lab.sign(a_tx(2, 103).writes("f0", "1")))), "a client holds off writers of any number of keys");
  MUST(aborts(lab.prepare(lab.at(0), lab.sign(a_tx(2, 104).writes("f4999", "1"))), AbortReason::kReader),
       "the latest marks are the first to go");
  lab.now.steady = lab.now.steady + std::chrono::seconds(3);
  lab.replica(lab.at(0)).tick(lab.now);
  MUST(commits(lab.prepare(lab.at(0), lab.sign(a_tx(2, 105).writes("f4999", "1")))), "a mark lives for ever");
  return "";
}

std::string a_dependent_waits_and_shares_its_writers_fate() {
  for (const bool writer_commits : {true, false}) {
    Lab lab;
    const auto writer = lab.sign(a_tx(1, 100).writes("x", "1"));
    lab.prepare(writer, 0, 6);
    const auto reader = lab.sign(a_tx(2, 200).depends("x", writer).writes("y", "1"));
    MUST(!lab.prepare(lab.at(0), reader), "it votes before what it depends on is decided");
    lab.now.steady = lab.now.steady + std::chrono::milliseconds(20);
    lab.replica(lab.at(0)).tick(lab.now);
    const auto told = lab.replica(lab.at(0)).take();
    MUST(find<Blocker>(told) && find<Blocker>(told)->tx == writer, "its client is not told for whom it waits");
    // The writer's own client is gone; anyone can finish it with what it was told.
    Decided decided{writer, lab.votes_certificate(writer, Outcome::kCommit, lab.prepare(writer, 0, 6))};
    if (!writer_commits) {
      std::vector<Vote> votes;
      for (std::uint32_t i = 0; i < 4; ++i) votes.push_back(lab.lie(lab.at(i), writer, Outcome::kAbort));
      decided.certificate = lab.votes_certificate(writer, Outcome::kAbort, votes);
    }
    const auto output = lab.tell(lab.at(0), ClientId(2), Writeback{decided});
    const auto* reply = find<VoteReply>(output);
    MUST(reply && reply->vote.statement.tx == reader.tx.id(), "it does not vote when what it depends on is decided");
    MUST((reply->vote.statement.vote == Outcome::kCommit) == writer_commits, "it does not share its writer's fate");
  }
  return "";
}

std::string what_was_not_there_cannot_be_depended_on() {
  Lab lab;
  const auto unknown = lab.sign(a_tx(1, 100).writes("x", "1"));
  MUST(aborts(lab.prepare(lab.at(0), lab.sign(a_tx(2, 200).depends("x", unknown).writes("y", "1"))), AbortReason::kDependency),
       "it depends on what is not there");
  const auto elsewhere = lab.sign(a_tx(3, 90).writes("z", "1"));
  lab.prepare(lab.at(0), elsewhere);
  MUST(aborts(lab.prepare(lab.at(0), lab.sign(a_tx(2, 201).depends("x", elsewhere).writes("y", "1"))), AbortReason::kDependency),
       "it depends on somebody who did not write that");
  // A version that is prepared was read, and the dependency left out.
  const auto writer = lab.sign(a_tx(1, 110).writes("w", "1"));
  lab.prepare(lab.at(0), writer);
  MUST(aborts(lab.prepare(lab.at(0), lab.sign(a_tx(2, 202).reads("w", writer.tx.timestamp).writes("y", "1"))), AbortReason::kDependency),
       "a dependency can be left out");
  // Cycles: each would have to be older than the other.
  const auto one = lab.sign(a_tx(1, 300).depends("w", writer).writes("a", "1"));
  MUST(!check_form(lab.sign(a_tx(2, 250).depends("a", one).writes("b", "1")).tx, lab.members.members).ok(),
       "somebody depends on a later one");
  return "";
}

std::string a_chain_of_dependents_is_finished_from_the_bottom() {
  Lab lab;
  std::vector<SignedTransaction> chain{lab.sign(a_tx(1, 100).writes("k0", "0"))};
  lab.prepare(chain[0], 0, 6);
  for (std::uint64_t i = 1; i < 50; ++i) {
    chain.push_back(lab.sign(a_tx(1, 100 + i).depends("k" + std::to_string(i - 1), chain.back()).writes("k" + std::to_string(i), "1")));
    MUST(lab.prepare(chain.back(), 0, 6).empty(), "one of a chain votes before the one below it");
  }
  lab.write_back({chain[0], lab.votes_certificate(chain[0], Outcome::kCommit, lab.prepare(chain[0], 0, 6))});
  for (std::size_t i = 1; i < chain.size(); ++i) {
    const auto votes = lab.prepare(chain[i], 0, 6);
    MUST(votes.size() == 6, "one of a chain does not vote when the one below it is decided");
    lab.write_back({chain[i], lab.votes_certificate(chain[i], Outcome::kCommit, votes)});
  }
  MUST(lab.replica(lab.at(0)).undecided().empty(), "a chain is not finished");
  return "";
}

std::string a_vote_is_given_once_and_outlives_a_crash() {
  Lab lab;
  const auto tx = lab.sign(a_tx(1, 100).writes("x", "1"));
  MUST(commits(lab.prepare(lab.at(0), tx)), "the first vote is no commit");
  // What would change its mind comes meanwhile: a later reader that saw nothing of it.
  lab.restart(lab.at(0));
  MUST(aborts(lab.prepare(lab.at(0), lab.sign(a_tx(2, 200).reads("x").writes("y", "1"))), AbortReason::kMissedWrite),
       "a vote constrains nobody after a crash");
  lab.tell(lab.at(0), ClientId(3), ReadRequest{1, "x", {400, ClientId(3)}, false});
  MUST(commits(lab.prepare(lab.at(0), tx)), "a vote changes when it is asked for again");
  const auto refused = lab.sign(a_tx(2, 50).writes("y", "1"));
  lab.tell(lab.at(1), ClientId(3), ReadRequest{1, "y", {400, ClientId(3)}, false});
  MUST(aborts(lab.prepare(lab.at(1), refused), AbortReason::kReader), "the mark does not count");
  lab.restart(lab.at(1));
  MUST(aborts(lab.prepare(lab.at(1), refused), AbortReason::kReader), "a vote to abort is forgotten in a crash");
  return "";
}

std::string a_vote_that_was_not_synced_was_never_sent() {
  Lab lab;
  const auto tx = lab.sign(a_tx(1, 100).writes("x", "1"));
  const auto output = lab.tell(lab.at(0), ClientId(1), Prepare{tx});
  MUST(!output.records.empty() && find<VoteReply>(output), "a vote is not written before it is sent");
  for (const auto& outgoing : output.sends_now)
    MUST(!std::holds_alternative<VoteReply>(outgoing.message), "a vote is sent before it is written");
  lab.lose_last_records(lab.at(0));
  MUST(commits(lab.prepare(lab.at(0), lab.sign(a_tx(2, 200).reads("x").writes("y", "1")))),
       "a vote that was never given constrains somebody");
  // And what waits is still there to be depended on, and still waits.
  const auto reader = lab.sign(a_tx(3, 300).depends("y", lab.sign(a_tx(2, 200).reads("x").writes("y", "1"))).writes("z", "1"));
  MUST(!lab.prepare(lab.at(0), reader), "it does not wait");
  lab.restart(lab.at(0));
  MUST(!lab.prepare(lab.at(0), reader), "after a crash it waits no more");
  return "";
}

std::string a_decision_outlives_a_crash() {
  Lab lab;
  const auto tx = lab.sign(a_tx(1, 100).writes("x", "1"));
  lab.commit(tx);
  lab.restart(lab.at(0));
  MUST(lab.replica(lab.at(0)).certificate_of(tx.tx.id()), "a decision is forgotten in a crash");
  const auto output = lab.tell(lab.at(0), ClientId(2), ReadRequest{1, "x", {200, ClientId(2)}, true});
  MUST(find<ReadReply>(output)->committed && find<ReadReply>(output)->committed->value == "1", "a committed value is forgotten in a crash");
  MUST(find<ReadReply>(output)->committed->proof && lab.verifier().decided(*find<ReadReply>(output)->committed->proof, tx.tx.id()).ok(),
       "its proof is");
  MUST(!find<ReadReply>(lab.tell(lab.at(0), ClientId(2), ReadRequest{2, "x", {100, ClientId(1)}, false})), "somebody reads as another");
  MUST(!find<ReadReply>(lab.tell(lab.at(0), ClientId(2), ReadRequest{3, "x", {50, ClientId(2)}, false}))->committed,
       "a read gives what is newer than the reader");
  return "";
}

}  // namespace

std::vector<Scenario> check_scenarios() {
  return {{"ATimestampBeyondTheBoundIsRefused", a_timestamp_beyond_the_bound_is_refused},
          {"WhoHasNoRightToAKeyNeitherReadsNorWritesIt", who_has_no_right_to_a_key_neither_reads_nor_writes_it},
          {"WhoReadsWithoutEndHoldsWritersOffHalfOfTheTimeAtMost", who_reads_without_end_holds_writers_off_half_of_the_time_at_most},
          {"MoreThanABatchHoldsIsAnsweredAtOnce", more_than_a_batch_holds_is_answered_at_once},
          {"ADependencyThatComesAlongIsPreparedToo", a_dependency_that_comes_along_is_prepared_too},
          {"WhoRefusedTheDependencyWaitsForWhatBecomesOfIt", who_refused_the_dependency_waits_for_what_becomes_of_it},
          {"WhoIsAnHourWrongDissentsAndNothingElse", who_is_an_hour_wrong_dissents_and_nothing_else},
          {"OneTimestampIsOneTransaction", one_timestamp_is_one_transaction},
          {"WhoReadsANewerVersionThanItselfIsDropped", who_reads_a_newer_version_than_itself_is_dropped},
          {"NobodyUsesAnothersTimestamps", nobody_uses_anothers_timestamps},
          {"AMissedWriteAborts", a_missed_write_aborts},
          {"AWriteBelowALaterReaderAborts", a_write_below_a_later_reader_aborts},
          {"WriteSkewDoesNotCommitTwice", write_skew_does_not_commit_twice},
          {"AReaderUnderWayHoldsOffWritersForAWhile", a_reader_under_way_holds_off_writers_for_a_while},
          {"ADependentWaitsAndSharesItsWritersFate", a_dependent_waits_and_shares_its_writers_fate},
          {"WhatWasNotThereCannotBeDependedOn", what_was_not_there_cannot_be_depended_on},
          {"AChainOfDependentsIsFinishedFromTheBottom", a_chain_of_dependents_is_finished_from_the_bottom},
          {"AVoteIsGivenOnceAndOutlivesACrash", a_vote_is_given_once_and_outlives_a_crash},
          {"AVoteThatWasNotSyncedWasNeverSent", a_vote_that_was_not_synced_was_never_sent},
          {"ADecisionOutlivesACrash", a_decision_outlives_a_crash}};
}

}  // namespace isobar::db
