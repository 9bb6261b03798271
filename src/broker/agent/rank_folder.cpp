#include "rank_folder.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "base/process.h"

namespace isobar::broker {

namespace {

/// A file's content, or none when there is no such file.
Result<std::optional<std::string>> read_if_there(const fs::path& path) {
  auto content = read_file(path);
  if (content.ok()) return std::optional<std::string>(std::move(*content));
  if (content.error().code() == Code::kNotFound) return std::optional<std::string>();
  return content.error();
}

}  // namespace

Status RankFolder::write_order(const RankOrder& order) const {
  return write_file(path_ / "order", encode(order), Durability::kCache, 0600);
}

Result<RankOrder> RankFolder::take_order() const {
  TRY_ASSIGN(const auto bytes, read_file(path_ / "order"));
  discard_order();
  return decode_rank_order(bytes);
}

void RankFolder::discard_order() const { ::unlink((path_ / "order").c_str()); }

Result<bool> RankFolder::claim() const {
  const auto own = path_ / fmt::format("claim.{}", ::getpid());
  TRY(write_file(own, fmt::format("{} {}\n", ::getpid(), start_ticks(::getpid()).value_or(0)), Durability::kCache));
  const bool won = ::link(own.c_str(), (path_ / "claim").c_str()) == 0;
  const int why = errno;
  ::unlink(own.c_str());
  if (!won && why != EEXIST) return errno_error("claim " + path_.string(), why);
  return won;
}

Result<std::optional<RankFolder::Claim>> RankFolder::claimant() const {
  TRY_ASSIGN(const auto text, read_if_there(path_ / "claim"));
  if (!text) return std::optional<Claim>();
  Claim claim;
  if (std::sscanf(text->c_str(), "%d %lu", &claim.pid, &claim.start_ticks) != 2)
    return Error(Code::kDataLoss, "the claim in " + path_.string() + " is damaged");
  return std::optional<Claim>(claim);
}

Status RankFolder::write_pid(pid_t shell) const { return write_file(path_ / "pid", fmt::format("{}\n", shell), Durability::kCache); }

pid_t RankFolder::pid() const {
  const auto text = read_file(path_ / "pid");
  return text.ok() ? std::atoi(text->c_str()) : 0;
}

Status RankFolder::write_end(const RankEnd& end) const {
  const auto text = end.exit_code ? fmt::format("exit {}\n", *end.exit_code) : "lost " + end.reason + "\n";
  return write_file(path_ / "end", text, Durability::kCache);
}

Result<std::optional<RankEnd>> RankFolder::end() const {
  TRY_ASSIGN(const auto text, read_if_there(path_ / "end"));
  if (!text) return std::optional<RankEnd>();
  RankEnd end;
  int code = 0;
  if (std::sscanf(text->c_str(), "exit %d", &code) == 1) end.exit_code = code;
  else end.reason = text->starts_with("lost ") ? text->substr(5, text->size() - 6) : "its end could not be read";
  return std::optional<RankEnd>(std::move(end));
}

void RankFolder::remove() const {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

}  // namespace isobar::broker
