#pragma once

/// One tree to many nodes: a reader, and a thread for each node that sends what it lacks.
///
/// Thirty-two nodes that lack the same files would otherwise be thirty-two reads of a disk, and as many packings of the same bytes. So all
/// are first asked what they lack; then each file that any lacks is read once, and a piece of it is encoded once (once packed and once as
/// it is, if nodes want both) and handed to everyone who lacks it; pieces of small files go together. They wait in a short queue for each
/// node, so the slowest sets the pace; but a node that keeps the reader waiting for seconds is left to itself: it gets the rest by reads of
/// its own, and the others go on.

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "agent_connection.h"
#include "compression/sample.h"

namespace isobar::broker {

/// Pieces of files as they go out, numbered so that they fit every conversation.
struct MirrorBatch {
  std::uint64_t last_id = 0, bytes_read = 0;
  std::string raw, packed;  ///< frames: as they are, and packed where that pays; the form that nobody wants is empty
};

/// Where in a tree a node is to go on by itself.
struct MirrorPlace {
  std::size_t entry = 0;
  std::uint64_t offset = 0;
};

class MirrorFanout {
 public:
  MirrorFanout(const MirrorOrder& order, std::uint64_t first_id, Duration silence) : order_(order), next_id_(first_id), silence_(silence) {}

  /// connections   that have just said their hello, or why there is none
  Result<MirrorOutcome> run(std::vector<Result<std::unique_ptr<AgentClient::Connection>>> connections);

 private:
  struct Node {
    std::unique_ptr<AgentClient::Connection> connection;
    std::vector<bool> wants;  // by entry
    bool packed = false;      // pieces may come packed
    bool told = false;        // what it wants, or that it failed
    std::optional<Result<MirrorReport>> outcome;
    std::deque<std::shared_ptr<const MirrorBatch>> queue;
    std::optional<MirrorPlace> alone;  // it reads for itself from here on
    std::jthread thread;
  };

  void converse(Node& node);
  Result<MirrorReport> mirror(Node& node);
  Status ask(Node& node);
  Status deliver(Node& node);
  Status go_on_alone(Node& node, MirrorPlace from);
  Status finish_reading();
  Status read_for_all();
  void hand_out(const MirrorData& data, const MirrorPlace& place);
  std::vector<Node*> ready_for(std::uint64_t entry, const MirrorPlace& place);
  void add_to_batch(const MirrorData& data);
  void flush();
  void flush_locked();
  void encode_manifest();

  const MirrorOrder& order_;
  std::uint64_t next_id_;
  const Duration silence_;
  std::vector<std::pair<std::uint64_t, std::string>> manifest_;  // ids and frames
  compression::Compressor compressor_;
  // The reader's own: what is not handed out yet, and to whom it goes.
  std::shared_ptr<MirrorBatch> batch_;
  std::vector<Node*> batch_for_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Node> nodes_;
  bool all_read_ = false;
  std::optional<Error> unreadable_;
  std::uint64_t bytes_read_ = 0, bytes_sent_ = 0;
};

}  // namespace isobar::broker
