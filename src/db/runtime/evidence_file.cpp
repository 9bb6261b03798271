#include "db/evidence_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "base/text.h"
#include "crypto/encoding.h"

namespace isobar::db {

namespace {

constexpr std::size_t kEachMost = 16, kFileMost = 1U << 30;

std::optional<KeptEvidence> read_line(std::string_view line) {
  const std::size_t space = line.find(' ');
  if (space == std::string_view::npos) return std::nullopt;
  char* end = nullptr;
  const std::string seconds(line.substr(0, space));
  const std::int64_t seen = std::strtoll(seconds.c_str(), &end, 10);
  const auto bytes = crypto::from_base64(line.substr(space + 1));
  if (seconds.empty() || *end != 0 || !bytes.ok()) return std::nullopt;
  auto evidence = decode<Evidence>(*bytes);
  if (!evidence.ok()) return std::nullopt;
  return KeptEvidence{Instant::from_unix_seconds(seen), std::move(*evidence)};
}

}  // namespace

Result<std::vector<KeptEvidence>> read_evidence(const fs::path& file) {
  std::vector<KeptEvidence> list;
  std::error_code ignored;
  if (!fs::exists(file, ignored)) return list;
  TRY_ASSIGN(const std::string text, read_file(file, kFileMost));
  const auto lines = split(text, '\n');
  for (std::size_t i = 0; i + 1 < lines.size(); ++i) {  // what comes after the last line's end was cut off by a crash
    auto kept = read_line(lines[i]);
    if (!kept) return Error(Code::kDataLoss, fmt::format("{}:{} is no evidence; the lines around it can be kept", file.string(), i + 1));
    list.push_back(std::move(*kept));
  }
  return list;
}

bool EvidenceFile::wants(const Evidence& evidence) const {
  const std::string accused = accused_by(evidence);
  const auto of_it = of_accused_.find(accused);
  return (of_it == of_accused_.end() || of_it->second < kEachMost) && !known_.contains({accused, subject_of(evidence)});
}

void EvidenceFile::note(const Evidence& evidence) {
  const std::string accused = accused_by(evidence);
  if (known_.emplace(accused, subject_of(evidence)).second) ++of_accused_[accused];
}

Result<EvidenceFile> EvidenceFile::open(const fs::path& file) {
  EvidenceFile opened(file);
  TRY_ASSIGN(const auto kept, read_evidence(file));
  for (const auto& each : kept) opened.note(each.evidence);
  return opened;
}

Status EvidenceFile::add(const Evidence& evidence, Instant now) {
  if (!wants(evidence)) return {};
  const Fd fd(::open(file_.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (!fd) return errno_error("open " + file_.string());
  // Behind a line that a crash cut off a new one begins.
  char last = '\n';
  const off_t size = ::lseek(fd.get(), 0, SEEK_END);
  if (size > 0 && ::pread(fd.get(), &last, 1, size - 1) == 1 && last != '\n') {
    TRY_ASSIGN(const std::string text, read_file(file_, kFileMost));
    const std::size_t whole = text.rfind('\n') == std::string::npos ? 0 : text.rfind('\n') + 1;
    if (::ftruncate(fd.get(), static_cast<off_t>(whole)) != 0) return errno_error("cut " + file_.string());
  }
  TRY(write_all(fd.get(), fmt::format("{} {}\n", now.unix_nanos() / 1'000'000'000, crypto::to_base64(encode(evidence))))
          .context("write " + file_.string()));
  if (::fdatasync(fd.get()) != 0) return errno_error("flush " + file_.string());
  note(evidence);
  return {};
}

}  // namespace isobar::db
