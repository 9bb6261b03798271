#include "errands.h"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/child.h"
#include "base/text.h"

namespace isobar::broker {

namespace {

constexpr std::size_t kSaidMost = 1 << 20;

Result<std::string> outcome_of(std::string_view said) {
  said = trim(said);
  if (said == "ok") return std::string();
  if (said.ends_with("\nok")) return std::string(said.substr(0, said.size() - 3));
  const auto refusal = said.starts_with("no\n") ? 0 : said.rfind("\nno\n");
  if (refusal != std::string_view::npos) return unavailable(std::string(trim(said.substr(said.find("no\n", refusal) + 3))));
  return unavailable("isobar-node ended without saying how it went");
}

}  // namespace

void Errands::run(const std::vector<std::string>& words, std::string input, Duration deadline, Done done) {
  std::vector<std::string> command = {"isobar-node"};
  command.insert(command.end(), words.begin(), words.end());
  auto socket = open_child(command, program_);
  if (!socket.ok()) return loop_.post([done = std::move(done), why = socket.error()] { done(why); });
  const auto errand = errands_.emplace(errands_.end());
  errand->socket = std::move(*socket);
  errand->input = std::move(input);
  errand->done = std::move(done);
  errand->deadline = loop_.after(deadline, [this, errand] { end(errand, Error(Code::kDeadlineExceeded, "it took too long")); });
  errand->read = loop_.watch(errand->socket.get(), Loop::Direction::kRead, [this, errand] { hear(errand); });
  errand->write = loop_.watch(errand->socket.get(), Loop::Direction::kWrite, [this, errand] { feed(errand); });
}

void Errands::feed(Place errand) {
  const auto put = ::send(errand->socket.get(), errand->input.data(), errand->input.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (put > 0) errand->input.erase(0, static_cast<std::size_t>(put));
  const bool broken = put < 0 && errno != EAGAIN && errno != EINTR;
  if (!broken && !errand->input.empty()) return;
  ::shutdown(errand->socket.get(), SHUT_WR);
  errand->write = {};
}

void Errands::hear(Place errand) {
  std::array<char, 4096> buffer;
  const auto got = ::recv(errand->socket.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got > 0 && errand->said.size() < kSaidMost) errand->said.append(buffer.data(), static_cast<std::size_t>(got));
  if (got <= 0) end(errand, outcome_of(errand->said));
}

void Errands::end(Place errand, Result<std::string> outcome) {
  const auto done = std::move(errand->done);
  // The watches go before what they watch.
  errand->read = {};
  errand->write = {};
  errand->deadline = {};
  errands_.erase(errand);
  done(std::move(outcome));
}

}  // namespace isobar::broker
