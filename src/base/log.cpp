#include "base/log.h"

// spdlog rotates and locks the file; what a line looks like is ours, so that its headers stay in this source.
#define SPDLOG_HEADER_ONLY
#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/spdlog.h>

#include <vector>

#include "base/mutex.h"
#include "base/time.h"

namespace isobar {

namespace {

constexpr std::size_t kFileBytesMax = 8 << 20;
constexpr std::size_t kOldFiles = 2;
constexpr std::string_view kLevelNames[] = {"debug", "info", "warn", "error"};

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') (out += '\\') += c;
    else if (static_cast<unsigned char>(c) < 0x20) out += fmt::format("\\u{:04x}", c);
    else out += c;
  }
  out += '"';
}

}  // namespace

struct Log::Sink {
  LogLevel least = LogLevel::kInfo;
  std::shared_ptr<spdlog::logger> logger;
  Mutex mutex;
  std::vector<std::string> secrets GUARDED_BY(mutex);

  std::string redacted(std::string text) {
    const MutexLock lock(mutex);
    for (const auto& secret : secrets)
      for (auto at = text.find(secret); at != std::string::npos; at = text.find(secret, at)) text.replace(at, secret.size(), "<redacted>");
    return text;
  }
};

Log::Log() = default;
Log::~Log() = default;
Log::Log(Log&&) noexcept = default;
Log& Log::operator=(Log&&) noexcept = default;

Result<Log> Log::to_file(const std::filesystem::path& path, LogLevel least) {
  Log log;
  log.sink_ = std::make_unique<Sink>();
  log.sink_->least = least;
  try {
    auto file = std::make_shared<spdlog::sinks::rotating_file_sink_mt>(path.string(), kFileBytesMax, kOldFiles);
    file->set_pattern("%v");
    log.sink_->logger = std::make_shared<spdlog::logger>("isobar", std::move(file));
    log.sink_->logger->flush_on(spdlog::level::info);
  } catch (const spdlog::spdlog_ex& failure) {
    return Error(Code::kPermissionDenied, std::string("open log: ") + failure.what());
  }
  return log;
}

void Log::redact(std::string secret) {
  if (!sink_ || secret.size() < 4) return;
  const MutexLock lock(sink_->mutex);
  sink_->secrets.push_back(std::move(secret));
}

void Log::write(LogLevel level, std::string_view event, Fields fields) {
  if (!sink_ || level < sink_->least) return;
  std::string line = "{\"at\":";
  append_json_string(line, format_instant(SystemClock().now()));
  line += ",\"level\":";
  append_json_string(line, kLevelNames[static_cast<int>(level)]);
  line += ",\"event\":";
  append_json_string(line, event);
  for (const auto& field : fields) {
    line += ',';
    append_json_string(line, field.name);
    line += ':';
    append_json_string(line, sink_->redacted(field.value));
  }
  line += '}';
  sink_->logger->log(spdlog::level::info, spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace isobar
