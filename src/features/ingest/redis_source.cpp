#include "redis_source.h"

#include <fmt/format.h>
#include <hiredis/hiredis.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>

#include "text_row.h"

namespace isobar::features {

namespace {

struct FreeContext {
  void operator()(redisContext* context) const { ::redisFree(context); }
};
struct FreeReply {
  void operator()(redisReply* reply) const { ::freeReplyObject(reply); }
};
using Reply = std::unique_ptr<redisReply, FreeReply>;

std::string_view text_of(const redisReply& reply) { return {reply.str, reply.len}; }

/// redis://HOST:PORT/DATABASE
struct RedisUrl {
  std::string host;
  int port = 6379, database = 0;
};

Result<RedisUrl> parse_redis_url(const std::string& text) {
  constexpr std::string_view kScheme = "redis://";
  const auto bad = [&] {
    return invalid(fmt::format("'{}' is no url of a Redis; write redis://HOST:PORT or redis://HOST:PORT/DATABASE", text));
  };
  if (!text.starts_with(kScheme)) return bad();
  std::string_view rest = std::string_view(text).substr(kScheme.size());
  RedisUrl url;
  const auto number = [](std::string_view digits, int& into) {
    return std::from_chars(digits.data(), digits.data() + digits.size(), into).ptr == digits.data() + digits.size();
  };
  if (const std::size_t slash = rest.find('/'); slash != std::string_view::npos) {
    if (slash + 1 < rest.size() && !number(rest.substr(slash + 1), url.database)) return bad();
    rest = rest.substr(0, slash);
  }
  if (const std::size_t colon = rest.rfind(':'); colon != std::string_view::npos) {
    if (!number(rest.substr(colon + 1), url.port)) return bad();
    rest = rest.substr(0, colon);
  }
  if (rest.empty()) return bad();
  url.host = rest;
  return url;
}

std::optional<Position> parse_id(std::string_view id) {
  Position at;
  const char* end = id.data() + id.size();
  const auto major = std::from_chars(id.data(), end, at.major);
  if (major.ec != std::errc() || major.ptr == end || *major.ptr != '-') return std::nullopt;
  const auto minor = std::from_chars(major.ptr + 1, end, at.minor);
  return minor.ec == std::errc() && minor.ptr == end ? std::optional(at) : std::nullopt;
}

std::string id_of(const std::optional<Position>& at) { return at ? fmt::format("{}-{}", at->major, at->minor) : "0-0"; }

class RedisSource final : public SourceReader {
 public:
  RedisSource(const Source& source, std::unique_ptr<redisContext, FreeContext> context, std::optional<Position> at)
      : source_(source), stream_(source.place.at("stream")), context_(std::move(context)), at_(at) {}

  /// What was trimmed away before it was read is gone, and has to be told.
  Status begin() {
    TRY_ASSIGN(const Reply info, command({"XINFO", "STREAM", stream_}));
    long long added = 0, there = 0;
    std::optional<Position> first;
    for (std::size_t i = 0; i + 1 < info->elements; i += 2) {
      const redisReply& value = *info->element[i + 1];
      const std::string_view name = text_of(*info->element[i]);
      if (name == "entries-added") added = value.integer;
      if (name == "length") there = value.integer;
      if (name == "first-entry" && value.elements == 2) first = parse_id(text_of(*value.element[0]));
    }
    if (added > there && first && (!at_ || *at_ < *first))
      lost_ = fmt::format("entries may have been trimmed before they were read: the stream begins at {}, and was read up to {}",
                          id_of(first), id_of(at_));
    return {};
  }

  Result<std::optional<SourceBatch>> next(Duration patience) override {
    const auto milliseconds = std::max<std::int64_t>(1, std::chrono::duration_cast<std::chrono::milliseconds>(patience).count());
    TRY_ASSIGN(const Reply reply, command({"XREAD", "COUNT", fmt::format("{}", kRowsOfBatch), "BLOCK", fmt::format("{}", milliseconds),
                                           "STREAMS", stream_, id_of(at_)}));
    if (reply->type == REDIS_REPLY_NIL || reply->elements == 0) return std::optional<SourceBatch>();
    const redisReply& entries = *reply->element[0]->element[1];
    SourceBatch batch{.partition = {source_.name, ""}, .after = at_, .upto = {}, .rows = {}, .problem = std::exchange(lost_, {})};
    for (std::size_t i = 0; i < entries.elements; ++i) TRY(add(*entries.element[i], batch));
    at_ = batch.upto;
    return std::optional(std::move(batch));
  }

 private:
  Result<Reply> command(const std::vector<std::string>& words) {
    std::vector<const char*> texts;
    std::vector<std::size_t> lengths;
    for (const auto& word : words) {
      texts.push_back(word.data());
      lengths.push_back(word.size());
    }
    Reply reply(static_cast<redisReply*>(::redisCommandArgv(context_.get(), static_cast<int>(words.size()), texts.data(), lengths.data())));
    if (!reply) return unavailable(fmt::format("Redis of source '{}': {}", source_.name, context_->errstr));
    if (reply->type == REDIS_REPLY_ERROR)
      return unavailable(fmt::format("Redis of source '{}' answers to {}: {}", source_.name, words.front(), text_of(*reply)));
    return reply;
  }

  Status add(const redisReply& entry, SourceBatch& batch) {
    const auto id = parse_id(text_of(*entry.element[0]));
    if (!id) return unavailable(fmt::format("Redis of source '{}': an entry's id is {}", source_.name, text_of(*entry.element[0])));
    batch.upto = *id;
    std::vector<NamedText> fields;
    const redisReply& texts = *entry.element[1];
    for (std::size_t i = 0; i + 1 < texts.elements; i += 2) fields.emplace_back(text_of(*texts.element[i]), text_of(*texts.element[i + 1]));
    auto row = row_from_texts(fields, source_.columns);
    if (!row) {
      if (batch.refused++ == 0) batch.problem = fmt::format("entry {}: {}", id_of(id), row.error().message());
      return {};
    }
    const auto time = std::ranges::find(source_.columns, source_.timestamp, &Column::name) - source_.columns.begin();
    Value& when = (*row)[static_cast<std::size_t>(time)];
    if (when.is_null()) when = Value(Instant::from_unix_nanos(static_cast<std::int64_t>(id->major) * 1'000'000));
    batch.rows.push_back({std::move(*row)});
    return {};
  }

  const Source source_;
  const std::string stream_;
  std::unique_ptr<redisContext, FreeContext> context_;
  std::optional<Position> at_;
  std::string lost_;
};

}  // namespace

Result<std::unique_ptr<SourceReader>> open_redis_source(const Source& source, const Engine& engine) {
  TRY_ASSIGN(const RedisUrl url, parse_redis_url(source.place.at("url")).context(fmt::format("source '{}'", source.name)));
  TRY_ASSIGN(const auto stands, engine.position({source.name, ""}));
  constexpr timeval kPatience{.tv_sec = 5, .tv_usec = 0};
  std::unique_ptr<redisContext, FreeContext> context(::redisConnectWithTimeout(url.host.c_str(), url.port, kPatience));
  if (!context || context->err != 0)
    return unavailable(fmt::format("source '{}': {}:{} {}", source.name, url.host, url.port, context ? context->errstr : "no memory"));
  const auto say = [&](std::string_view doing, const char* word, const char* argument) -> Status {
    const Reply reply(static_cast<redisReply*>(::redisCommand(context.get(), "%s %s", word, argument)));
    if (!reply) return unavailable(fmt::format("source '{}': {}: {}", source.name, doing, context->errstr));
    if (reply->type == REDIS_REPLY_ERROR) return unavailable(fmt::format("source '{}': {}: {}", source.name, doing, text_of(*reply)));
    return {};
  };
  if (const char* password = std::getenv("REDISCLI_AUTH"); password != nullptr) TRY(say("log in", "AUTH", password));
  if (url.database != 0) TRY(say("choose the database", "SELECT", fmt::format("{}", url.database).c_str()));
  auto reader = std::make_unique<RedisSource>(source, std::move(context), stands);
  TRY(reader->begin());
  return std::unique_ptr<SourceReader>(std::move(reader));
}

}  // namespace isobar::features
