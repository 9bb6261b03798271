#include "transfer/gateway_session.h"

#include <signal.h>
#include <unistd.h>

#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <thread>

#include "messages.h"
#include "storage/surroundings.h"

extern char** environ;

namespace isobar::transfer {

namespace {

void put(const GatewayStore& store, wire::StoreConfig* out) {
  out->set_location(store.location);
  out->set_endpoint(store.endpoint);
  out->set_region(store.region);
  out->set_profile(store.profile);
  out->set_anonymous(store.anonymous);
  out->set_requester_pays(store.requester_pays);
  out->set_encryption(store.encryption);
  out->set_kms_key(store.kms_key);
  out->set_acl(store.acl);
  out->set_symlinks(static_cast<std::uint32_t>(store.symlinks));
  out->set_keep_mode(store.keep_mode);
}

}  // namespace

GatewaySurroundings GatewaySurroundings::of_process() {
  GatewaySurroundings found;
  const auto here = storage::Surroundings::of_process();
  found.home = here.home;
  for (char** entry = environ; *entry; ++entry) {
    const std::string_view text = *entry;
    const auto equals = text.find('=');
    if (equals == std::string_view::npos) continue;
    const std::string_view name = text.substr(0, equals);
    if (name.starts_with("AWS_") || name.starts_with("AZURE_") || name.starts_with("GOOGLE_") || name.starts_with("CLOUDSDK_") ||
        name.starts_with("STORAGE_EMULATOR_HOST"))
      found.variables[std::string(name)] = std::string(text.substr(equals + 1));
  }
  std::vector<std::string> paths = {here.path("~/.aws/config"), here.path("~/.aws/credentials"),
                                    here.path("~/.config/gcloud/application_default_credentials.json")};
  for (const char* name :
       {"AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "GOOGLE_APPLICATION_CREDENTIALS", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CA_BUNDLE"})
    if (const auto path = here.variable(name)) paths.push_back(*path);
  for (const auto& path : paths)
    if (const auto content = here.read_file(path); content.ok()) found.files[path] = *content;
  return found;
}

struct GatewaySession::Inside {
  Inside(Fd to_gateway, Fd from_gateway, GatewayHooks told)
      : to(std::move(to_gateway)), from(std::move(from_gateway)), hooks(std::move(told)) {
    reader = std::thread([this] { read_all(); });
    writer = std::thread([this] { write_all_said(); });
  }

  void say(const wire::ToGateway& message) {
    const std::scoped_lock lock(mutex);
    outgoing += framed(message);
  }
  void flush() {
    const std::scoped_lock lock(mutex);
    if (outgoing.empty() || flushed) return;
    flushed = true;
    changed.notify_one();
  }

  void read_all() {
    MessageCutter cutter;
    std::string piece(256 << 10, '\0');
    for (;;) {
      const ssize_t got = ::read(from.get(), piece.data(), piece.size());
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return hooks.ended(unavailable("the gateway's process has ended"));
      cutter.add({piece.data(), static_cast<std::size_t>(got)});
      for (;;) {
        const auto next = cutter.next();
        if (!next.ok()) return hooks.ended(next.error());
        if (!*next) break;
        wire::FromGateway message;
        if (!message.ParseFromArray((*next)->data(), static_cast<int>((*next)->size())))
          return hooks.ended(Error(Code::kDataLoss, "the gateway said what is no message"));
        if (message.has_failed()) return hooks.ended(get(message.failed()));
        tell(message);
      }
    }
  }

  void tell(const wire::FromGateway& message) {
    switch (message.what_case()) {
      case wire::FromGateway::kListening: return hooks.listening(static_cast<std::uint16_t>(message.listening().port()));
      case wire::FromGateway::kReadDone: {
        const auto& done = message.read_done();
        if (done.has_failure()) return hooks.read_done(done.serial(), get(done.failure()), 0);
        return hooks.read_done(done.serial(), got_of(done), done.crc32c());
      }
      case wire::FromGateway::kVerdict: {
        const auto& verdict = message.verdict();
        return hooks.verdict(verdict.serial(), verdict.target(), {put_receipt_of(verdict.receipt()), part_of(verdict.receipt(), 0)});
      }
      case wire::FromGateway::kUndelivered:
        return hooks.undelivered(message.undelivered().serial(), message.undelivered().targets(), get(message.undelivered().failure()));
      case wire::FromGateway::kEdge: return hooks.edge(message.edge().peer(), message.edge().up());
      case wire::FromGateway::kTraffic: {
        const auto& bytes = message.traffic().acknowledged_bytes();
        return hooks.traffic({{bytes.begin(), bytes.end()}, totals_of(message.traffic())});
      }
      case wire::FromGateway::kRoundTrips: {
        std::map<std::string, Duration> by_peer;
        for (const auto& [peer, micros] : message.round_trips().micros()) by_peer[peer] = std::chrono::microseconds(micros);
        if (hooks.round_trips) hooks.round_trips(by_peer);
        return;
      }
      default: return;
    }
  }

  void write_all_said() {
    // A gateway that has died must not end its owner with it: in this thread alone writing to it is an error, and no signal.
    sigset_t broken_pipe;
    ::sigemptyset(&broken_pipe);
    ::sigaddset(&broken_pipe, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &broken_pipe, nullptr);
    std::unique_lock lock(mutex);
    for (;;) {
      changed.wait(lock, [this] { return closed || flushed; });
      flushed = false;
      if (outgoing.empty()) return to.reset();
      const std::string batch = std::exchange(outgoing, {});
      lock.unlock();
      const bool written = write_all(to.get(), batch).ok();
      lock.lock();
      if (!written) return to.reset();  // the reading side hears that it has ended
    }
  }

  Fd to, from;
  GatewayHooks hooks;
  std::mutex mutex;
  std::condition_variable changed;
  std::string outgoing;
  bool closed = false, flushed = false;
  std::thread reader, writer;
};

GatewaySession::GatewaySession(Fd to, Fd from, GatewayHooks hooks)
    : inside_(std::make_unique<Inside>(std::move(to), std::move(from), std::move(hooks))) {}

GatewaySession::~GatewaySession() {
  {
    const std::scoped_lock lock(inside_->mutex);
    inside_->closed = true;
    inside_->outgoing.clear();
  }
  inside_->changed.notify_one();
  inside_->writer.join();
  // The gateway sees the end of its input and ends, and with it its output.
  inside_->reader.join();
}

void GatewaySession::configure(const GatewayConfiguration& it) {
  wire::ToGateway message;
  auto& out = *message.mutable_configure();
  out.set_id(it.id);
  out.set_programs(it.programs);
  for (const auto& region : it.target_regions) out.add_target_regions(region);
  out.set_job_key(it.job_key);
  out.set_certificate_pem(it.identity.certificate_pem);
  out.set_key_pem(it.identity.key_pem);
  for (const auto& peer : it.peers) {
    auto& added = *out.add_peers();
    added.set_id(peer.id);
    added.set_fingerprint(peer.fingerprint);
    for (const auto& address : peer.addresses) added.add_addresses(address);
  }
  out.set_memory_bytes(it.memory_bytes);
  out.set_chunk_bytes_most(it.chunk_bytes_most);
  out.set_packing(transfer::put(it.compression));
  out.set_listen(it.listen);
  put(it.source, out.mutable_source());
  for (const auto& target : it.targets) put(target, out.add_targets());
  for (const auto& [name, value] : it.surroundings.variables) (*out.mutable_surroundings()->mutable_variables())[name] = value;
  for (const auto& [path, content] : it.surroundings.files) (*out.mutable_surroundings()->mutable_files())[path] = content;
  out.mutable_surroundings()->set_home(it.surroundings.home);
  out.set_store_calls_most(static_cast<std::uint32_t>(it.store_calls_most));
  inside_->say(message);
  flush();
}

void GatewaySession::read(std::uint64_t serial, const std::string& key, std::uint64_t offset, std::uint64_t bytes,
                          const std::string& version) {
  wire::ToGateway message;
  auto& read = *message.mutable_read();
  read.set_serial(serial);
  read.set_key(key);
  read.set_offset(offset);
  read.set_bytes(bytes);
  read.set_version(version);
  inside_->say(message);
}

void GatewaySession::send(std::uint64_t serial, std::uint32_t crc32c, const std::vector<ChunkWrite>& writes,
                          const storage::Properties& properties) {
  wire::ToGateway message;
  auto& send = *message.mutable_send();
  send.set_serial(serial);
  send.mutable_meta()->set_crc32c(crc32c);
  for (const auto& write : writes) {
    auto& out = *send.mutable_meta()->add_writes();
    out.set_target(static_cast<std::uint32_t>(write.target));
    out.set_key(write.key);
    out.set_part(write.upload.has_value());
    if (write.upload) {
      out.set_upload_id(write.upload->id);
      out.set_upload_started_nanos(write.upload->started.unix_nanos());
    }
    out.set_number(static_cast<std::uint32_t>(write.number));
    out.set_offset(write.offset);
    out.set_discard(write.discard);
  }
  transfer::put(properties, send.mutable_meta()->mutable_properties());
  inside_->say(message);
}

void GatewaySession::flush() { inside_->flush(); }

void GatewaySession::withdraw(std::uint64_t serial) {
  wire::ToGateway message;
  message.mutable_withdraw()->set_serial(serial);
  inside_->say(message);
}

}  // namespace isobar::transfer
