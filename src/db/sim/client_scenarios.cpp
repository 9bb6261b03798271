// What a client believes, and what it does when replicas differ.

#include "scenario_kit.h"

namespace isobar::db {

namespace {

ReadReply committed(const SignedTransaction& writer, const std::string& value) {
  ReadReply reply;
  reply.committed = CommittedVersion{writer.tx.timestamp, writer.tx.id(), value, std::nullopt};
  return reply;
}

ReadReply prepared(const SignedTransaction& writer, const std::string& value) {
  ReadReply reply;
  reply.prepared = PreparedVersion{writer.tx.timestamp, value, writer};
  return reply;
}

std::string a_single_replica_is_believed_nothing() {
  Lab lab;
  const Timestamp me{500, ClientId(2)};
  const auto real = lab.sign(a_tx(1, 100).writes("x", "1")), invented = lab.sign(a_tx(3, 200).writes("x", "2"));
  ReadQuorum quorum(lab.members.members, lab.verifier(), "x", me);
  quorum.add(lab.at(0), committed(invented, "2"));
  MUST(!quorum.result(), "a single replica is believed");
  quorum.add(lab.at(1), committed(real, "1"));
  MUST(!quorum.result(), "a single replica is believed");
  quorum.add(lab.at(2), committed(real, "1"));
  MUST(quorum.result() && quorum.result()->value == "1", "two equal answers are not believed");
  return "";
}

std::string what_comes_with_its_certificate_is_believed() {
  Lab lab;
  const Timestamp me{500, ClientId(2)};
  const auto decided = lab.commit(lab.sign(a_tx(1, 100).writes("x", "1")));
  ReadQuorum quorum(lab.members.members, lab.verifier(), "x", me);
  auto reply = committed(decided.tx, "2");
  reply.committed->proof = decided;
  quorum.add(lab.at(0), reply);
  MUST(!quorum.result(), "another value than the one that is proven is believed");
  reply = committed(decided.tx, "1");
  reply.committed->proof = Decided{decided.tx, lab.votes_certificate(decided.tx, Outcome::kCommit, {})};
  quorum.add(lab.at(0), reply);
  MUST(!quorum.result(), "a proof that proves nothing is believed");
  reply.committed->proof = decided;
  quorum.add(lab.at(0), reply);
  MUST(quorum.result() && quorum.result()->value == "1", "what is proven is not believed");
  return "";
}

std::string a_version_from_somebody_undecided_is_depended_on() {
  Lab lab;
  const auto writer = lab.sign(a_tx(1, 100).writes("x", "1"));
  ReadQuorum quorum(lab.members.members, lab.verifier(), "x", {500, ClientId(2)});
  quorum.add(lab.at(0), prepared(writer, "1"));
  quorum.add(lab.at(1), prepared(writer, "1"));
  MUST(quorum.result() && quorum.result()->value == "1", "two equal answers are not believed");
  MUST(quorum.result()->depends_on == writer, "its reader does not depend on it");
  ReadQuorum other(lab.members.members, lab.verifier(), "x", {500, ClientId(2)});
  other.add(lab.at(0), prepared(writer, "invented"));
  other.add(lab.at(1), prepared(writer, "invented"));
  MUST(!other.result() || other.result()->value != "invented", "what its writer did not write is believed");
  return "";
}

std::string nothing_newer_than_the_reader_is_read() {
  Lab lab;
  const auto later = lab.sign(a_tx(1, 900).writes("x", "1"));
  ReadQuorum quorum(lab.members.members, lab.verifier(), "x", {500, ClientId(2)});
  for (std::uint32_t i = 0; i < 3; ++i) quorum.add(lab.at(i), committed(later, "1"));
  MUST(!quorum.result() || !quorum.result()->value, "a client reads the future");
  lab.commit(later);
  const auto output = lab.tell(lab.at(0), ClientId(2), ReadRequest{1, "x", {500, ClientId(2)}, false});
  MUST(!find<ReadReply>(output)->committed && !find<ReadReply>(output)->prepared, "a replica shows the future");
  return "";
}

}  // namespace

std::vector<Scenario> client_scenarios() {
  return {{"ASingleReplicaIsBelievedNothing", a_single_replica_is_believed_nothing},
          {"WhatComesWithItsCertificateIsBelieved", what_comes_with_its_certificate_is_believed},
          {"AVersionFromSomebodyUndecidedIsDependedOn", a_version_from_somebody_undecided_is_depended_on},
          {"NothingNewerThanTheReaderIsRead", nothing_newer_than_the_reader_is_read}};
}

}  // namespace isobar::db
