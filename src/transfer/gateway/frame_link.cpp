#include "frame_link.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace isobar::transfer {

namespace {

constexpr std::size_t kBuffer = 128 << 10;
constexpr std::size_t kSmall = 16 << 10;  // bodies up to this are copied, so that many go out with one call
constexpr std::size_t kBatch = 128 << 10;
constexpr int kPipeBytes = 512 << 10;  // a frame, though its pages are not full
constexpr std::size_t kPipesKept = 64;

struct Pipe {
  Fd in, out;
};

// Pipes are made once and used again: making one costs three calls. Of the one thread that runs links.
std::vector<Pipe>& idle_pipes() {
  thread_local std::vector<Pipe> pipes;
  return pipes;
}

}  // namespace

std::shared_ptr<PipeBody> PipeBody::make(std::uint32_t bytes) {
  Pipe pipe;
  if (!idle_pipes().empty()) {
    pipe = std::move(idle_pipes().back());
    idle_pipes().pop_back();
  } else {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return nullptr;
    pipe = {Fd(ends[1]), Fd(ends[0])};
    if (::fcntl(ends[0], F_SETPIPE_SZ, kPipeBytes) < kPipeBytes) return nullptr;
  }
  return std::shared_ptr<PipeBody>(new PipeBody(std::move(pipe.in), std::move(pipe.out), bytes));
}

PipeBody::~PipeBody() {
  if (spent_ && idle_pipes().size() < kPipesKept) idle_pipes().push_back({std::move(in_), std::move(out_)});
}

FrameLink::FrameLink(net::Loop& loop, std::shared_ptr<Fd> socket, LinkId id, net::AgreedKeys keys, LinkOwner& owner)
    : loop_(loop),
      socket_(std::move(socket)),
      id_(id),
      owner_(&owner),
      splices_(loop.kind() == net::LoopKind::kEpoll),
      sealing_(keys.send_key),
      opening_(keys.receive_key),
      buffer_(new char[kBuffer]) {
  const int one = 1;
  ::setsockopt(socket_->get(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  // Where the kernel has it: it fills long lossy ways that others do not (Skyplane sets it on every VM). Else its default serves.
  ::setsockopt(socket_->get(), IPPROTO_TCP, TCP_CONGESTION, "bbr", 3);
  CHECK(keys.early.size() <= kBuffer, keys.early.size());
  std::copy(keys.early.begin(), keys.early.end(), buffer_.get());
  end_ = keys.early.size();
}

FrameLink::~FrameLink() { loop_.forget(socket_->get()); }

void FrameLink::start() { read_on(); }

void FrameLink::hang_up() {
  owner_ = nullptr;
  ::shutdown(socket_->get(), SHUT_RDWR);
}

void FrameLink::fail(const Error& why) {
  LinkOwner* owner = std::exchange(owner_, nullptr);
  ::shutdown(socket_->get(), SHUT_RDWR);
  if (owner) owner->link_lost(id_, why);
}

void FrameLink::note_heard() {
  if (loop_.now() - noted_ < 250ms) return;
  noted_ = loop_.now();
  owner_->bytes_heard(id_);
}

// --- Reading

void FrameLink::read_on() {
  while (owner_) {
    if (!take_header()) return receive_header();
    if (!owner_) return;
    if (header_.body_bytes > 0) return begin_body();
    owner_->frame_arrived(id_, header_, nullptr);
  }
}

// A header out of what has been read.
bool FrameLink::take_header() {
  if (end_ - begin_ < kSealedHeaderBytes) return false;
  auto header = opening_.open({buffer_.get() + begin_, kSealedHeaderBytes});
  begin_ += kSealedHeaderBytes;
  if (header.ok()) header_ = *header;
  else fail(header.error());
  return true;
}

void FrameLink::receive_header() {
  std::copy(buffer_.get() + begin_, buffer_.get() + end_, buffer_.get());
  end_ -= begin_;
  begin_ = 0;
  const std::size_t wanted = large_ ? kSealedHeaderBytes - end_ : kBuffer - end_;
  loop_.receive(socket_->get(), {buffer_.get() + end_, wanted}, [self = shared_from_this()](const Result<std::size_t>& got) {
    if (!self->owner_) return;
    if (!got.ok()) return self->fail(got.error());
    if (*got == 0) return self->fail(unavailable("the other side closed the connection"));
    self->end_ += *got;
    self->note_heard();
    self->read_on();
  });
}

void FrameLink::begin_body() {
  large_ = header_.body_bytes > kSmall;
  body_had_ = 0;
  if (splices_ && large_ && begin_ == end_ && owner_->only_passes(header_)) {
    pipe_ = PipeBody::make(header_.body_bytes);
    if (pipe_) return splice_body();
  }
  bytes_ = std::make_shared<BytesBody>(header_.body_bytes);
  body_had_ = std::min<std::size_t>(end_ - begin_, header_.body_bytes);
  std::copy_n(buffer_.get() + begin_, body_had_, bytes_->span().begin());
  begin_ += body_had_;
  receive_body();
}

void FrameLink::receive_body() {
  if (body_had_ == header_.body_bytes) return body_complete();
  loop_.receive(socket_->get(), bytes_->span().subspan(body_had_), [self = shared_from_this()](const Result<std::size_t>& got) {
    if (!self->owner_) return;
    if (!got.ok()) return self->fail(got.error());
    if (*got == 0) return self->fail(unavailable("the other side closed the connection"));
    self->body_had_ += *got;
    self->note_heard();
    self->receive_body();
  });
}

void FrameLink::splice_body() {
  while (body_had_ < header_.body_bytes) {
    const ssize_t moved =
        ::splice(socket_->get(), nullptr, pipe_->in(), nullptr, header_.body_bytes - body_had_, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    if (moved == 0) return fail(unavailable("the other side closed the connection"));
    if (moved < 0 && errno == EINTR) continue;
    if (moved < 0 && errno == EAGAIN) {
      // A pipe's pages are used up by small segments before its bytes are: it then cannot take the whole frame.
      int waiting = 0;
      ::ioctl(socket_->get(), FIONREAD, &waiting);
      if (waiting > 0) return drain_pipe();
      return loop_.wait_readable(socket_->get(), [self = shared_from_this()](const Result<std::size_t>& ready) {
        if (!self->owner_) return;
        if (!ready.ok()) return self->fail(ready.error());
        self->splice_body();
      });
    }
    if (moved < 0) return fail(errno_error("splice"));
    body_had_ += static_cast<std::size_t>(moved);
    note_heard();
  }
  body_complete();
}

// What is in the pipe goes to memory after all, and the rest of the body behind it.
void FrameLink::drain_pipe() {
  bytes_ = std::make_shared<BytesBody>(header_.body_bytes);
  std::size_t drained = 0;
  while (drained < body_had_) {
    const ssize_t got = ::read(pipe_->out(), bytes_->span().data() + drained, body_had_ - drained);
    if (got <= 0) return fail(errno_error("read a pipe"));
    drained += static_cast<std::size_t>(got);
  }
  pipe_->spent_ = true;
  pipe_.reset();
  receive_body();
}

void FrameLink::body_complete() {
  Payload body = pipe_ ? Payload(std::exchange(pipe_, nullptr)) : Payload(std::exchange(bytes_, nullptr));
  owner_->frame_arrived(id_, header_, std::move(body));
  // A body that was there already would otherwise nest one call in another for each frame.
  loop_.post([self = shared_from_this()] { self->read_on(); });
}

// --- Writing

void FrameLink::send(FrameHeader header, Payload body) {
  Outgoing& next = queue_.emplace_back();
  header.body_bytes = body ? body->size() : 0;
  sealing_.seal(header, next.header.data());
  next.body = std::move(body);
  if (writing_) return;
  writing_ = true;
  // After this turn of the loop: what else is sent in it goes out with the same call.
  loop_.post([self = shared_from_this()] { self->write_on(); });
}

void FrameLink::write_on() {
  if (!owner_) return;
  batch_.clear();
  batched_ = 0;
  while (!queue_.empty() && !large_out_ && batch_.size() < kBatch) {
    Outgoing next = std::move(queue_.front());
    queue_.pop_front();
    ++batched_;
    batch_.append(next.header.data(), next.header.size());
    const auto* bytes = dynamic_cast<const BytesBody*>(next.body.get());
    if (bytes && bytes->size() <= kSmall) batch_.append(bytes->view());
    else large_out_ = std::move(next.body);
  }
  if (batched_ == 0) {
    writing_ = false;
    return;
  }
  pieces_ = {batch_};
  if (const auto* bytes = dynamic_cast<const BytesBody*>(large_out_.get())) pieces_.push_back(bytes->view());
  write_pieces();
}

void FrameLink::write_pieces() {
  if (pieces_.empty()) {
    const auto* pipe = dynamic_cast<const PipeBody*>(large_out_.get());
    splice_left_ = pipe ? pipe->size() : 0;
    return splice_out();
  }
  loop_.send(socket_->get(), pieces_, [self = shared_from_this()](const Result<std::size_t>& sent) {
    if (!self->owner_) return;
    if (!sent.ok()) return self->fail(sent.error());
    std::size_t left = *sent;
    for (auto& piece : self->pieces_) {
      const std::size_t gone = std::min(left, piece.size());
      piece.remove_prefix(gone);
      left -= gone;
    }
    std::erase_if(self->pieces_, [](std::string_view piece) { return piece.empty(); });
    self->write_pieces();
  });
}

void FrameLink::splice_out() {
  while (splice_left_ > 0) {
    auto& pipe = static_cast<PipeBody&>(*large_out_);
    const ssize_t moved = ::splice(pipe.out(), nullptr, socket_->get(), nullptr, splice_left_, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    if (moved < 0 && errno == EINTR) continue;
    if (moved < 0 && errno == EAGAIN)
      return loop_.wait_writable(socket_->get(), [self = shared_from_this()](const Result<std::size_t>& ready) {
        if (!self->owner_) return;
        if (!ready.ok()) return self->fail(ready.error());
        self->splice_out();
      });
    if (moved <= 0) return fail(errno_error("splice"));
    splice_left_ -= static_cast<std::size_t>(moved);
    if (splice_left_ == 0) pipe.spent_ = true;
  }
  sent_all();
}

void FrameLink::sent_all() {
  large_out_.reset();
  const std::size_t frames = std::exchange(batched_, 0);
  owner_->frames_sent(id_, frames);
  write_on();
}

}  // namespace isobar::transfer
