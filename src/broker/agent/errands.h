#pragma once

/// What the agent has isobar-node do in processes of their own, because it would hold the loop up or concerns a part of the program that
/// the agent knows nothing of: mounting buckets, and asking what of them is not uploaded yet. It belongs to the loop.

#include <functional>
#include <list>
#include <string>
#include <vector>

#include "base/file.h"
#include "loop.h"

namespace isobar::broker {

class Errands {
 public:
  /// What it said; the reason why not, where it began with "no".
  using Done = std::function<void(Result<std::string> said)>;

  Errands(Loop& loop, fs::path program) : loop_(loop), program_(std::move(program)) {}

  /// Runs `isobar-node WORDS` with `input` on its standard input, and calls back from the loop, once, when its output ends: with what it
  /// said before a last line that is "ok", or with the sentence after a line that is "no". One that says neither has failed.
  /// Errors  (to `done`)  kUnavailable: its own; kDeadlineExceeded: it is left to itself
  void run(const std::vector<std::string>& words, std::string input, Duration deadline, Done done);

 private:
  struct Errand {
    Fd socket;
    Loop::Watch read, write;
    Loop::Timer deadline;
    std::string input, said;
    Done done;
  };
  using Place = std::list<Errand>::iterator;
  void feed(Place errand);
  void hear(Place errand);
  void end(Place errand, Result<std::string> outcome);

  Loop& loop_;
  fs::path program_;
  std::list<Errand> errands_;
};

}  // namespace isobar::broker
