#include "postgres_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/text.h"
#include "postgres_changes.h"
#include "postgres_connection.h"

namespace isobar::features {

namespace {

/// "16/B374D848"
std::optional<std::uint64_t> parse_lsn(std::string_view text) {
  std::uint64_t high = 0, low = 0;
  const char* end = text.data() + text.size();
  const auto first = std::from_chars(text.data(), end, high, 16);
  if (first.ec != std::errc() || first.ptr == end || *first.ptr != '/') return std::nullopt;
  const auto second = std::from_chars(first.ptr + 1, end, low, 16);
  return second.ec == std::errc() && second.ptr == end ? std::optional(high << 32 | low) : std::nullopt;
}

std::string lsn_text(std::uint64_t lsn) { return fmt::format("{:X}/{:X}", lsn >> 32, lsn & 0xffffffff); }

void append_number(std::string& out, std::uint64_t number) {
  for (int shift = 56; shift >= 0; shift -= 8) out += static_cast<char>(number >> shift & 0xff);
}

std::uint64_t number_at(std::string_view bytes) {
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < 8; ++i) number = number << 8 | static_cast<std::uint8_t>(bytes[i]);
  return number;
}

class PostgresSource final : public SourceReader {
 public:
  PostgresSource(const PostgresLibrary& library, const Source& source, std::optional<Position> at)
      : library_(library), source_(source), at_(at), name_("isobar_" + source.name), changes_(source_) {
    std::ranges::transform(name_, name_.begin(),
                           [](unsigned char c) { return std::isalnum(c) != 0 ? static_cast<char>(std::tolower(c)) : '_'; });
  }

  Status begin() {
    if (source_.key.empty())
      return invalid(
          fmt::format("source '{}': records of a table change, so it needs a key: its primary key, as key: user_id", source_.name));
    const std::string& url = source_.place.at("url");
    TRY_ASSIGN(asking_, PostgresConnection::open(library_, url, false));
    TRY_ASSIGN(reading_, PostgresConnection::open(library_, url, true));
    TRY(make_publication());
    if (!at_ || at_->major == 0) return begin_copy();
    return begin_stream(at_->major);
  }

  Result<std::optional<SourceBatch>> next(Duration patience) override {
    if (copying_) return copy();
    SourceBatch batch = empty_batch();
    for (bool first = true; batch.rows.size() < kRowsOfBatch || !ended_; first = false) {
      TRY_ASSIGN(const auto message, reading_->message(first ? patience : Duration::zero()));
      if (!message && (ended_ || first)) break;
      if (!message) continue;  // in the middle of a transaction: the rest comes
      TRY(take(*message, batch));
    }
    if (batch.upto == Position{}) return std::optional<SourceBatch>();
    at_ = batch.upto;
    return std::optional(std::move(batch));
  }

  void taken(const SourceBatch& batch) override {
    if (batch.upto.major == 0) return;
    flushed_ = batch.upto.major;
    static_cast<void>(tell().ok());  // if it fails so will the next read
  }

 private:
  SourceBatch empty_batch() const { return {.partition = {source_.name, ""}, .after = at_, .upto = {}, .rows = {}, .problem = {}}; }

  Status make_publication() {
    TRY_ASSIGN(const auto known, asking_->run("SELECT 1 FROM pg_publication WHERE pubname = " + asking_->literal(name_)));
    if (library_.PQntuples_(known.get()) > 0) return {};
    TRY(asking_->run(fmt::format("CREATE PUBLICATION {} FOR TABLE {}", asking_->identifier(name_), table())));
    return {};
  }

  /// A table may be said with its schema.
  std::string table() const {
    std::string quoted;
    for (const auto part : split(source_.place.at("table"), '.')) quoted += (quoted.empty() ? "" : ".") + asking_->identifier(part);
    return quoted;
  }

  /// A new slot, and the table as it is at the slot's beginning. One that a copy left unfinished is made again: records that come twice are
  /// corrections of themselves.
  Status begin_copy() {
    TRY_ASSIGN(const auto known, asking_->run("SELECT 1 FROM pg_replication_slots WHERE slot_name = " + asking_->literal(name_)));
    if (library_.PQntuples_(known.get()) > 0)
      TRY(asking_->run(fmt::format("SELECT pg_drop_replication_slot({})", asking_->literal(name_))));
    TRY_ASSIGN(const auto made,
               reading_->run(fmt::format("CREATE_REPLICATION_SLOT {} LOGICAL pgoutput EXPORT_SNAPSHOT", reading_->identifier(name_))));
    const auto point = parse_lsn(library_.PQgetvalue_(made.get(), 0, 1));
    if (!point) return unavailable("PostgreSQL made a slot, and does not say from where");
    beginning_ = *point;
    TRY(asking_->run("BEGIN ISOLATION LEVEL REPEATABLE READ"));
    TRY(asking_->run("SET TRANSACTION SNAPSHOT " + asking_->literal(library_.PQgetvalue_(made.get(), 0, 2))));
    std::string columns;
    for (const auto& column : source_.columns) columns += (columns.empty() ? "" : ", ") + asking_->identifier(column.name);
    TRY(asking_->run(fmt::format("DECLARE rows CURSOR FOR SELECT {} FROM {}", columns, table())));
    copying_ = true;
    return {};
  }

  Result<std::optional<SourceBatch>> copy() {
    TRY_ASSIGN(const auto rows, asking_->run(fmt::format("FETCH {} FROM rows", kRowsOfBatch)));
    SourceBatch batch = empty_batch();
    const int count = library_.PQntuples_(rows.get());
    for (int row = 0; row < count; ++row) copy_row(*rows, row, batch);
    if (count > 0) {
      batch.upto = {0, (at_ ? at_->minor : 0) + static_cast<std::uint64_t>(count)};
    } else {
      TRY(asking_->run("COMMIT"));
      copying_ = false;
      TRY(begin_stream(beginning_));
      batch.upto = {beginning_, 0};
    }
    at_ = batch.upto;
    return std::optional(std::move(batch));
  }

  void copy_row(PGresult& rows, int row, SourceBatch& batch) const {
    SourceRow made{.row = Row(source_.columns.size())};
    for (std::size_t i = 0; i < source_.columns.size(); ++i) {
      const int place = static_cast<int>(i);
      if (library_.PQgetisnull_(&rows, row, place) != 0) continue;
      auto value =
          value_of_postgres({library_.PQgetvalue_(&rows, row, place), static_cast<std::size_t>(library_.PQgetlength_(&rows, row, place))},
                            source_.columns[i]);
      if (!value) {
        if (batch.refused++ == 0) batch.problem = value.error().message();
        return;
      }
      made.row[i] = std::move(*value);
    }
    batch.rows.push_back(std::move(made));
  }

  Status begin_stream(std::uint64_t from) {
    flushed_ = from;
    return reading_->start_stream(fmt::format("START_REPLICATION SLOT {} LOGICAL {} (proto_version '1', publication_names {})",
                                              reading_->identifier(name_), lsn_text(from), reading_->literal(name_)));
  }

  Status take(std::string_view message, SourceBatch& batch) {
    if (message.starts_with('k')) {
      if (message.size() < 18) return {};
      // Nothing of ours is before there, so the server need not keep what others write.
      if (ended_ && batch.upto == Position{}) flushed_ = std::max(flushed_, number_at(message.substr(1)));
      return message[17] != 0 ? tell() : Status();
    }
    constexpr std::size_t kHead = 1 + 8 + 8 + 8;
    if (!message.starts_with('w') || message.size() <= kHead) return {};
    const std::string_view change = message.substr(kHead);
    if (change.starts_with('B')) ended_ = false;
    TRY_ASSIGN(const auto end, changes_.take(change, batch));
    if (!end) return {};
    ended_ = true;
    batch.upto = {*end, 0};
    return {};
  }

  /// What was written, flushed and applied.
  Status tell() {
    std::string message = "r";
    for (int i = 0; i < 3; ++i) append_number(message, flushed_);
    append_number(message, 0);
    message += '\0';
    return reading_->send(message);
  }

  const PostgresLibrary& library_;
  const Source source_;
  std::optional<Position> at_;
  std::string name_;
  std::unique_ptr<PostgresConnection> asking_, reading_;
  PostgresChanges changes_;
  bool copying_ = false, ended_ = true;
  std::uint64_t beginning_ = 0, flushed_ = 0;
};

}  // namespace

Result<std::unique_ptr<SourceReader>> open_postgres_source(const Source& source, const Engine& engine) {
  TRY_ASSIGN(const PostgresLibrary* library, PostgresLibrary::load());
  TRY_ASSIGN(const auto stands, engine.position({source.name, ""}));
  auto reader = std::make_unique<PostgresSource>(*library, source, stands);
  TRY(reader->begin().context(fmt::format("PostgreSQL of source '{}'", source.name)));
  return std::unique_ptr<SourceReader>(std::move(reader));
}

}  // namespace isobar::features
