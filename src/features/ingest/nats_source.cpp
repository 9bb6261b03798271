#include "nats_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "json_record.h"
#include "nats_library.h"

namespace isobar::features {

namespace {

class NatsSource final : public SourceReader {
 public:
  NatsSource(const NatsLibrary& nats, const Source& source, std::optional<Position> at) : nats_(nats), source_(source), at_(at) {}
  ~NatsSource() override {
    if (subscription_ != nullptr) nats_.natsSubscription_Destroy_(subscription_);
    if (jetstream_ != nullptr) nats_.jsCtx_Destroy_(jetstream_);
    if (connection_ != nullptr) nats_.natsConnection_Destroy_(connection_);
  }
  NatsSource(const NatsSource&) = delete;
  NatsSource& operator=(const NatsSource&) = delete;

  Status begin() {
    TRY(connect());
    TRY(check(nats_.natsConnection_JetStream_(&jetstream_, connection_, nullptr), "ask for JetStream"));
    jsSubOptions options;
    TRY(check(nats_.jsSubOptions_Init_(&options), "subscribe"));
    options.Ordered = true;
    options.Config.DeliverPolicy = at_ ? js_DeliverByStartSequence : js_DeliverAll;
    options.Config.OptStartSeq = at_ ? at_->major + 1 : 0;
    const std::string& subject = source_.place.at("subject");
    return check(nats_.js_SubscribeSync_(&subscription_, jetstream_, subject.c_str(), nullptr, &options, nullptr),
                 fmt::format("find a stream that keeps '{}'", subject));
  }

  Result<std::optional<SourceBatch>> next(Duration patience) override {
    SourceBatch batch{.partition = {source_.name, ""}, .after = at_, .upto = {}, .rows = {}, .problem = {}};
    std::int64_t wait = std::max<std::int64_t>(1, std::chrono::duration_cast<std::chrono::milliseconds>(patience).count());
    for (std::size_t taken = 0; taken < kRowsOfBatch; ++taken, wait = 1) {
      natsMsg* message = nullptr;
      const natsStatus status = nats_.natsSubscription_NextMsg_(&message, subscription_, wait);
      if (status == NATS_TIMEOUT) break;
      TRY(check(status, "read"));
      const Status added = add(*message, batch);
      nats_.natsMsg_Destroy_(message);
      TRY(added);
    }
    if (batch.upto == Position{}) return std::optional<SourceBatch>();
    at_ = batch.upto;
    return std::optional(std::move(batch));
  }

 private:
  Status check(natsStatus status, std::string_view doing) const {
    if (status == NATS_OK) return {};
    return unavailable(fmt::format("NATS of source '{}': {}: {}", source_.name, doing, nats_.natsStatus_GetText_(status)));
  }

  Status connect() {
    natsOptions* options = nullptr;
    TRY(check(nats_.natsOptions_Create_(&options), "connect"));
    natsStatus status = nats_.natsOptions_SetURL_(options, source_.place.at("url").c_str());
    // When it is lost the source is opened again, from where the store stands.
    if (status == NATS_OK) status = nats_.natsOptions_SetAllowReconnect_(options, false);
    if (const char* token = std::getenv("NATS_TOKEN"); token != nullptr && status == NATS_OK)
      status = nats_.natsOptions_SetToken_(options, token);
    const char *user = std::getenv("NATS_USER"), *password = std::getenv("NATS_PASSWORD");
    if (user != nullptr && password != nullptr && status == NATS_OK) status = nats_.natsOptions_SetUserInfo_(options, user, password);
    if (status == NATS_OK) status = nats_.natsConnection_Connect_(&connection_, options);
    nats_.natsOptions_Destroy_(options);
    return check(status, "connect to " + source_.place.at("url"));
  }

  Status add(natsMsg& message, SourceBatch& batch) {
    jsMsgMetaData* meta = nullptr;
    TRY(check(nats_.natsMsg_GetMetaData_(&meta, &message), "read a message's sequence"));
    const std::uint64_t sequence = meta->Sequence.Stream;
    nats_.jsMsgMetaData_Destroy_(meta);
    // Gaps are other subjects' of the stream, or were deleted by whoever keeps it; what the stream dropped by its age is before the first.
    const std::string_view text(nats_.natsMsg_GetData_(&message), static_cast<std::size_t>(nats_.natsMsg_GetDataLength_(&message)));
    auto row = row_of_message(source_, "", text);
    if (row) batch.rows.push_back(std::move(*row));
    else if (batch.refused++ == 0) batch.problem = fmt::format("message {}: {}", sequence, row.error().message());
    batch.upto = {sequence};
    return {};
  }

  const NatsLibrary& nats_;
  const Source source_;
  std::optional<Position> at_;
  natsConnection* connection_ = nullptr;
  jsCtx* jetstream_ = nullptr;
  natsSubscription* subscription_ = nullptr;
};

}  // namespace

Result<std::unique_ptr<SourceReader>> open_nats_source(const Source& source, const Engine& engine) {
  TRY_ASSIGN(const NatsLibrary* nats, NatsLibrary::load());
  TRY_ASSIGN(const auto stands, engine.position({source.name, ""}));
  auto reader = std::make_unique<NatsSource>(*nats, source, stands);
  TRY(reader->begin());
  return std::unique_ptr<SourceReader>(std::move(reader));
}

}  // namespace isobar::features
