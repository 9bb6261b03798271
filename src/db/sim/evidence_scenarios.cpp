// What proves that somebody lied, and what only looks like it.

#include "db/evidence.h"
#include "scenario_kit.h"

namespace isobar::db {

namespace {

std::string contradictions_prove_themselves() {
  Lab lab;
  const auto one = lab.sign(a_tx(1, 100).writes("x", "1")), other = lab.sign(a_tx(1, 100).writes("x", "2"));
  const Evidence twice = SameTimestamp{one, other};
  const Evidence both = TwoVotes{lab.lie(lab.at(3), one, Outcome::kCommit), lab.lie(lab.at(3), one, Outcome::kAbort)};
  std::vector<Vote> commits, aborts;
  for (std::uint32_t i = 0; i < 6; ++i) commits.push_back(lab.lie(lab.at(i), one, Outcome::kCommit));
  for (std::uint32_t i = 0; i < 4; ++i) aborts.push_back(lab.lie(lab.at(i), one, Outcome::kAbort));
  const Evidence split = TwoDecisions{{one, lab.votes_certificate(one, Outcome::kCommit, commits)},
                                      {one, lab.votes_certificate(one, Outcome::kAbort, aborts)}};
  for (const auto& evidence : {twice, both, split}) {
    const auto read = decode<Evidence>(encode(evidence));
    MUST(read.ok() && encode(*read) == encode(evidence), "it does not read back");
    MUST(check_evidence(*read, lab.verifier()).ok(), "a contradiction proves nothing");
  }
  MUST(accused_by(twice) == "client 1" && accused_by(both) == "replica 0.3", "the wrong one is accused");
  return "";
}

std::string nobody_is_accused_of_what_it_did_not_sign() {
  Lab lab;
  const auto one = lab.sign(a_tx(1, 100).writes("x", "1")), later = lab.sign(a_tx(1, 101).writes("x", "2"));
  auto forged = lab.sign(a_tx(1, 100).writes("x", "2"));
  forged.proof = lab.sign(a_tx(2, 100).writes("x", "2")).proof;
  const Vote commit = lab.lie(lab.at(3), one, Outcome::kCommit);
  Vote not_its_own = lab.lie(lab.at(4), one, Outcome::kAbort);
  not_its_own.signer = lab.at(3);
  std::vector<Vote> few;
  for (std::uint32_t i = 0; i < 3; ++i) few.push_back(lab.lie(lab.at(i), one, Outcome::kAbort));
  std::vector<Vote> all;
  for (std::uint32_t i = 0; i < 6; ++i) all.push_back(lab.lie(lab.at(i), one, Outcome::kCommit));
  const Decided decided{one, lab.votes_certificate(one, Outcome::kCommit, all)};
  const std::vector<Evidence> none = {SameTimestamp{one, later},
                                      SameTimestamp{one, one},
                                      SameTimestamp{one, forged},
                                      TwoVotes{commit, commit},
                                      TwoVotes{commit, not_its_own},
                                      TwoVotes{commit, lab.lie(lab.at(4), one, Outcome::kAbort)},
                                      TwoVotes{commit, lab.lie(lab.at(3), later, Outcome::kAbort)},
                                      TwoDecisions{decided, decided},
                                      TwoDecisions{decided, {one, lab.votes_certificate(one, Outcome::kAbort, few)}}};
  for (std::size_t i = 0; i < none.size(); ++i)
    MUST(!check_evidence(none[i], lab.verifier()).ok(), "somebody is accused who did nothing: " + std::to_string(i));
  return "";
}

std::string who_shows_different_votes_to_different_clients_is_found_out() {
  Lab lab;
  const auto tx = lab.sign(a_tx(1, 100).writes("x", "1"));
  auto votes = lab.prepare(tx, 0, 5);
  const Vote commit = lab.lie(lab.at(5), tx, Outcome::kCommit), abort = lab.lie(lab.at(5), tx, Outcome::kAbort);
  const auto output =
      lab.tell(lab.at(0), ClientId(1), LogDecision{tx, Outcome::kAbort, VotesProof{{abort, lab.lie(lab.at(4), tx, Outcome::kAbort)}}});
  MUST(output.evidence.empty(), "somebody is accused too early");
  votes.push_back(commit);
  const auto found = lab.tell(lab.at(0), ClientId(2), Writeback{{tx, lab.votes_certificate(tx, Outcome::kCommit, votes)}}).evidence;
  MUST(found.size() == 2, "two replicas that voted both ways are not found out");
  for (const auto& evidence : found) MUST(check_evidence(evidence, lab.verifier()).ok(), "what was found proves nothing");
  return "";
}

}  // namespace

std::vector<Scenario> evidence_scenarios() {
  return {{"ContradictionsProveThemselves", contradictions_prove_themselves},
          {"WhoShowsDifferentVotesToDifferentClientsIsFoundOut", who_shows_different_votes_to_different_clients_is_found_out},
          {"NobodyIsAccusedOfWhatItDidNotSign", nobody_is_accused_of_what_it_did_not_sign}};
}

}  // namespace isobar::db
