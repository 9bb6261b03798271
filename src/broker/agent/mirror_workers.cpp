#include "mirror_workers.h"

#include "mirror_receiver.h"

namespace isobar::broker {

namespace {

constexpr Duration kSilenceMax = std::chrono::minutes(5);
constexpr std::size_t kEntriesMax = 10'000'000;
constexpr std::size_t kPartWants = 100'000;

/// One mirror, from its manifest to its report.
class MirrorConversation {
 public:
  MirrorConversation(Channel& channel, std::uint64_t request, const std::stop_token& stop)
      : channel_(channel), request_(request), stop_(stop) {}

  Result<MirrorReport> run(MirrorManifest manifest, const fs::path& home) {
    TRY(receive_rest(manifest));
    TRY_ASSIGN(auto receiver, MirrorReceiver::open(std::move(manifest), home, home / ".isobar" / "mirrors"));
    TRY_ASSIGN(const auto wanted, receiver.prepare());
    TRY(say_wants(wanted));
    for (;;) {
      TRY_ASSIGN(const auto frame, receive());
      if (const auto* piece = std::get_if<MirrorData>(&frame)) TRY(receiver.receive(*piece));
      else if (std::holds_alternative<MirrorFinish>(frame)) return receiver.finish();
      else return invalid("a request of another kind within a mirror");
    }
  }

  void reply(Reply body) { (void)channel_.send(encode(ReplyFrame{request_, std::move(body)}), kSilenceMax).ok(); }

 private:
  Result<Request> receive() {
    TRY_ASSIGN(const auto bytes, channel_.receive(kSilenceMax, stop_));
    TRY_ASSIGN(auto frame, decode_request(bytes));
    request_ = frame.id;
    return std::move(frame.body);
  }

  Status receive_rest(MirrorManifest& manifest) {
    while (!manifest.last) {
      TRY_ASSIGN(auto request, receive());
      auto* part = std::get_if<MirrorManifest>(&request);
      if (!part) return invalid("a manifest that does not end");
      manifest.last = part->last;
      manifest.entries.insert(manifest.entries.end(), std::make_move_iterator(part->entries.begin()),
                              std::make_move_iterator(part->entries.end()));
      if (manifest.entries.size() > kEntriesMax) return invalid("a manifest of more than ten million entries");
    }
    return {};
  }

  Status say_wants(const std::vector<std::uint64_t>& wanted) {
    for (std::size_t first = 0; first == 0 || first < wanted.size(); first += kPartWants) {
      const auto end = std::min(first + kPartWants, wanted.size());
      MirrorWants part{{wanted.begin() + static_cast<std::ptrdiff_t>(first), wanted.begin() + static_cast<std::ptrdiff_t>(end)},
                       end == wanted.size(),
                       true};
      TRY(channel_.send(encode(ReplyFrame{request_, std::move(part)}), kSilenceMax));
    }
    return {};
  }

  Channel& channel_;
  std::uint64_t request_;
  const std::stop_token& stop_;
};

}  // namespace

MirrorWorkers::~MirrorWorkers() {
  for (auto& worker : workers_) worker.thread.request_stop();
}

Status MirrorWorkers::serve(Connection& connection, std::uint64_t request, MirrorManifest manifest) {
  std::erase_if(workers_, [](const Worker& worker) { return worker.done.load(); });
  if (workers_.size() >= kThreadsMax) return Error(Code::kExhausted, "too many mirrors at once: try again in a moment");
  auto& worker = workers_.emplace_back();
  worker.thread = std::jthread(
      [this, &worker, channel = connection.release(), request, manifest = std::move(manifest)](const std::stop_token& stop) mutable {
        run(std::move(channel), request, std::move(manifest), stop);
        worker.done = true;
      });
  return {};
}

void MirrorWorkers::run(Channel channel, std::uint64_t request, MirrorManifest manifest, const std::stop_token& stop) const {
  const auto destination = manifest.destination;
  MirrorConversation conversation(channel, request, stop);
  auto report = conversation.run(std::move(manifest), home_);
  if (report.ok()) return conversation.reply(*report);
  log_.warn("mirror_failed", {{"destination", destination}, {"why", report.error().message()}});
  conversation.reply(Failure{report.error().code(), report.error().message()});
}

}  // namespace isobar::broker
