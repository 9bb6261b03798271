// Stage 2 and elections: clients that equivocate, leaders that lie, views that may not be gone back to.

#include <algorithm>

#include "scenario_kit.h"

namespace isobar::db {

namespace {

/// A transaction on which votes allow either: replicas 0 to 3 for it, 4 against it, and 5, a liar, for both.
struct Split {
  Lab lab;
  SignedTransaction tx;
  std::vector<Vote> commits, aborts;

  Split() {
    tx = lab.sign(a_tx(1, 100).writes("x", "1"));
    lab.tell(lab.at(4), ClientId(2), ReadRequest{1, "x", {500, ClientId(2)}, false});
    commits = lab.prepare(tx, 0, 4);
    aborts = lab.prepare(tx, 4, 1);
    commits.push_back(lab.lie(lab.at(5), tx, Outcome::kCommit));
    aborts.push_back(lab.lie(lab.at(5), tx, Outcome::kAbort));
  }
  InvokeFallback invoke(View view, std::uint32_t replicas) const {
    InvokeFallback message{{tx, Outcome::kCommit, VotesProof{commits}}, {}};
    for (std::uint32_t i = 0; i < replicas; ++i) message.views.push_back(lab.lie(lab.at(i), tx, Outcome::kCommit, 0, view));
    return message;
  }
  /// A proposal with electors of whom `commits` have a commit on record.
  Propose proposal(View view, Outcome decision, std::uint32_t electors, std::uint32_t commits_among, const ReplicaId& leader) const {
    Propose message{attest(FallbackStatement{tx.tx.id(), decision, view}, leader, Epoch(1), lab.members.signer_of(leader)), {}};
    for (std::uint32_t i = 0; i < electors; ++i)
      message.electors.push_back(lab.elect(lab.at(i), tx, i < commits_among ? Outcome::kCommit : Outcome::kAbort, view));
    return message;
  }
  std::optional<LoggedStatement> logged_at(const ReplicaId& replica) {
    const auto output = lab.tell(replica, ClientId(3), Recover{tx});
    const auto* reply = find<LoggedReply>(output);
    return reply ? std::optional(reply->logged.statement) : std::nullopt;
  }
};

std::string the_first_decision_of_view_0_stays() {
  Split s;
  MUST(s.lab.log(s.lab.at(0), s.tx, Outcome::kCommit, s.commits)->statement.decision == Outcome::kCommit,
       "a justified decision is not logged");
  MUST(s.lab.log(s.lab.at(0), s.tx, Outcome::kAbort, s.aborts)->statement.decision == Outcome::kCommit,
       "a later decision takes the place of the first");
  s.lab.restart(s.lab.at(0));
  MUST(s.lab.log(s.lab.at(0), s.tx, Outcome::kAbort, s.aborts)->statement.decision == Outcome::kCommit,
       "a logged decision is forgotten in a crash");
  return "";
}

std::string a_decision_without_its_votes_is_not_logged() {
  Split s;
  const auto some = [](const std::vector<Vote>& votes, std::size_t n) {
    return std::vector<Vote>(votes.begin(), votes.begin() + static_cast<std::ptrdiff_t>(n));
  };
  MUST(!s.lab.log(s.lab.at(0), s.tx, Outcome::kCommit, some(s.commits, 3)), "3f votes let a commit be logged");
  MUST(!s.lab.log(s.lab.at(0), s.tx, Outcome::kAbort, some(s.aborts, 1)), "f votes let an abort be logged");
  MUST(!s.lab.log(s.lab.at(0), s.tx, Outcome::kAbort, s.commits), "votes to commit let an abort be logged");
  MUST(!s.lab.log(s.lab.at(0), s.tx, Outcome::kCommit, std::vector<Vote>(4, s.commits.front())), "one replica is a commit quorum");
  return "";
}

std::string an_equivocating_client_is_overruled_in_one_view() {
  Split s;
  for (std::uint32_t i = 0; i < 6; ++i)
    s.lab.log(s.lab.at(i), s.tx, i < 3 ? Outcome::kCommit : Outcome::kAbort, i < 3 ? s.commits : s.aborts);
  // Somebody else finds them divided. One round: all enter view 1 and stand for election; its leader proposes; all log it.
  const ReplicaId leader = s.lab.leader(s.tx, 1);
  std::vector<Elect> elects;
  for (std::uint32_t i = 0; i < 6; ++i) {
    const auto output = s.lab.tell(s.lab.at(i), ClientId(3), s.invoke(0, 6));
    MUST(find<ElectLeader>(output), "a replica does not stand for election");
    elects.push_back(find<ElectLeader>(output)->elect);
  }
  std::optional<Propose> proposal;
  for (const auto& elect : elects) {
    const auto output = s.lab.tell(leader, elect.signer, ElectLeader{elect});
    if (const auto* message = find<Propose>(output)) {
      MUST(!proposal || proposal->proposal.statement == message->proposal.statement, "a leader proposes two things in a view");
      proposal = *message;
    }
  }
  MUST(proposal, "the leader does not propose");
  LoggedProof proof;
  for (std::uint32_t i = 0; i < 6; ++i) {
    const auto output = s.lab.tell(s.lab.at(i), leader, *proposal);
    MUST(find<LoggedReply>(output), "those who asked are not told");
    proof.logged.push_back(find<LoggedReply>(output)->logged);
    MUST(proof.logged.back().statement.decided_in == 1 && proof.logged.back().statement.current == 1,
         "the decision is not of the view it was made in");
  }
  MUST(s.lab.verify({s.tx.tx.id(), proposal->proposal.statement.decision, proof}, s.tx).ok(), "what all have logged is no certificate");
  return "";
}

std::string a_view_is_given_its_time() {
  Split s;
  s.lab.log(s.lab.at(0), s.tx, Outcome::kCommit, s.commits);
  s.lab.tell(s.lab.at(0), ClientId(3), s.invoke(0, 3));
  MUST(s.logged_at(s.lab.at(0))->current == 0, "3f replicas in a view are enough to leave it");
  s.lab.tell(s.lab.at(0), ClientId(3), s.invoke(0, 4));
  MUST(s.logged_at(s.lab.at(0))->current == 1, "3f+1 replicas in a view are not enough to leave it");
  s.lab.tell(s.lab.at(0), ClientId(3), s.invoke(1, 4));
  MUST(s.logged_at(s.lab.at(0))->current == 1, "a view is left before its time");
  s.lab.now.steady = s.lab.now.steady + std::chrono::milliseconds(60);
  s.lab.tell(s.lab.at(0), ClientId(3), s.invoke(1, 4));
  MUST(s.logged_at(s.lab.at(0))->current == 2, "a view is never left");
  s.lab.now.steady = s.lab.now.steady + std::chrono::milliseconds(60);
  s.lab.tell(s.lab.at(0), ClientId(3), s.invoke(2, 4));
  MUST(s.logged_at(s.lab.at(0))->current == 2, "later views are not given more time");
  // f liars say they are far ahead; f + 1 cannot all be lying.
  s.lab.tell(s.lab.at(0), ClientId(3), s.invoke(9, 1));
  MUST(s.logged_at(s.lab.at(0))->current == 2, "f replicas move another to their view");
  s.lab.tell(s.lab.at(0), ClientId(3), s.invoke(9, 2));
  MUST(s.logged_at(s.lab.at(0))->current == 9, "a replica does not catch up with f+1 others");
  s.lab.restart(s.lab.at(0));
  MUST(s.logged_at(s.lab.at(0))->current == 9, "a view is forgotten in a crash");
  return "";
}

std::string who_has_logged_nothing_enters_no_view() {
  Split s;
  InvokeFallback message = s.invoke(0, 4);
  message.log.why = VotesProof{};
  const auto output = s.lab.tell(s.lab.at(0), ClientId(3), message);
  MUST(!find<ElectLeader>(output) && !find<LoggedReply>(output), "a replica without a decision stands for election");
  MUST(s.lab.log(s.lab.at(0), s.tx, Outcome::kCommit, s.commits), "it can log nothing any more");
  return "";
}

std::string only_the_leaders_majority_is_adopted() {
  Split s;
  const ReplicaId leader = s.lab.leader(s.tx, 1), no_leader = s.lab.at((leader.index + 1) % 6);
  const ReplicaId me = s.lab.at((leader.index + 2) % 6);
  s.lab.log(me, s.tx, Outcome::kAbort, s.aborts);
  const auto stays = [&] { return s.logged_at(me)->decision == Outcome::kAbort && s.logged_at(me)->current == 0; };
  s.lab.tell(me, no_leader, s.proposal(1, Outcome::kCommit, 5, 5, no_leader));
  MUST(stays(), "a replica that does not lead is obeyed");
  s.lab.tell(me, leader, s.proposal(1, Outcome::kCommit, 5, 2, leader));
  MUST(stays(), "a leader proposes what the minority has");
  s.lab.tell(me, leader, s.proposal(1, Outcome::kCommit, 4, 4, leader));
  MUST(stays(), "4f electors are a quorum");
  s.lab.tell(me, leader, s.proposal(1, Outcome::kCommit, 3, 3, leader));
  MUST(stays(), "3f electors are a quorum");
  auto forged = s.proposal(1, Outcome::kCommit, 5, 5, leader);
  forged.electors[4] = forged.electors[0];
  s.lab.tell(me, leader, forged);
  MUST(stays(), "an elector counts twice");
  forged = s.proposal(1, Outcome::kCommit, 5, 5, leader);
  forged.electors[4].statement.decision = Outcome::kAbort;
  s.lab.tell(me, leader, forged);
  MUST(stays(), "an elector's vote is changed");
  forged = s.proposal(1, Outcome::kCommit, 5, 5, leader);
  for (auto& elect : forged.electors) elect = s.lab.elect(elect.signer, s.tx, Outcome::kCommit, 7);
  s.lab.tell(me, leader, forged);
  MUST(stays(), "electors of another view count");
  s.lab.tell(me, leader, s.proposal(1, Outcome::kCommit, 5, 3, leader));
  MUST(!stays(), "what the majority has is not adopted");
  return "";
}

std::string a_leader_that_proposes_both_gets_one() {
  Split s;
  const ReplicaId leader = s.lab.leader(s.tx, 1), me = s.lab.at((leader.index + 1) % 6);
  s.lab.log(me, s.tx, Outcome::kAbort, s.aborts);
  s.lab.tell(me, leader, s.proposal(1, Outcome::kCommit, 5, 3, leader));
  s.lab.tell(me, leader, s.proposal(1, Outcome::kAbort, 5, 2, leader));
  MUST(s.logged_at(me)->decision == Outcome::kCommit && s.logged_at(me)->decided_in == 1, "a replica logs two decisions in one view");
  s.lab.restart(me);
  s.lab.tell(me, leader, s.proposal(1, Outcome::kAbort, 5, 2, leader));
  MUST(s.logged_at(me)->decision == Outcome::kCommit, "after a crash it does");
  return "";
}

std::string nobody_goes_back_to_an_earlier_view() {
  Split s;
  const ReplicaId first = s.lab.leader(s.tx, 1), second = s.lab.leader(s.tx, 2), me = s.lab.at((first.index + 3) % 6);
  s.lab.log(me, s.tx, Outcome::kAbort, s.aborts);
  s.lab.tell(me, second, s.proposal(2, Outcome::kCommit, 5, 3, second));
  s.lab.tell(me, first, s.proposal(1, Outcome::kAbort, 5, 2, first));
  MUST(s.logged_at(me)->decision == Outcome::kCommit && s.logged_at(me)->current == 2, "an earlier leader is obeyed");
  s.lab.restart(me);
  s.lab.tell(me, first, s.proposal(1, Outcome::kAbort, 5, 2, first));
  MUST(s.logged_at(me)->decision == Outcome::kCommit && s.logged_at(me)->current == 2, "after a crash it is");
  return "";
}

}  // namespace

std::vector<Scenario> fallback_scenarios() {
  return {{"TheFirstDecisionOfView0Stays", the_first_decision_of_view_0_stays},
          {"ADecisionWithoutItsVotesIsNotLogged", a_decision_without_its_votes_is_not_logged},
          {"AnEquivocatingClientIsOverruledInOneView", an_equivocating_client_is_overruled_in_one_view},
          {"AViewIsGivenItsTime", a_view_is_given_its_time},
          {"WhoHasLoggedNothingEntersNoView", who_has_logged_nothing_enters_no_view},
          {"OnlyTheLeadersMajorityIsAdopted", only_the_leaders_majority_is_adopted},
          {"ALeaderThatProposesBothGetsOne", a_leader_that_proposes_both_gets_one},
          {"NobodyGoesBackToAnEarlierView", nobody_goes_back_to_an_earlier_view}};
}

}  // namespace isobar::db
