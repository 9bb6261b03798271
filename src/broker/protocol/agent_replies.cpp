#include "agent_wire.h"

namespace isobar::broker {

namespace {

struct PutReply {
  wire::Reply& out;

  void operator()(const Welcome& welcome) const {
    auto* wire = out.mutable_welcome();
    wire->set_protocol(welcome.protocol);
    wire->set_version(welcome.version);
    wire->set_cluster(welcome.cluster);
    wire->set_rank(welcome.rank);
  }
  void operator()(const Failure& failure) const {
    out.mutable_failure()->set_code(static_cast<std::int32_t>(failure.code));
    out.mutable_failure()->set_message(failure.message);
  }
  void operator()(const Done&) const { out.mutable_done(); }
  void operator()(const JobIds& jobs) const {
    put_ids(jobs.ids, out.mutable_job_ids()->mutable_ids());
    out.mutable_job_ids()->set_autostop_set(jobs.autostop_set);
  }
  void operator()(const JobPage& page) const {
    auto* wire = out.mutable_job_page();
    for (const auto& job : page.jobs) put(job, wire->add_jobs());
    wire->set_last(page.last);
  }
  void operator()(const LogChunk& chunk) const { out.set_log_chunk(chunk.bytes); }
  void operator()(const LogEnd& end) const { put(end.job, out.mutable_log_end()); }
  void operator()(const NodeStatus& status) const { put(status, out.mutable_node_status()); }
  void operator()(const MirrorWants& wants) const {
    auto* wire = out.mutable_mirror_wants();
    for (const auto entry : wants.entries) wire->add_entries(entry);
    wire->set_last(wants.last);
    wire->set_unpacks(wants.unpacks);
  }
  void operator()(const MirrorReport& report) const {
    auto* wire = out.mutable_mirror_report();
    wire->set_files_received(report.files_received);
    wire->set_bytes_received(report.bytes_received);
    wire->set_files_kept(report.files_kept);
    wire->set_removed(report.removed);
  }
  void operator()(const RankStarted& started) const { out.set_rank_started(started.pid); }
  void operator()(const RankOutput& output) const {
    out.mutable_rank_output()->set_offset(output.offset);
    out.mutable_rank_output()->set_bytes(output.bytes);
  }
  void operator()(const RankEnd& end) const {
    auto* wire = out.mutable_rank_end();
    if (end.exit_code) wire->set_exit_code(*end.exit_code);
    wire->set_reason(end.reason);
  }
  void operator()(const UploadsLeft& left) const { out.set_uploads_left(left.what); }
};

Result<Reply> get_page(const wire::JobPage& wire) {
  JobPage page{.last = wire.last()};
  for (const auto& job : wire.jobs()) {
    TRY_ASSIGN(page.jobs.emplace_back(), get(job));
  }
  return Reply(std::move(page));
}

RankEnd get_end(const wire::RankEnd& wire) {
  RankEnd end{.reason = wire.reason()};
  if (wire.has_exit_code()) end.exit_code = wire.exit_code();
  return end;
}

Result<Reply> get_reply(const wire::Reply& wire) {
  switch (wire.body_case()) {
    case wire::Reply::kWelcome:
      return Reply(Welcome{wire.welcome().protocol(), wire.welcome().version(), wire.welcome().cluster(), wire.welcome().rank()});
    case wire::Reply::kFailure: {
      TRY_ASSIGN(const auto code, enumerator(wire.failure().code(), Code::kDataLoss, "code"));
      return Reply(Failure{code, wire.failure().message()});
    }
    case wire::Reply::kDone: return Reply(Done{});
    case wire::Reply::kJobIds: return Reply(JobIds{get_ids(wire.job_ids().ids()), wire.job_ids().autostop_set()});
    case wire::Reply::kJobPage: return get_page(wire.job_page());
    case wire::Reply::kLogChunk: return Reply(LogChunk{wire.log_chunk()});
    case wire::Reply::kLogEnd: {
      TRY_ASSIGN(auto job, get(wire.log_end()));
      return Reply(LogEnd{std::move(job)});
    }
    case wire::Reply::kNodeStatus: {
      TRY_ASSIGN(auto status, get(wire.node_status()));
      return Reply(std::move(status));
    }
    case wire::Reply::kMirrorWants:
      return Reply(MirrorWants{{wire.mirror_wants().entries().begin(), wire.mirror_wants().entries().end()},
                               wire.mirror_wants().last(),
                               wire.mirror_wants().unpacks()});
    case wire::Reply::kMirrorReport: {
      const auto& report = wire.mirror_report();
      return Reply(MirrorReport{report.files_received(), report.bytes_received(), report.files_kept(), report.removed()});
    }
    case wire::Reply::kRankStarted: return Reply(RankStarted{wire.rank_started()});
    case wire::Reply::kRankOutput: return Reply(RankOutput{wire.rank_output().offset(), wire.rank_output().bytes()});
    case wire::Reply::kRankEnd: return Reply(get_end(wire.rank_end()));
    case wire::Reply::kUploadsLeft: return Reply(UploadsLeft{wire.uploads_left()});
    case wire::Reply::BODY_NOT_SET: break;
  }
  return invalid("a reply of a kind that this version does not know");
}

}  // namespace

std::string encode(const ReplyFrame& frame) {
  wire::Reply wire;
  wire.set_id(frame.id);
  std::visit(PutReply{wire}, frame.body);
  return wire.SerializeAsString();
}

Result<ReplyFrame> decode_reply(std::string_view bytes) {
  TRY_ASSIGN(const auto wire, parse<wire::Reply>(bytes, "reply"));
  TRY_ASSIGN(auto body, get_reply(wire));
  return ReplyFrame{wire.id(), std::move(body)};
}

}  // namespace isobar::broker
