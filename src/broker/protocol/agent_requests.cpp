#include "agent_wire.h"

namespace isobar::broker {

namespace {

struct PutRequest {
  wire::Request& out;

  void operator()(const Hello& hello) const {
    out.mutable_hello()->set_protocol(hello.protocol);
    out.mutable_hello()->set_token(hello.token);
  }
  void operator()(const SubmitJobs& submit) const {
    auto* jobs = out.mutable_submit_jobs();
    for (const auto& job : submit.jobs) put(job, jobs->add_jobs());
    if (submit.autostop) put(*submit.autostop, jobs->mutable_autostop());
  }
  void operator()(const ListJobs& list) const {
    auto* wire = out.mutable_list_jobs();
    put_ids(list.ids, wire->mutable_ids());
    wire->set_active_only(list.active_only);
    wire->set_limit(list.limit);
  }
  void operator()(const CancelJobs& cancel) const {
    put_ids(cancel.ids, out.mutable_cancel_jobs()->mutable_ids());
    out.mutable_cancel_jobs()->set_all(cancel.all);
  }
  void operator()(const TailLogs& tail) const {
    auto* wire = out.mutable_tail_logs();
    wire->set_job(tail.job.value());
    wire->set_follow(tail.follow);
    if (tail.tail_lines) wire->set_tail_lines(*tail.tail_lines);
    if (tail.rank) wire->set_rank(*tail.rank);
  }
  void operator()(const SetAutostop& set) const {
    auto* wire = out.mutable_set_autostop();
    if (set.autostop) put(*set.autostop, wire->mutable_autostop());
  }
  void operator()(const AskStatus&) const { out.mutable_ask_status(); }
  void operator()(const ShutDown& shut) const { out.mutable_shut_down()->set_how(static_cast<std::int32_t>(shut.how)); }
  void operator()(const MirrorManifest& manifest) const { put(manifest, out.mutable_mirror_manifest()); }
  void operator()(const MirrorData& data) const {
    auto* wire = out.mutable_mirror_data();
    wire->set_entry(data.entry);
    wire->set_bytes(data.bytes);
    wire->set_end_of_file(data.end_of_file);
    wire->set_unpacked_bytes(data.unpacked_bytes);
  }
  void operator()(const MirrorFinish&) const { out.mutable_mirror_finish(); }
  void operator()(const RunRank& run) const {
    auto* wire = out.mutable_run_rank();
    put(run.key, wire->mutable_key());
    put(run.order, wire->mutable_order());
    wire->set_offset(run.offset);
  }
  void operator()(const KillRank& kill) const { put(kill.key, out.mutable_kill_rank()); }
  void operator()(const ForgetRank& forget) const { put(forget.key, out.mutable_forget_rank()); }
  void operator()(const MountBucket& mount) const { out.mutable_mount_bucket()->set_order(mount.order); }
  void operator()(const AskUploads&) const { out.mutable_ask_uploads(); }
  void operator()(const NodesReady&) const { out.mutable_nodes_ready(); }
};

Result<Request> get_submit(const wire::SubmitJobs& wire) {
  SubmitJobs submit;
  for (const auto& job : wire.jobs()) {
    TRY_ASSIGN(submit.jobs.emplace_back(), get(job).context("job \"" + job.name() + "\""));
  }
  if (wire.has_autostop()) {
    TRY_ASSIGN(submit.autostop, get(wire.autostop()));
  }
  return Request(std::move(submit));
}

Result<Request> get_tail(const wire::TailLogs& wire) {
  TailLogs tail{.job = JobId(wire.job()), .follow = wire.follow()};
  if (wire.has_tail_lines()) tail.tail_lines = wire.tail_lines();
  if (wire.has_rank()) tail.rank = wire.rank();
  return Request(tail);
}

Result<Request> get_autostop(const wire::SetAutostop& wire) {
  SetAutostop set;
  if (wire.has_autostop()) {
    TRY_ASSIGN(set.autostop, get(wire.autostop()));
  }
  return Request(set);
}

Result<Request> get_run(const wire::RunRank& wire) {
  RunRank run{.offset = wire.offset()};
  TRY_ASSIGN(run.key, get(wire.key()));
  TRY_ASSIGN(run.order, get(wire.order()));
  return Request(std::move(run));
}

template <class Body>
Result<Request> as_request(Result<Body> body) {
  if (!body.ok()) return body.error();
  return Request(std::move(*body));
}

Result<Request> get_request(const wire::Request& wire) {
  switch (wire.body_case()) {
    case wire::Request::kHello: return Request(Hello{wire.hello().protocol(), wire.hello().token()});
    case wire::Request::kSubmitJobs: return get_submit(wire.submit_jobs());
    case wire::Request::kListJobs:
      return Request(ListJobs{get_ids(wire.list_jobs().ids()), wire.list_jobs().active_only(), wire.list_jobs().limit()});
    case wire::Request::kCancelJobs: return Request(CancelJobs{get_ids(wire.cancel_jobs().ids()), wire.cancel_jobs().all()});
    case wire::Request::kTailLogs: return get_tail(wire.tail_logs());
    case wire::Request::kSetAutostop: return get_autostop(wire.set_autostop());
    case wire::Request::kAskStatus: return Request(AskStatus{});
    case wire::Request::kShutDown: {
      TRY_ASSIGN(const auto how, enumerator(wire.shut_down().how(), PowerOff::kTerminate, "how"));
      return Request(ShutDown{how});
    }
    case wire::Request::kMirrorManifest: return as_request(get(wire.mirror_manifest()));
    case wire::Request::kMirrorData:
      return Request(MirrorData{wire.mirror_data().entry(), wire.mirror_data().bytes(), wire.mirror_data().end_of_file(),
                                wire.mirror_data().unpacked_bytes()});
    case wire::Request::kMirrorFinish: return Request(MirrorFinish{});
    case wire::Request::kRunRank: return get_run(wire.run_rank());
    case wire::Request::kKillRank: {
      TRY_ASSIGN(const auto key, get(wire.kill_rank()));
      return Request(KillRank{key});
    }
    case wire::Request::kForgetRank: {
      TRY_ASSIGN(const auto key, get(wire.forget_rank()));
      return Request(ForgetRank{key});
    }
    case wire::Request::kMountBucket: return Request(MountBucket{wire.mount_bucket().order()});
    case wire::Request::kAskUploads: return Request(AskUploads{});
    case wire::Request::kNodesReady: return Request(NodesReady{});
    case wire::Request::BODY_NOT_SET: break;
  }
  return invalid("a request of a kind that this version does not know");
}

}  // namespace

std::string encode(const RequestFrame& frame) {
  wire::Request wire;
  wire.set_id(frame.id);
  std::visit(PutRequest{wire}, frame.body);
  return wire.SerializeAsString();
}

Result<RequestFrame> decode_request(std::string_view bytes) {
  TRY_ASSIGN(const auto wire, parse<wire::Request>(bytes, "request"));
  TRY_ASSIGN(auto body, get_request(wire));
  return RequestFrame{wire.id(), std::move(body)};
}

}  // namespace isobar::broker
