#include "db_shell.h"

#include <fmt/format.h>

#include <thread>

#include "base/text.h"

namespace isobar::app {

DbShell::~DbShell() {
  if (open_) session_.abandon(*open_);
}

DbShell::Words DbShell::words_of(std::string_view line) {
  const auto next = [&line] {
    const std::size_t from = line.find_first_not_of(" \t\r");
    if (from == std::string_view::npos) return std::string();
    const std::size_t until = std::min(line.find_first_of(" \t\r", from), line.size());
    const std::string word(line.substr(from, until - from));
    line.remove_prefix(until);
    return word;
  };
  Words words{next(), next(), {}};
  if (const std::size_t from = line.find_first_not_of(" \t"); from != std::string_view::npos) words.rest = line.substr(from);
  while (!words.rest.empty() && words.rest.back() == '\r') words.rest.pop_back();
  return words;
}

Status DbShell::run(std::string_view line) {
  const Words words = words_of(line);
  if (words.command.empty() || words.command[0] == '#') return {};
  if (words.command == "begin") {
    if (open_) return invalid("a transaction is open already; commit or abort it first");
    open_ = session_.begin();
    return {};
  }
  if (words.command == "token") {
    print_(fmt::format("{}\n", session_.token()));
    return {};
  }
  if (words.command == "commit" || words.command == "abort") {
    if (!open_) return invalid("no transaction is open; begin one");
    const db::TxHandle tx = *std::exchange(open_, std::nullopt);
    if (words.command == "commit") return commit(tx, true);
    session_.abandon(tx);
    return {};
  }
  if (words.command != "get" && words.command != "put" && words.command != "del")
    return invalid(
        fmt::format("'{}' is no command; there are begin, get KEY, put KEY VALUE, del KEY, commit, abort, token", words.command));
  if (words.key.empty()) return invalid(fmt::format("{} needs a key", words.command));
  if (open_) return run_in(*open_, words, print_);
  return run_alone(words);
}

// A command by itself is tried again when it was aborted, as nobody else can know of it.
Status DbShell::run_alone(const Words& words) {
  constexpr int kTries = 10;
  for (int tried = 1;; ++tried) {
    std::string out;
    const db::TxHandle tx = session_.begin(static_cast<std::uint32_t>(tried - 1));
    Status done = run_in(tx, words, [&out](const std::string& text) { out += text; });
    if (done.ok()) done = commit(tx, false);
    else session_.abandon(tx);
    if (done.ok()) print_(out);
    if (done.ok() || done.error().code() != Code::kConflict || tried == kTries) return done;
    std::this_thread::sleep_for(std::chrono::milliseconds(5) * tried);
  }
}

Status DbShell::run_in(db::TxHandle tx, const Words& words, const Print& print) {
  if (words.command == "put") return session_.put(tx, words.key, words.rest);
  if (words.command == "del") return session_.put(tx, words.key, std::nullopt);
  TRY_ASSIGN(const auto value, session_.get(tx, words.key, patience_));
  print(value ? *value + "\n" : "(none)\n");
  return {};
}

Status DbShell::commit(db::TxHandle tx, bool say) {
  TRY_ASSIGN(const auto committed, session_.commit(tx, patience_));
  if (say) print_(fmt::format("committed {}{}\n", db::short_name(committed.id), committed.fast ? "" : " (after a second round)"));
  return {};
}

}  // namespace isobar::app
