#pragma once

// A line a command: begin, get KEY, put KEY VALUE, del KEY, commit, abort. Outside of a transaction, each is one.

#include <functional>
#include <optional>
#include <string>

#include "db/session.h"

namespace isobar::app {

class DbShell {
 public:
  using Print = std::function<void(const std::string&)>;
  DbShell(db::Session& session, Duration patience, Print print) : session_(session), patience_(patience), print_(std::move(print)) {}
  /// What was open is given up.
  ~DbShell();
  /// Empty lines and what follows a # at its beginning are skipped.
  /// Errors   kInvalidArgument: not a command; those of the session. An open transaction is over after an error of its commit
  Status run(std::string_view line);

 private:
  struct Words {
    std::string command, key, rest;
  };
  static Words words_of(std::string_view line);
  Status run_alone(const Words& words);
  Status run_in(db::TxHandle tx, const Words& words, const Print& print);
  Status commit(db::TxHandle tx, bool say);

  db::Session& session_;
  Duration patience_;
  Print print_;
  std::optional<db::TxHandle> open_;
};

}  // namespace isobar::app
