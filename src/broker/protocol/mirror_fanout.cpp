#include "mirror_fanout.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <functional>

#include "base/parallel.h"
#include "broker/content_hash.h"

namespace isobar::broker {

namespace {

constexpr std::size_t kPieceBytes = 256 << 10;  // file content in one message, and what goes together at least
constexpr std::size_t kPartEntries = 2000;      // manifest entries in one message: 2000 paths of 4 KiB still fit
/// Batches that wait for one node; all nodes share the bytes themselves.
constexpr std::size_t kQueueMost = 32;
/// How long a node may keep all others waiting.
constexpr auto kPatience = std::chrono::seconds(5);
/// Nodes that are sent to at the same time; more are served one group after another, each with a read of its own.
constexpr std::size_t kNodesTogether = 256;
constexpr std::size_t kDialledTogether = 32;

fs::path path_of(const MirrorOrder& order, const MirrorEntry& entry) {
  return entry.path.empty() ? order.source : order.source / entry.path;
}

Result<Fd> open_source(const fs::path& path) {
  Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!file) return errno_error("read " + path.string());
  return file;
}

Status hash_contents(MirrorOrder& order) {
  if (order.compare != MirrorCompare::kContent) return {};
  for (auto& entry : order.entries) {
    if (entry.kind != EntryKind::kFile) continue;
    const auto path = path_of(order, entry);
    TRY_ASSIGN(const Fd file, open_source(path));
    TRY_ASSIGN(entry.hash, content_hash(file.get()).context(path.string()));
  }
  return {};
}

using TakePiece = std::function<Status(const MirrorData&, const MirrorPlace&)>;

/// Reads one file from an offset on, piece by piece, to the size that its entry promised: a file that changes under way is an error, so
/// that no node ever holds a mixture.
Status read_file_by_pieces(const MirrorOrder& order, MirrorPlace from, const TakePiece& take) {
  const auto& entry = order.entries[from.entry];
  const auto path = path_of(order, entry);
  TRY_ASSIGN(const Fd file, open_source(path));
  struct stat before {};
  if (::fstat(file.get(), &before) != 0) return errno_error("read " + path.string());
  const auto changed = [&](std::string_view how) {
    return invalid(fmt::format("read {}: it {} while it was sent; mirror again", path.string(), how));
  };
  do {
    MirrorData piece{.entry = from.entry, .bytes = {}};
    piece.bytes.resize(std::min<std::uint64_t>(kPieceBytes, entry.size - from.offset));
    const auto got = ::pread(file.get(), piece.bytes.data(), piece.bytes.size(), static_cast<off_t>(from.offset));
    if (got < 0) return errno_error("read " + path.string());
    if (got == 0 && from.offset < entry.size) return changed("became shorter");
    piece.bytes.resize(static_cast<std::size_t>(got));
    const MirrorPlace place = from;
    from.offset += static_cast<std::uint64_t>(got);
    piece.end_of_file = from.offset == entry.size;
    if (piece.end_of_file) {
      struct stat after {};
      if (::fstat(file.get(), &after) != 0) return errno_error("read " + path.string());
      if (after.st_mtim.tv_sec != before.st_mtim.tv_sec || after.st_mtim.tv_nsec != before.st_mtim.tv_nsec)
        return changed("was written to");
    }
    TRY(take(piece, place));
  } while (from.offset < entry.size);
  return {};
}

/// The same piece by zstd; none: it is not worth it.
std::optional<MirrorData> packed_form(compression::Compressor& compressor, const MirrorData& piece) {
  constexpr auto kCodec = compression::Codec::kZstd;
  if (!compression::worth_packing(compressor, kCodec, piece.bytes)) return std::nullopt;
  MirrorData packed{.entry = piece.entry, .bytes = {}, .end_of_file = piece.end_of_file, .unpacked_bytes = piece.bytes.size()};
  packed.bytes.resize(compression::packed_bytes_most(piece.bytes.size()));
  const auto bytes = compressor.pack(kCodec, piece.bytes, packed.bytes);
  if (!bytes) return std::nullopt;
  packed.bytes.resize(*bytes);
  return packed;
}

std::string frame_for(std::uint64_t id, Request body) { return frame_of(encode(RequestFrame{id, std::move(body)})); }

}  // namespace

Result<MirrorOutcome> MirrorFanout::run(std::vector<Result<std::unique_ptr<AgentClient::Connection>>> connections) {
  encode_manifest();
  for (auto& connection : connections) {
    auto& node = nodes_.emplace_back();
    if (connection.ok()) node.connection = std::move(*connection);
    else node.outcome = connection.error();
    node.told = node.outcome.has_value();
  }
  for (auto& node : nodes_)
    if (node.connection) node.thread = std::jthread([this, &node] { converse(node); });
  const auto read = finish_reading();
  for (auto& node : nodes_)
    if (node.thread.joinable()) node.thread.join();
  TRY(read);
  MirrorOutcome outcome{{}, bytes_read_, bytes_sent_};
  for (auto& node : nodes_) outcome.reports.push_back(std::move(*node.outcome));
  return outcome;
}

void MirrorFanout::encode_manifest() {
  std::size_t first = 0;
  do {
    const auto count = std::min(kPartEntries, order_.entries.size() - first);
    MirrorManifest part{.destination = order_.destination, .compare = order_.compare, .entries = {}};
    part.entries.assign(order_.entries.begin() + static_cast<std::ptrdiff_t>(first),
                        order_.entries.begin() + static_cast<std::ptrdiff_t>(first + count));
    first += count;
    part.last = first == order_.entries.size();
    const auto id = next_id_++;
    manifest_.emplace_back(id, frame_for(id, std::move(part)));
  } while (first < order_.entries.size());
}

// ---- the reader ---------------------------------------------------------------------------------------------------

/// Whatever happens, everyone is told that nothing more comes.
Status MirrorFanout::finish_reading() {
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return std::all_of(nodes_.begin(), nodes_.end(), [](const Node& node) { return node.told; }); });
  }
  const auto read = read_for_all();
  const std::scoped_lock lock(mutex_);
  all_read_ = true;
  if (!read.ok()) unreadable_ = read.error();
  changed_.notify_all();
  return read;
}

Status MirrorFanout::read_for_all() {
  for (std::size_t entry = 0; entry < order_.entries.size(); ++entry) {
    if (ready_for(entry, {entry, 0}).empty()) continue;
    TRY(read_file_by_pieces(order_, {entry, 0}, [&](const MirrorData& piece, const MirrorPlace& place) {
      hand_out(piece, place);
      return Status();
    }));
  }
  flush();
  return {};
}

/// The nodes that are to get what begins there, once all of them have room for it, or were left to themselves.
std::vector<MirrorFanout::Node*> MirrorFanout::ready_for(std::uint64_t entry, const MirrorPlace& place) {
  std::unique_lock lock(mutex_);
  const auto takes = [&](const Node& node) { return !node.outcome && !node.alone && entry < node.wants.size() && node.wants[entry]; };
  const auto has_room = [&](const Node& node) { return !takes(node) || node.queue.size() < kQueueMost; };
  const auto all_have_room = [&] { return std::all_of(nodes_.begin(), nodes_.end(), has_room); };
  // What a node that is left to itself was to get before that place has to be on its way.
  if (!all_have_room()) flush_locked();
  if (!changed_.wait_for(lock, kPatience, all_have_room))
    for (auto& node : nodes_)
      if (!has_room(node)) node.alone = place;
  std::vector<Node*> ready;
  for (auto& node : nodes_)
    if (takes(node)) ready.push_back(&node);
  return ready;
}

void MirrorFanout::hand_out(const MirrorData& data, const MirrorPlace& place) {
  auto ready = ready_for(data.entry, place);
  if (ready.empty()) return;
  if (batch_ && ready != batch_for_) flush();
  if (!batch_) {
    batch_ = std::make_shared<MirrorBatch>();
    batch_for_ = std::move(ready);
  }
  add_to_batch(data);
  if (std::max(batch_->raw.size(), batch_->packed.size()) >= kPieceBytes) flush();
}

void MirrorFanout::add_to_batch(const MirrorData& data) {
  batch_->last_id = next_id_++;
  batch_->bytes_read += data.bytes.size();
  const auto is_packed = [](const Node* node) { return node->packed; };
  if (!std::all_of(batch_for_.begin(), batch_for_.end(), is_packed)) batch_->raw += frame_for(batch_->last_id, data);
  if (std::none_of(batch_for_.begin(), batch_for_.end(), is_packed)) return;
  auto packed = packed_form(compressor_, data);
  batch_->packed += packed ? frame_for(batch_->last_id, std::move(*packed)) : frame_for(batch_->last_id, data);
}

void MirrorFanout::flush() {
  const std::scoped_lock lock(mutex_);
  flush_locked();
}

void MirrorFanout::flush_locked() {
  if (!batch_) return;
  bytes_read_ += batch_->bytes_read;
  for (auto* node : batch_for_) node->queue.push_back(batch_);
  batch_.reset();
  changed_.notify_all();
}

// ---- one node, on a thread of its own -----------------------------------------------------------------------------

void MirrorFanout::converse(Node& node) {
  auto report = mirror(node);
  const std::scoped_lock lock(mutex_);
  node.outcome = std::move(report);
  node.told = true;
  node.queue.clear();
  changed_.notify_all();
}

Result<MirrorReport> MirrorFanout::mirror(Node& node) {
  TRY(ask(node));
  TRY(deliver(node));
  TRY(node.connection->send(MirrorFinish{}, silence_));
  return node.connection->receive_as<MirrorReport>(silence_);
}

Status MirrorFanout::ask(Node& node) {
  for (const auto& [id, frame] : manifest_) TRY(node.connection->send_frame(id, frame, silence_));
  std::vector<bool> wants(order_.entries.size());
  bool unpacks = false;
  for (bool last = false; !last;) {
    TRY_ASSIGN(const auto part, node.connection->receive_as<MirrorWants>(silence_));
    for (const auto entry : part.entries) {
      if (entry >= wants.size() || order_.entries[entry].kind != EntryKind::kFile)
        return unavailable("the agent asks for content of what was not announced as a file");
      wants[entry] = true;
    }
    unpacks |= part.unpacks;
    last = part.last;
  }
  const std::scoped_lock lock(mutex_);
  node.wants = std::move(wants);
  node.packed = unpacks && !node.connection->is_near;
  node.told = true;
  changed_.notify_all();
  return {};
}

/// All pieces that are handed out, and then what the reader did not wait for.
Status MirrorFanout::deliver(Node& node) {
  for (;;) {
    std::shared_ptr<const MirrorBatch> batch;
    std::optional<MirrorPlace> alone;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return !node.queue.empty() || node.alone || all_read_; });
      if (unreadable_) return *unreadable_;
      if (!node.queue.empty()) {
        batch = std::move(node.queue.front());
        node.queue.pop_front();
        changed_.notify_all();
      }
      alone = node.alone;
    }
    if (!batch) return alone ? go_on_alone(node, *alone) : Status();
    const auto& frames = node.packed ? batch->packed : batch->raw;
    TRY(node.connection->send_frame(batch->last_id, frames, silence_));
    const std::scoped_lock lock(mutex_);
    bytes_sent_ += frames.size();
  }
}

Status MirrorFanout::go_on_alone(Node& node, MirrorPlace from) {
  compression::Compressor compressor;
  const auto send = [&](const MirrorData& data, const MirrorPlace&) -> Status {
    auto packed = node.packed ? packed_form(compressor, data) : std::nullopt;
    const auto sent = packed ? packed->bytes.size() : data.bytes.size();
    if (packed) TRY(node.connection->send(std::move(*packed), silence_));
    else TRY(node.connection->send(data, silence_));
    const std::scoped_lock lock(mutex_);
    bytes_read_ += data.bytes.size();
    bytes_sent_ += sent;
    return {};
  };
  for (; from.entry < order_.entries.size(); from = {from.entry + 1, 0})
    if (node.wants[from.entry]) TRY(read_file_by_pieces(order_, from, send));
  return {};
}

// ---- the public side ----------------------------------------------------------------------------------------------

Result<MirrorOutcome> AgentClient::mirror_to_all(std::span<AgentClient> clients, MirrorOrder order, Duration deadline) {
  const auto intent = "mirror " + order.source.string() + " to " + order.destination;
  TRY(hash_contents(order).context(intent));
  MirrorOutcome whole;
  for (std::size_t first = 0; first < clients.size(); first += kNodesTogether) {
    const auto group = clients.subspan(first, std::min(kNodesTogether, clients.size() - first));
    std::vector<std::optional<Result<std::unique_ptr<Connection>>>> opened(group.size());
    for_each_at_once(group.size(), kDialledTogether, [&](std::size_t i) { opened[i] = group[i].connection_->another(deadline); });
    std::vector<Result<std::unique_ptr<Connection>>> connections;
    for (auto& each : opened) connections.push_back(std::move(*each));
    // A conversation's first number is that of the hello.
    MirrorFanout fanout(order, 2, deadline);
    TRY_ASSIGN(auto outcome, fanout.run(std::move(connections)).context(intent));
    for (auto& report : outcome.reports) whole.reports.push_back(std::move(report).context(intent));
    whole.bytes_read += outcome.bytes_read;
    whole.bytes_sent += outcome.bytes_sent;
  }
  return whole;
}

}  // namespace isobar::broker
