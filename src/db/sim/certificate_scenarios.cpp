// Certificates and what may not pass for one: too few votes, votes of the wrong kind, proofs of other things.

#include <algorithm>

#include "scenario_kit.h"

namespace isobar::db {

namespace {

const Timestamp kThen{100, ClientId(1)};

std::string contents_have_ids_of_their_own() {
  Lab lab;
  const auto one = lab.sign(a_tx(1, 100).writes("acct1", "00")), other = lab.sign(a_tx(1, 100).writes("acct10", "0"));
  MUST(one.tx.id() != other.tx.id(), "two contents have one id");
  MUST(encode(one.tx) != encode(other.tx), "two contents have one encoding");
  return "";
}

std::string votes_are_counted_exactly() {
  Lab lab;
  const auto tx = lab.sign(a_tx(1, 100).writes("x", "1"));
  const auto votes = lab.prepare(tx, 0, 6);
  const auto first = [&](std::size_t n) { return std::vector<Vote>(votes.begin(), votes.begin() + static_cast<std::ptrdiff_t>(n)); };
  MUST(lab.verify(lab.votes_certificate(tx, Outcome::kCommit, votes), tx).ok(), "the votes of all are no certificate");
  for (std::size_t n = 0; n < 6; ++n)
    MUST(!lab.verify(lab.votes_certificate(tx, Outcome::kCommit, first(n)), tx).ok(), "5f votes make a commit final");
  MUST(lab.verifier().justification(Outcome::kCommit, VotesProof{first(4)}, tx.tx, tx.tx.id()).ok(), "3f+1 votes let no commit be logged");
  MUST(!lab.verifier().justification(Outcome::kCommit, VotesProof{first(3)}, tx.tx, tx.tx.id()).ok(), "3f votes let a commit be logged");
  return "";
}

std::string aborts_are_counted_exactly() {
  Lab lab;
  const auto tx = lab.sign(a_tx(1, 100).writes("x", "1"));
  std::vector<Vote> votes;
  const auto id = tx.tx.id();
  for (std::uint32_t i = 0; i < 4; ++i) {
    const bool is_final = i >= 4, may_be_logged = i >= 2;
    MUST(lab.verify(lab.votes_certificate(tx, Outcome::kAbort, votes), tx).ok() == is_final, "3f votes make an abort final");
    MUST(lab.verifier().justification(Outcome::kAbort, VotesProof{votes}, tx.tx, id).ok() == may_be_logged,
         "f votes let an abort be logged");
    votes.push_back(lab.lie(lab.at(i), tx, Outcome::kAbort));
  }
  MUST(lab.verify(lab.votes_certificate(tx, Outcome::kAbort, votes), tx).ok(), "3f+1 votes do not make an abort final");
  return "";
}

std::string logged_decisions_are_counted_exactly() {
  Lab lab;
  const auto tx = lab.sign(a_tx(1, 100).writes("x", "1"));
  LoggedProof proof;
  for (std::uint32_t i = 0; i < 4; ++i) proof.logged.push_back(lab.lie(lab.at(i), tx, Outcome::kCommit, 0, i));
  const auto certificate = [&] { return Certificate{tx.tx.id(), Outcome::kCommit, proof}; };
  MUST(!lab.verify(certificate(), tx).ok(), "4f logged decisions are a certificate");
  LoggedProof kept = proof;
  proof.logged.push_back(lab.lie(lab.at(4), tx, Outcome::kCommit, 1, 1));
  MUST(!lab.verify(certificate(), tx).ok(), "decisions of two views are added up");
  proof = kept;
  proof.logged.push_back(lab.lie(lab.at(4), tx, Outcome::kAbort, 0, 0));
  MUST(!lab.verify(certificate(), tx).ok(), "another decision is added up");
  proof = kept;
  proof.logged.push_back(lab.lie(lab.at(4), tx, Outcome::kCommit, 0, 0));
  MUST(lab.verify(certificate(), tx).ok(), "4f+1 logged decisions are no certificate");
  return "";
}

std::string a_signer_counts_once() {
  Lab lab;
  const auto tx = lab.sign(a_tx(1, 100).writes("x", "1"));
  const auto vote = lab.lie(lab.at(0), tx, Outcome::kCommit);
  MUST(!lab.verify(lab.votes_certificate(tx, Outcome::kCommit, std::vector<Vote>(6, vote)), tx).ok(), "one replica is six votes");
  LoggedProof logged{std::vector<Logged>(5, lab.lie(lab.at(0), tx, Outcome::kAbort, 0, 0))};
  MUST(!lab.verify({tx.tx.id(), Outcome::kAbort, logged}, tx).ok(), "one replica is a log quorum");
  return "";
}

std::string votes_of_other_transactions_outcomes_and_shards_do_not_count() {
  Lab lab(2);
  // A key of each shard.
  std::string here, there;
  for (int i = 0; here.empty() || there.empty(); ++i)
    (lab.members.members.shard_of("k" + std::to_string(i)) == ShardId(0) ? here : there) = "k" + std::to_string(i);
  const auto tx = lab.sign(a_tx(1, 100).writes(here, "1")), other = lab.sign(a_tx(2, 101).writes(here, "2"));
  std::vector<Vote> of_other, of_outcome, of_shard;
  for (std::uint32_t i = 0; i < 6; ++i) {
    of_other.push_back(lab.lie(lab.at(i), other, Outcome::kCommit));
    of_outcome.push_back(lab.lie(lab.at(i), tx, Outcome::kAbort));
    of_shard.push_back(lab.lie(lab.at(i, 1), tx, Outcome::kCommit));
  }
  MUST(!lab.verify(lab.votes_certificate(tx, Outcome::kCommit, of_other), tx).ok(), "votes on another transaction count");
  MUST(!lab.verify(lab.votes_certificate(tx, Outcome::kCommit, of_outcome), tx).ok(), "votes to abort make a commit");
  MUST(!lab.verify(lab.votes_certificate(tx, Outcome::kCommit, of_shard), tx).ok(), "votes of another shard count");
  LoggedProof logged;
  for (std::uint32_t i = 0; i < 5; ++i) logged.logged.push_back(lab.lie(lab.at(i, 1), tx, Outcome::kCommit, 0, 0));
  MUST(!lab.verify({tx.tx.id(), Outcome::kCommit, logged}, tx).ok(), "a shard that takes no part logs decisions");
  const auto both = lab.sign(a_tx(1, 103).writes(here, "1").writes(there, "1"));
  std::vector<Vote> of_one;
  for (std::uint32_t i = 0; i < 6; ++i) of_one.push_back(lab.lie(lab.at(i), both, Outcome::kCommit));
  MUST(!lab.verify(lab.votes_certificate(both, Outcome::kCommit, of_one), both).ok(), "one of two shards is enough to commit");
  MUST(!lab.verifier().justification(Outcome::kCommit, VotesProof{of_one}, both.tx, both.tx.id()).ok(),
       "one of two shards is enough to log a commit");
  // The logging shard is chosen by the id; the other one is not.
  const ShardId wrong(1 - logging_shard(both.tx, both.tx.id()).value());
  LoggedProof elsewhere;
  for (std::uint32_t i = 0; i < 5; ++i) elsewhere.logged.push_back(lab.lie({wrong, i}, both, Outcome::kCommit, 0, 0));
  MUST(!lab.verify({both.tx.id(), Outcome::kCommit, elsewhere}, both).ok(), "a shard that the id does not choose logs decisions");
  return "";
}

std::string what_is_not_signed_by_its_signer_does_not_count() {
  Lab lab;
  const auto tx = lab.sign(a_tx(1, 100).writes("x", "1"));
  auto votes = lab.prepare(tx, 0, 5);
  Vote forged = lab.lie(lab.at(4), tx, Outcome::kCommit);
  forged.signer = lab.at(5);
  votes.push_back(forged);
  MUST(!lab.verify(lab.votes_certificate(tx, Outcome::kCommit, votes), tx).ok(), "a replica signs for another");
  votes.back() = attest(VoteStatement{tx.tx.id(), Outcome::kCommit}, lab.at(5), Epoch(2), lab.members.signer_of(lab.at(5)));
  MUST(!lab.verify(lab.votes_certificate(tx, Outcome::kCommit, votes), tx).ok(), "a vote of another epoch counts");
  // A logged decision has the same fields as a vote, and more; it is none.
  const auto logged = lab.lie(lab.at(5), tx, Outcome::kCommit, 0, 0);
  votes.back() = Vote{lab.at(5), {tx.tx.id(), Outcome::kCommit}, logged.proof};
  MUST(!lab.verify(lab.votes_certificate(tx, Outcome::kCommit, votes), tx).ok(), "a statement of one kind passes for another");
  votes.back() = Vote{{ShardId(0), 6}, {tx.tx.id(), Outcome::kCommit}, logged.proof};
  MUST(!lab.verify(lab.votes_certificate(tx, Outcome::kCommit, votes), tx).ok(), "somebody who is no member votes");
  return "";
}

std::string leaves_roots_and_inner_nodes_are_different_things() {
  const auto leaf = [](std::uint8_t n) { return leaf_of(VoteStatement{{{n}}, Outcome::kCommit}); };
  std::vector<Hash> leaves;
  for (std::uint8_t n = 0; n < 7; ++n) leaves.push_back(leaf(n));
  const MerkleTree tree(leaves);
  for (std::uint32_t i = 0; i < 7; ++i) {
    const auto siblings = tree.siblings(i);
    MUST(root_from(leaves[i], i, 7, siblings) == tree.root(), "a leaf does not lead to its root");
    MUST(root_from(leaves[i], (i + 1) % 7, 7, siblings) != tree.root(), "a leaf leads to the root from another place");
    auto longer = siblings;
    longer.push_back({});
    MUST(!root_from(leaves[i], i, 7, longer), "there are too many siblings");
    MUST(siblings.empty() || !root_from(leaves[i], i, 7, std::span(siblings).first(siblings.size() - 1)), "there are too few siblings");
    MUST(!root_from(leaves[i], 7, 7, siblings) && !root_from(leaves[i], 0, 0, {}), "there is a leaf beyond the last");
  }
  const MerkleTree two({leaves[0], leaves[1]});
  MUST(MerkleTree({two.root()}).root() != MerkleTree({leaves[0], leaves[1], leaves[2]}).root(), "trees of different shapes have one root");
  Lab lab;
  const ReplicaId self = lab.at(0);
  MUST(batch_text(Epoch(1), self, 1, two.root()) != batch_text(Epoch(1), self, 2, two.root()), "the number of leaves is not signed");
  MUST(batch_text(Epoch(1), self, 1, two.root()) != batch_text(Epoch(1), lab.at(1), 1, two.root()), "the signer is not signed");
  return "";
}

std::string only_a_true_conflict_with_a_commit_makes_one_vote_final() {
  Lab lab;
  const auto first = lab.commit(lab.sign(a_tx(1, 100).writes("x", "1")));
  const auto its = std::get<VotesProof>(first.certificate.proof);
  const auto refused = [&](const SignedTransaction& tx, const ConflictProof& proof) {
    return lab.verify({tx.tx.id(), Outcome::kAbort, proof}, tx).ok();
  };
  // It reads what the first wrote, as it should.
  const auto reader = lab.sign(a_tx(2, 200).reads("x", kThen));
  MUST(!refused(reader, {lab.lie(lab.at(0), reader, Outcome::kAbort), first.tx.tx, its}),
       "who read the version is in conflict with its writer");
  const auto blind = lab.sign(a_tx(2, 201).writes("x", "2"));
  MUST(!refused(blind, {lab.lie(lab.at(0), blind, Outcome::kAbort), first.tx.tx, its}), "two writers are in conflict");
  const auto misses = lab.sign(a_tx(2, 202).reads("x").writes("y", "1"));
  MUST(refused(misses, {lab.lie(lab.at(0), misses, Outcome::kAbort), first.tx.tx, its}), "a missed write is no conflict");
  MUST(!refused(misses, {lab.lie(lab.at(0), misses, Outcome::kCommit), first.tx.tx, its}), "a vote to commit aborts");
  MUST(!lab.verify({misses.tx.id(), Outcome::kCommit, ConflictProof{lab.lie(lab.at(0), misses, Outcome::kAbort), first.tx.tx, its}}, misses)
            .ok(),
       "a conflict commits");
  // A later reader that is committed stands against who would write below it.
  const auto later = lab.commit(lab.sign(a_tx(3, 300).reads("x", kThen)));
  const auto hidden = lab.sign(a_tx(2, 250).writes("x", "2"));
  MUST(refused(hidden, {lab.lie(lab.at(0), hidden, Outcome::kAbort), later.tx.tx, std::get<VotesProof>(later.certificate.proof)}),
       "a write below a committed reader is no conflict");
  // What stands against it was never committed.
  const auto never = lab.sign(a_tx(3, 150).writes("x", "3"));
  MUST(!refused(misses, {lab.lie(lab.at(0), misses, Outcome::kAbort), never.tx, its}), "another's certificate is taken");
  MUST(!refused(misses, {lab.lie(lab.at(0), misses, Outcome::kAbort), never.tx, VotesProof{lab.prepare(never, 0, 5)}}),
       "what was not committed stands against it");
  return "";
}

std::string a_replica_applies_only_what_is_proven() {
  Lab lab;
  const auto tx = lab.sign(a_tx(1, 100).writes("x", "1"));
  auto votes = lab.prepare(tx, 0, 6);
  votes.pop_back();
  lab.tell(lab.at(0), ClientId(2), Writeback{{tx, lab.votes_certificate(tx, Outcome::kCommit, votes)}});
  MUST(!lab.replica(lab.at(0)).certificate_of(tx.tx.id()), "a replica applies what five votes say");
  lab.commit(tx);
  MUST(lab.replica(lab.at(0)).certificate_of(tx.tx.id()), "a replica does not apply what is proven");
  // The opposite, however it is proven, comes too late; and who said both is on record.
  std::vector<Vote> aborts;
  for (std::uint32_t i = 0; i < 4; ++i) aborts.push_back(lab.lie(lab.at(i), tx, Outcome::kAbort));
  const auto output = lab.tell(lab.at(0), ClientId(2), Writeback{{tx, lab.votes_certificate(tx, Outcome::kAbort, aborts)}});
  MUST(lab.replica(lab.at(0)).certificate_of(tx.tx.id())->decision == Outcome::kCommit, "a later certificate takes the place of the first");
  MUST(output.evidence.size() == 1, "two certificates are no evidence");
  return "";
}

std::string an_aborted_transaction_leaves_nothing() {
  Lab lab;
  const auto tx = lab.sign(a_tx(1, 100).reads("x").writes("x", "1"));
  lab.prepare(tx, 0, 6);
  std::vector<Vote> aborts;
  for (std::uint32_t i = 0; i < 4; ++i) aborts.push_back(lab.lie(lab.at(i), tx, Outcome::kAbort));
  lab.write_back({tx, lab.votes_certificate(tx, Outcome::kAbort, aborts)});
  MUST(lab.replica(lab.at(0)).versions().committed().empty(), "an abort writes");
  const auto output = lab.tell(lab.at(0), ClientId(2), ReadRequest{1, "x", {200, ClientId(2)}, false});
  MUST(find<ReadReply>(output) && !find<ReadReply>(output)->prepared && !find<ReadReply>(output)->committed,
       "an aborted write can be read");
  return "";
}

}  // namespace

std::vector<Scenario> certificate_scenarios() {
  return {{"ContentsHaveIdsOfTheirOwn", contents_have_ids_of_their_own},
          {"VotesAreCountedExactly", votes_are_counted_exactly},
          {"AbortsAreCountedExactly", aborts_are_counted_exactly},
          {"LoggedDecisionsAreCountedExactly", logged_decisions_are_counted_exactly},
          {"ASignerCountsOnce", a_signer_counts_once},
          {"VotesOfOtherTransactionsOutcomesAndShardsDoNotCount", votes_of_other_transactions_outcomes_and_shards_do_not_count},
          {"WhatIsNotSignedByItsSignerDoesNotCount", what_is_not_signed_by_its_signer_does_not_count},
          {"LeavesRootsAndInnerNodesAreDifferentThings", leaves_roots_and_inner_nodes_are_different_things},
          {"OnlyATrueConflictWithACommitMakesOneVoteFinal", only_a_true_conflict_with_a_commit_makes_one_vote_final},
          {"AReplicaAppliesOnlyWhatIsProven", a_replica_applies_only_what_is_proven},
          {"AnAbortedTransactionLeavesNothing", an_aborted_transaction_leaves_nothing}};
}

}  // namespace isobar::db
