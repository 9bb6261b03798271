// Ranges of keys: no phantoms, and readers that need no vote because a quorum promised them what they read.

#include "db/scan_quorum.h"
#include "scenario_kit.h"

namespace isobar::db {

namespace {

bool commits(const std::optional<VoteReply>& reply) { return reply && reply->vote.statement.vote == Outcome::kCommit; }
bool aborts(const std::optional<VoteReply>& reply, AbortReason reason) {
  return reply && reply->vote.statement.vote == Outcome::kAbort && reply->reason == reason;
}

ScanRequest scan_of(const std::string& from, const std::string& until, const Timestamp& at, bool hold = false) {
  return {1, from, until, at, 0, 0, false, hold, false};
}

ScanReply scanned(Lab& lab, std::uint32_t replica, const ScanRequest& scan) {
  return *find<ScanReply>(lab.tell(lab.at(replica), scan.at.client, scan));
}

std::string a_phantom_aborts_its_reader() {
  Lab lab;
  const auto phantom = lab.sign(a_tx(1, 150).writes("b", "1"));
  MUST(commits(lab.prepare(lab.at(0), phantom)), "the writer is refused");
  const auto missed = AbortReason::kMissedWrite;
  MUST(aborts(lab.prepare(lab.at(0), lab.sign(a_tx(2, 200).scans("a", "c").writes("z", "1"))), missed), "a prepared phantom is let pass");
  MUST(aborts(lab.prepare(lab.at(0), lab.sign(a_tx(2, 201).scans("a", "c", 149).writes("z", "1"))), missed),
       "one that is younger than the floor is let pass");
  MUST(commits(lab.prepare(lab.at(0), lab.sign(a_tx(2, 202).scans("a", "b").scans("b1", "c").writes("z", "1")))),
       "what lies outside stands against the reader");
  lab.commit(phantom);
  MUST(aborts(lab.prepare(lab.at(0), lab.sign(a_tx(2, 203).scans("a", "c").writes("z", "1"))), missed), "a committed phantom is let pass");
  MUST(commits(lab.prepare(lab.at(0), lab.sign(a_tx(2, 204).reads("b", phantom.tx.timestamp).scans("a", "c").writes("z", "1")))),
       "who names what it found is refused");
  MUST(commits(lab.prepare(lab.at(0), lab.sign(a_tx(2, 205).scans("a", "c", 150).writes("z", "1")))),
       "what is older than the floor counts");
  return "";
}

std::string who_writes_into_a_range_that_was_read_aborts() {
  Lab lab;
  const auto reader = lab.sign(a_tx(1, 200).reads("b1").scans("a", "c", 120).writes("z", "1"));
  MUST(commits(lab.prepare(lab.at(0), reader)), "the reader is refused");
  const auto hides = AbortReason::kHidesWrite;
  MUST(aborts(lab.prepare(lab.at(0), lab.sign(a_tx(2, 150).writes("b", "1"))), hides), "a writer below a prepared reader is let pass");
  MUST(aborts(lab.prepare(lab.at(0), lab.sign(a_tx(2, 151).writes("b1", "1"))), hides), "a writer of a key that it names is let pass");
  MUST(commits(lab.prepare(lab.at(0), lab.sign(a_tx(2, 201).writes("b", "2")))), "a writer above the reader is refused");
  MUST(commits(lab.prepare(lab.at(0), lab.sign(a_tx(2, 152).writes("c", "1")))), "a writer behind the range is refused");
  lab.commit(reader);
  MUST(aborts(lab.prepare(lab.at(0), lab.sign(a_tx(2, 153).writes("b", "1"))), hides), "a writer below a committed reader is let pass");
  return "";
}

/// Two that each count what is there and add one: one of them must see the other (predicate G2).
std::string write_skew_on_predicates_does_not_commit_twice() {
  Lab lab;
  const auto one = lab.sign(a_tx(1, 200).scans("a", "c").writes("a1", "1")),
             other = lab.sign(a_tx(2, 201).scans("a", "c").writes("a2", "1"));
  for (std::uint32_t i = 0; i < 6; ++i) {
    const bool first = commits(lab.prepare(lab.at(i), i % 2 == 0 ? one : other));
    const bool second = commits(lab.prepare(lab.at(i), i % 2 == 0 ? other : one));
    MUST(!(first && second), "one replica lets both pass");
  }
  return "";
}

std::string what_was_promised_to_a_reader_is_kept() {
  Lab lab;
  const auto now = static_cast<std::uint64_t>(lab.now.wall.unix_nanos());
  const Timestamp me{now, ClientId(1)};
  lab.commit(lab.sign(a_tx(3, now - 500).writes("b", "0")));
  const auto reply = scanned(lab, 0, scan_of("a", "c", me, true));
  MUST(reply.held && reply.part->rows.size() == 1 && reply.undecided.empty(), "the reader is promised nothing");
  const auto refused = AbortReason::kReader;
  MUST(aborts(lab.prepare(lab.at(0), lab.sign(a_tx(2, now - 10).writes("b", "1"))), refused), "a promise to a reader is not kept");
  MUST(commits(lab.prepare(lab.at(0), lab.sign(a_tx(2, now - 9).writes("d", "1")))), "a writer outside is refused");
  MUST(commits(lab.prepare(lab.at(0), lab.sign(a_tx(2, now + 10).writes("b", "2")))), "a writer above the reader is refused");
  lab.restart(lab.at(0));
  MUST(aborts(lab.prepare(lab.at(0), lab.sign(a_tx(2, now - 8).writes("b", "1"))), refused), "a promise does not outlive a restart");
  MUST(commits(lab.prepare(lab.at(0), lab.sign(a_tx(2, now + 3'000'000'000).writes("b", "3")))) == false, "a clock far ahead is believed");
  lab.now.wall = lab.now.wall + std::chrono::seconds(5);
  MUST(commits(lab.prepare(lab.at(0), lab.sign(a_tx(2, now + 4'000'000'000).writes("b", "3")))), "it never takes a writer again");
  return "";
}

std::string who_is_undecided_is_shown_to_a_reader_of_its_range() {
  Lab lab;
  const auto now = static_cast<std::uint64_t>(lab.now.wall.unix_nanos());
  lab.prepare(lab.at(0), lab.sign(a_tx(3, now - 500).writes("b", "0")));
  const auto reply = scanned(lab, 0, scan_of("a", "c", {now, ClientId(1)}, true));
  MUST(reply.undecided == std::vector<std::string>{"b"}, "a prepared writer is not shown");
  return "";
}

std::string who_reads_far_ahead_is_promised_nothing() {
  Lab lab;
  const auto ahead = static_cast<std::uint64_t>((lab.now.wall + std::chrono::milliseconds(50)).unix_nanos());
  const auto reply = scanned(lab, 0, scan_of("a", "c", {ahead, ClientId(1)}, true));
  MUST(reply.refused == AbortReason::kNone && !reply.held, "who is far ahead holds everybody else off");
  return "";
}

std::string a_floor_above_what_is_closed_is_refused() {
  Lab lab;
  auto scan = scan_of("a", "c", {1000, ClientId(1)});
  scan.floor = 500;
  MUST(scanned(lab, 0, scan).refused == AbortReason::kNotClosed, "a replica vouches for what it may still let in");
  return "";
}

std::string who_has_no_right_to_a_range_does_not_read_it() {
  Lab lab;
  lab.members.members.rights[ClientId(2)] = {{"b", "x"}, {"x"}};
  const auto refusal = [&](const std::string& from, const std::string& until) {
    return scanned(lab, 0, scan_of(from, until, {200, ClientId(2)})).refused;
  };
  MUST(refusal("b", "c") == AbortReason::kNone && refusal("b1", "b2") == AbortReason::kNone, "what is allowed is refused");
  MUST(refusal("a", "b5") == AbortReason::kForbidden && refusal("b", "c1") == AbortReason::kForbidden,
       "ranges are not answered by the rights");
  MUST(aborts(lab.prepare(lab.at(0), lab.sign(a_tx(2, 210).scans("a", "c").writes("x", "1"))), AbortReason::kForbidden),
       "who may not read a range has read it");
  return "";
}

ScanReply reply_of(const std::vector<ScannedKey>& rows, bool held = true) {
  ScanReply reply;
  reply.part = ScannedPart{"c", rows};
  reply.digest = digest_of(*reply.part);
  reply.held = held;
  return reply;
}

std::string it_takes_a_commit_quorum_of_equal_answers() {
  Lab lab;
  const std::vector<ScannedKey> rows{{"b", {100, ClientId(1)}, "1"}};
  ScanQuorum quorum(lab.members.members, scan_of("a", "c", {200, ClientId(2)}, true));
  for (std::uint32_t i = 0; i < 3; ++i) quorum.add(lab.at(i), reply_of(rows));
  quorum.add(lab.at(3), reply_of({}));
  MUST(!quorum.agreed(), "3f equal answers are believed");
  quorum.add(lab.at(4), reply_of(rows, false));
  MUST(quorum.agreed() && !quorum.agreed()->final, "3f promises are enough");
  quorum.add(lab.at(5), reply_of(rows));
  MUST(quorum.agreed()->final && quorum.agreed()->part.rows == rows, "3f + 1 promises are not enough");
  ScanQuorum undecided(lab.members.members, scan_of("a", "c", {200, ClientId(2)}, true));
  for (std::uint32_t i = 0; i < 4; ++i) {
    auto reply = reply_of(rows);
    if (i == 3) reply.undecided = {"a5"};
    undecided.add(lab.at(i), reply);
  }
  MUST(undecided.agreed() && undecided.agreed()->disputed == std::vector<std::string>{"a5"} && !undecided.agreed()->final,
       "what one of them shows as undecided is taken for nothing");
  return "";
}

std::string rows_are_what_their_digest_says() {
  Lab lab;
  ScanQuorum quorum(lab.members.members, scan_of("a", "c", {200, ClientId(2)}));
  const auto honest = reply_of({{"b", {100, ClientId(1)}, "1"}});
  auto invented = reply_of({{"b", {100, ClientId(1)}, "2"}});
  invented.digest = honest.digest;
  quorum.add(lab.at(0), invented);
  for (std::uint32_t i = 1; i < 5; ++i) {
    auto reply = honest;
    if (i < 4) reply.part.reset();
    quorum.add(lab.at(i), reply);
  }
  MUST(quorum.agreed() && quorum.agreed()->part.rows == honest.part->rows, "rows are taken from whoever sent them");
  return "";
}

std::string where_answers_differ_keys_are_read_one_by_one() {
  Lab lab;
  const ScannedKey a{"a1", {90, ClientId(1)}, "x"}, old{"b", {80, ClientId(1)}, "0"}, young{"b", {100, ClientId(1)}, "1"};
  ScanQuorum quorum(lab.members.members, scan_of("a", "c", {200, ClientId(2)}));
  for (std::uint32_t i = 0; i < 2; ++i) quorum.add(lab.at(i), reply_of({a, old}));
  MUST(!quorum.merged(), "two answers are merged");
  for (std::uint32_t i = 2; i < 4; ++i) quorum.add(lab.at(i), reply_of({a, young}));
  const auto merged = quorum.merged();
  MUST(!quorum.agreed() && merged && !merged->final, "different answers are taken for equal");
  MUST(merged->part.rows == std::vector<ScannedKey>{a} && merged->disputed == std::vector<std::string>{"b"},
       "the wrong keys are in dispute");
  return "";
}

}  // namespace

std::vector<Scenario> scan_scenarios() {
  return {{"APhantomAbortsItsReader", a_phantom_aborts_its_reader},
          {"WhoWritesIntoARangeThatWasReadAborts", who_writes_into_a_range_that_was_read_aborts},
          {"WriteSkewOnPredicatesDoesNotCommitTwice", write_skew_on_predicates_does_not_commit_twice},
          {"WhatWasPromisedToAReaderIsKept", what_was_promised_to_a_reader_is_kept},
          {"WhoIsUndecidedIsShownToAReaderOfItsRange", who_is_undecided_is_shown_to_a_reader_of_its_range},
          {"WhoReadsFarAheadIsPromisedNothing", who_reads_far_ahead_is_promised_nothing},
          {"AFloorAboveWhatIsClosedIsRefused", a_floor_above_what_is_closed_is_refused},
          {"WhoHasNoRightToARangeDoesNotReadIt", who_has_no_right_to_a_range_does_not_read_it},
          {"ItTakesACommitQuorumOfEqualAnswers", it_takes_a_commit_quorum_of_equal_answers},
          {"RowsAreWhatTheirDigestSays", rows_are_what_their_digest_says},
          {"WhereAnswersDifferKeysAreReadOneByOne", where_answers_differ_keys_are_read_one_by_one}};
}

}  // namespace isobar::db
