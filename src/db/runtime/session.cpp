#include "db/session.h"

#include <fmt/format.h>

#include <atomic>
#include <set>
#include <thread>

#include "awaited.h"
#include "base/text.h"
#include "client_loop.h"

namespace isobar::db {

namespace {

using ReadAnswer = Result<std::vector<ReadValue>>;
using ScanAnswer = Result<ScanDone>;

Error no_such_transaction() { return invalid("there is no such transaction: it has ended, or was never begun"); }

Error refusal_of(AbortReason reason, std::string_view what) {
  switch (reason) {
    case AbortReason::kForbidden:
      return {Code::kPermissionDenied, fmt::format("this client may not read {}; its rights are in cluster.yaml", what)};
    case AbortReason::kTooOld:
      return {Code::kConflict, "aborted: the transaction began so long ago that what it would read is not kept any more"};
    case AbortReason::kNotClosed: return {Code::kConflict, fmt::format("aborted: {}", explain(reason))};
    default: return unavailable("the replicas' clocks are behind this machine's by more than they allow; set its clock");
  }
}

}  // namespace

std::string_view explain(AbortReason reason) {
  switch (reason) {
    case AbortReason::kNone: return "it was aborted by whoever finished it";
    case AbortReason::kClock: return "its timestamp is ahead of the replicas' clocks: look at this machine's clock";
    case AbortReason::kMissedWrite: return "another transaction wrote meanwhile what it had read";
    case AbortReason::kHidesWrite: return "a later transaction has already read what it would overwrite";
    case AbortReason::kReader: return "a later transaction is reading what it would overwrite";
    case AbortReason::kDependency: return "what it had read was not committed in the end";
    case AbortReason::kTooOld: return "it took too long";
    case AbortReason::kSameTimestamp: return "its timestamp was used twice: does the same client run twice?";
    case AbortReason::kMalformed: return "it is malformed";
    case AbortReason::kNotClosed: return "replicas have forgotten what they had closed";
    case AbortReason::kForbidden: return "this client may not read or write all of these keys; its rights are in cluster.yaml";
  }
  return "unknown";
}

/// One call that reads several keys.
struct Session::Gathering {
  std::vector<std::string> keys;
  std::vector<ReadValue> values;
  std::size_t missing = 0;
  Awaited<ReadAnswer> done;
};

struct Session::Inside {
  struct Wanted {
    std::shared_ptr<Gathering> by;
    std::size_t place = 0;
  };
  std::multimap<std::pair<TxHandle, std::string>, Wanted> reading;
  std::map<std::pair<TxHandle, std::uint64_t>, std::shared_ptr<Awaited<ScanAnswer>>> scanning;
  std::map<TxHandle, std::shared_ptr<Awaited<Result<Ended>>>> committing;
  std::set<TxHandle> open;
  std::atomic<std::uint64_t> next_tx = 1;
  std::map<ReplicaId, std::pair<StatusReply, Instant>> statuses;  // and when it came
  ClusterFile cluster;
  std::unique_ptr<ClientLoop> loop;  // last: when it ends, nobody is told anything any more

  /// A key of the transaction that was asked for and never read, as its `get` was given up.
  std::optional<std::string> unread(TxHandle tx) const {
    const auto first = reading.lower_bound({tx, ""});
    if (first != reading.end() && first->first.first == tx) return first->first.second;
    const auto scan = scanning.lower_bound({tx, 0});
    return scan != scanning.end() && scan->first.first == tx ? std::optional<std::string>("a range") : std::nullopt;
  }
  void abandon(TxHandle tx) {
    if (open.erase(tx) > 0) loop->core().abandon(tx, loop->now());
    std::erase_if(reading, [tx](const auto& entry) { return entry.first.first == tx; });
    std::erase_if(scanning, [tx](const auto& entry) { return entry.first.first == tx; });
  }

  void answer_read(TxHandle tx, const std::string& key, const Result<ReadValue>& answer) {
    auto [wanted, end] = reading.equal_range({tx, key});
    while (wanted != end) {
      const auto [by, place] = wanted->second;
      wanted = reading.erase(wanted);
      if (!answer.ok()) {
        by->done.tell(answer.error());
        continue;
      }
      by->values[place] = *answer;
      if (--by->missing == 0) by->done.tell(std::move(by->values));
    }
  }
  void on(const ReadDone& read) { answer_read(read.tx, read.key, read.value); }
  void on(const ReadRefused& read) { answer_read(read.tx, read.key, refusal_of(read.reason, fmt::format("'{}'", read.key))); }
  void answer_scan(TxHandle tx, std::uint64_t number, ScanAnswer answer) {
    const auto found = scanning.find({tx, number});
    if (found == scanning.end()) return;
    found->second->tell(std::move(answer));
    scanning.erase(found);
  }
  void on(const ScanDone& scan) { answer_scan(scan.tx, scan.scan, scan); }
  void on(const ScanRefused& scan) { answer_scan(scan.tx, scan.scan, refusal_of(scan.reason, "all of this range")); }
  void on(const Ended& ended) {
    const auto found = committing.find(ended.tx);
    if (found == committing.end()) return;
    found->second->tell(ended);
    committing.erase(found);
  }
};

Session::Session(std::unique_ptr<Inside> inside) : inside_(std::move(inside)) {}
Session::~Session() = default;

Result<std::unique_ptr<Session>> Session::open(ClusterFile cluster, Secret secret) {
  auto inside = std::make_unique<Inside>();
  inside->cluster = cluster;
  TRY_ASSIGN(inside->loop, ClientLoop::start(std::move(cluster), std::move(secret), [raw = inside.get()](const ClientEvent& event) {
               std::visit([raw](const auto& e) { raw->on(e); }, event);
             }));
  return std::unique_ptr<Session>(new Session(std::move(inside)));
}

Status Session::keep_evidence(const fs::path& file) {
  TRY_ASSIGN(auto opened, EvidenceFile::open(file));
  inside_->loop->run([&] { inside_->loop->keep_evidence(std::move(opened)); });
  return {};
}

std::uint64_t Session::token() {
  std::uint64_t token = 0;
  inside_->loop->run([&] { token = inside_->loop->core().token(); });
  return token;
}

Status Session::come_after(std::uint64_t token) {
  bool possible = false;
  inside_->loop->run([&] { possible = inside_->loop->core().come_after(token, inside_->loop->now()); });
  if (!possible) return invalid(fmt::format("{} is no token of a session, or this machine's clock is far behind", token));
  return {};
}

TxHandle Session::begin(std::uint32_t tries, Access access) {
  const TxHandle tx(inside_->next_tx++);
  inside_->loop->post([inside = inside_.get(), tx, tries, access] {
    inside->loop->core().begin_as(tx, inside->loop->now(), tries, access);
    inside->open.insert(tx);
  });
  return tx;
}

std::vector<std::string> Session::unreachable() {
  std::vector<std::string> list;
  inside_->loop->run([&] { list = inside_->loop->unreachable(); });
  return list;
}

Error Session::not_answered(std::string_view what, Duration patience) {
  const auto missing = unreachable();
  return {Code::kDeadlineExceeded, fmt::format("{} could not be read within {}; not connected: {}", what, format_duration(patience),
                                               missing.empty() ? "none" : join(missing, "; "))};
}

Result<std::optional<std::string>> Session::get(TxHandle tx, const std::string& key, Duration patience, ReadFor what_for) {
  TRY_ASSIGN(auto values, read(tx, {key}, patience, what_for));
  return std::move(values.front().value);
}

Result<std::vector<ReadValue>> Session::read(TxHandle tx, std::vector<std::string> keys, Duration patience, ReadFor what_for) {
  if (keys.empty()) return std::vector<ReadValue>();
  auto gathering = std::make_shared<Gathering>();
  gathering->values.resize(keys.size());
  gathering->missing = keys.size();
  gathering->keys = std::move(keys);
  inside_->loop->post([inside = inside_.get(), gathering, tx, what_for] {
    if (!inside->open.contains(tx)) return gathering->done.tell(no_such_transaction());
    for (std::size_t i = 0; i < gathering->keys.size(); ++i) {
      inside->reading.emplace(std::pair(tx, gathering->keys[i]), Inside::Wanted{gathering, i});
      inside->loop->core().read(tx, gathering->keys[i], inside->loop->now(), what_for);
    }
  });
  if (auto told = gathering->done.wait(patience)) return std::move(*told);
  return not_answered(fmt::format("'{}'", gathering->keys.front()), patience);
}

void Session::assume(TxHandle tx, std::string key, ReadValue read) {
  inside_->loop->post([inside = inside_.get(), tx, key = std::move(key), read = std::move(read)]() mutable {
    if (inside->open.contains(tx)) inside->loop->core().assume(tx, key, std::move(read), inside->loop->now());
  });
}

Result<Session::Page> Session::scan(TxHandle tx, const ScanOrder& order, Duration patience) {
  auto answer = std::make_shared<Awaited<ScanAnswer>>();
  inside_->loop->post([inside = inside_.get(), answer, tx, order] {
    if (!inside->open.contains(tx)) return answer->tell(no_such_transaction());
    const auto number = inside->loop->core().scan(tx, order, inside->loop->now());
    inside->scanning[{tx, number}] = answer;
  });
  auto told = answer->wait(patience);
  if (!told) return not_answered("a range", patience);
  TRY_ASSIGN(ScanDone done, std::move(*told));
  const bool all = done.end == (order.backward ? order.from : order.until);
  return Page{std::move(done.rows), all ? std::nullopt : std::optional(std::move(done.end))};
}

Status Session::put(TxHandle tx, const std::string& key, std::optional<std::string> value) {
  bool there = false;
  inside_->loop->run([&] {
    there = inside_->open.contains(tx);
    if (there) inside_->loop->core().write(tx, key, std::move(value));
  });
  if (!there) return no_such_transaction();
  return {};
}

Result<Committed> Session::commit(TxHandle tx, std::vector<Write> writes, Duration patience) {
  auto ended = std::make_shared<Awaited<Result<Ended>>>();
  inside_->loop->post([inside = inside_.get(), ended, tx, writes = std::move(writes)]() mutable {
    if (!inside->open.contains(tx)) return ended->tell(no_such_transaction());
    if (const auto unread = inside->unread(tx)) {
      inside->abandon(tx);
      return ended->tell(Error(Code::kConflict, fmt::format("aborted: '{}' was asked for and not read in time", *unread)));
    }
    inside->open.erase(tx);
    inside->committing[tx] = ended;
    for (auto& write : writes) inside->loop->core().write(tx, write.key, std::move(write.value));
    inside->loop->core().commit(tx, inside->loop->now());
  });
  const auto answer = ended->wait(patience);
  if (!answer) {
    const auto missing = unreachable();
    return Error(Code::kDeadlineExceeded, fmt::format("what became of the transaction is not known after {}; not connected: {}",
                                                      format_duration(patience), missing.empty() ? "none" : join(missing, "; ")));
  }
  if (!answer->ok()) return answer->error();
  const Ended& told = **answer;
  if (told.forgotten)
    return Error(Code::kDeadlineExceeded, "it was handed in so long ago that no replica remembers what became of it: read what it wrote");
  if (told.outcome == Outcome::kAbort) {
    const bool in_vain = told.reason == AbortReason::kForbidden;  // to try it again
    return Error(in_vain ? Code::kPermissionDenied : Code::kConflict, fmt::format("aborted: {}", explain(told.reason)));
  }
  return Committed{told.id, told.fast};
}

void Session::abandon(TxHandle tx) {
  inside_->loop->post([inside = inside_.get(), tx] { inside->abandon(tx); });
}

std::vector<Session::ReplicaStatus> Session::status(Duration patience) {
  std::vector<ReplicaStatus> list;
  for (const auto& [peer, member] : inside_->cluster.members)
    if (const auto* replica = std::get_if<ReplicaId>(&peer))
      list.push_back({*replica, fmt::format("{}:{}", member.host, member.port), std::nullopt, "", {}});
  const Instant end = SystemClock().now() + patience;
  std::size_t answered = 0;
  // Connections may not be there yet: asked again until all have answered or the time is over.
  while (answered < list.size() && SystemClock().now() < end) {
    inside_->loop->run([&] {
      inside_->loop->ask_status([inside = inside_.get()](const ReplicaId& from, const StatusReply& reply) {
        inside->statuses[from] = {reply, inside->loop->now().wall};
      });
    });
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    inside_->loop->run([&] { answered = inside_->statuses.size(); });
  }
  inside_->loop->run([&] {
    inside_->loop->ask_status(nullptr);
    for (auto& status : list) {
      const auto found = inside_->statuses.find(status.replica);
      if (found == inside_->statuses.end()) {
        status.problem = "it does not answer";
        continue;
      }
      status.reply = found->second.first;
      status.clock_ahead = Duration(static_cast<std::int64_t>(status.reply->clock) - found->second.second.unix_nanos());
    }
    inside_->statuses.clear();
  });
  return list;
}

}  // namespace isobar::db
