#pragma once

// A link's connection: frames out of bytes and back. Bodies that are only passed on go through a pipe and never enter this
// process's memory.

#include <deque>
#include <memory>

#include "chunk_codec.h"
#include "net/key_exchange.h"
#include "net/loop.h"

namespace isobar::transfer {

// Whoever stands above links. Called on the loop's thread, never out of a call to the link.
class LinkOwner {
 public:
  virtual ~LinkOwner() = default;
  virtual bool only_passes(const FrameHeader& header) const = 0;
  virtual void frame_arrived(LinkId link, FrameHeader header, Payload body) = 0;
  virtual void frames_sent(LinkId link, std::size_t frames) = 0;
  // Some bytes came; told some times a second at most.
  virtual void bytes_heard(LinkId link) = 0;
  virtual void link_lost(LinkId link, const Error& why) = 0;
};

// A body that stands in a pipe.
class PipeBody final : public FrameBody {
 public:
  // None: there are no more descriptors, or pipes cannot be that large.
  static std::shared_ptr<PipeBody> make(std::uint32_t bytes);
  ~PipeBody() override;
  std::uint32_t size() const override { return bytes_; }
  int in() const { return in_.get(); }
  int out() const { return out_.get(); }

 private:
  PipeBody(Fd in, Fd out, std::uint32_t bytes) : in_(std::move(in)), out_(std::move(out)), bytes_(bytes) {}
  friend class FrameLink;
  Fd in_, out_;
  std::uint32_t bytes_;
  bool spent_ = false;  // all of it was passed on: the pipe can be used again
};

class FrameLink : public std::enable_shared_from_this<FrameLink> {
 public:
  FrameLink(net::Loop& loop, std::shared_ptr<Fd> socket, LinkId id, net::AgreedKeys keys, LinkOwner& owner);
  ~FrameLink();
  void start();
  void send(FrameHeader header, Payload body);
  int socket() const { return socket_->get(); }
  // No more is told of it.
  void hang_up();

 private:
  struct Outgoing {
    std::array<char, kSealedHeaderBytes> header;
    Payload body;
  };

  void read_on();
  void receive_header();
  bool take_header();
  void begin_body();
  void receive_body();
  void splice_body();
  void drain_pipe();
  void body_complete();
  void write_on();
  void write_pieces();
  void splice_out();
  void sent_all();
  void note_heard();
  void fail(const Error& why);

  net::Loop& loop_;
  std::shared_ptr<Fd> socket_;
  LinkId id_;
  LinkOwner* owner_;
  bool splices_;  // the socket does not block, so that bodies can be spliced
  HeaderCipher sealing_, opening_;

  // What was read and not taken yet: [begin_, end_) of buffer_.
  std::unique_ptr<char[]> buffer_;
  std::size_t begin_ = 0, end_ = 0;
  FrameHeader header_;
  std::shared_ptr<BytesBody> bytes_;
  std::shared_ptr<PipeBody> pipe_;
  std::size_t body_had_ = 0;
  Duration noted_{};    // when it was last told that bytes came
  bool large_ = false;  // the last frame had a large body: read headers alone, so that bodies arrive where they belong

  std::deque<Outgoing> queue_;
  bool writing_ = false;
  std::string batch_;        // small frames, and the header of a large one
  std::size_t batched_ = 0;  // frames that are done when batch_ and large_out_ are
  Payload large_out_;
  std::vector<std::string_view> pieces_;
  std::size_t splice_left_ = 0;
};

}  // namespace isobar::transfer
