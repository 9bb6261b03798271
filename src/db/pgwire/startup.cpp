// How a connection begins: encryption, who it is, and what he is told at first.

#include <fmt/format.h>

#include "base/text.h"
#include "connection.h"
#include "scram_exchange.h"

namespace isobar::db {

namespace {

constexpr std::int32_t kCancelRequest = 80877102, kSslRequest = 80877103, kGssRequest = 80877104;

/// "-c name=value --name=value" of the parameter `options`.
void take_options(std::string_view text, std::vector<std::pair<std::string, std::string>>& settings) {
  std::vector<std::string> words;
  std::string word;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    if (i == text.size() || text[i] == ' ') {
      if (!word.empty()) words.push_back(std::exchange(word, {}));
    } else {
      if (text[i] == '\\' && i + 1 < text.size()) ++i;
      word += text[i];
    }
  }
  for (std::size_t i = 0; i < words.size(); ++i) {
    std::string setting = words[i];
    if (setting == "-c" && i + 1 < words.size()) setting = words[++i];
    else if (setting.starts_with("-c")) setting = setting.substr(2);
    else if (setting.starts_with("--")) setting = setting.substr(2);
    const auto equals = setting.find('=');
    if (equals != std::string::npos) settings.emplace_back(setting.substr(0, equals), setting.substr(equals + 1));
  }
}

}  // namespace

bool Connection::refuse(const SqlError& error) {
  append_error(channel_.out, error, "FATAL");
  (void)channel_.flush();
  return false;
}

bool Connection::start() {
  channel_.stream().set_patience(limits_.startup_seconds);
  for (int requests = 0; requests < 4; ++requests) {
    const auto message = channel_.next_untyped();
    // Whoever speaks another protocol gets nothing that he could take for an answer.
    if (!message.ok()) return false;
    MessageReader reader(*message);
    switch (const std::int32_t code = reader.number(4)) {
      case kCancelRequest: {
        const CancelKeys::Key key{reader.number(4), reader.number(4)};
        if (reader.finished()) keys_.cancel(key);
        return false;
      }
      case kSslRequest: {
        const bool encrypts = channel_.stream().can_encrypt() && !startup_.encrypted;
        if (!channel_.stream().write(encrypts ? "S" : "N").ok()) return false;
        if (!encrypts) break;
        if (channel_.has_unread() || !channel_.stream().encrypt().ok()) return false;
        startup_.encrypted = true;
        break;
      }
      case kGssRequest:
        if (!channel_.stream().write("N").ok()) return false;
        break;
      default:
        if (code >> 16 != 3)
          return refuse({sql::state::kFeatureNotSupported,
                         fmt::format("unsupported frontend protocol {}.{}: server supports 3.0 to 3.0", code >> 16, code & 0xffff)});
        return read_startup(reader.rest()) && authenticate();
    }
  }
  return false;
}

bool Connection::read_startup(std::string_view message) {
  MessageReader reader(message);
  std::vector<std::string> unknown;
  for (std::string name = reader.text(); reader.good() && !name.empty(); name = reader.text()) {
    std::string value = reader.text();
    if (name == "user") startup_.user = std::move(value);
    else if (name == "database") startup_.database = std::move(value);
    else if (name == "options") take_options(value, startup_.settings);
    else if (name == "replication") {
      if (value != "false" && value != "0" && value != "off")
        return refuse({sql::state::kFeatureNotSupported, "replication connections are not supported"});
    } else if (name.starts_with("_pq_.")) unknown.push_back(std::move(name));
    else startup_.settings.emplace_back(std::move(name), std::move(value));
  }
  if (!reader.good()) return refuse({sql::state::kProtocolViolation, "invalid startup packet layout: expected terminator as last byte"});
  if (startup_.user.empty())
    return refuse({sql::state::kInvalidAuthorizationSpecification, "no PostgreSQL user name specified in startup packet"});
  if (startup_.database.empty()) startup_.database = startup_.user;
  if (unknown.empty()) return true;
  MessageWriter negotiate(channel_.out, 'v');
  negotiate.number(0, 4).number(static_cast<std::int64_t>(unknown.size()), 4);
  for (const auto& name : unknown) negotiate.text(name);
  return true;
}

bool Connection::authenticate() {
  if (limits_.tls_required && !startup_.encrypted)
    return refuse({sql::state::kInvalidAuthorizationSpecification, "connections from elsewhere must use TLS (sslmode=require)"});
  const auto admission = server_.admit(startup_);
  if (!admission.ok()) return refuse(admission.error());
  if (admission->password && !scram(*admission->password)) return false;
  auto session = server_.open(startup_);
  if (!session.ok()) return refuse(session.error());
  session_ = std::move(*session);
  greet();
  channel_.stream().set_patience(0);
  return true;
}

/// What the client answers to an AuthenticationRequest.
Result<std::string> Connection::answer_to(std::string_view what) {
  MessageWriter(channel_.out, 'R').bytes(what);
  TRY(channel_.flush());
  TRY_ASSIGN(const auto message, channel_.next());
  if (message.type != 'p') return invalid("expected an authentication response");
  return std::string(message.body);
}

bool Connection::scram(const ScramVerifier& verifier) {
  const auto code = [](std::uint32_t number) { return std::string{'\0', '\0', '\0', static_cast<char>(number)}; };
  ScramExchange exchange(verifier, startup_.user);
  const auto initial = answer_to(code(10) + std::string("SCRAM-SHA-256\0\0", 15));
  if (!initial.ok()) return false;
  MessageReader reader(*initial);
  if (reader.text() != "SCRAM-SHA-256")
    return refuse({sql::state::kProtocolViolation, "client selected an invalid SASL authentication mechanism"});
  const std::int32_t size = reader.number(4);
  const auto first = exchange.first(size < 0 ? std::string_view() : reader.bytes(static_cast<std::size_t>(size)));
  if (!first.ok()) return refuse(first.error());
  const auto proof = answer_to(code(11) + *first);
  if (!proof.ok()) return false;
  const auto last = exchange.last(*proof);
  if (!last.ok()) return refuse(last.error());
  MessageWriter(channel_.out, 'R').number(12, 4).bytes(*last);
  return true;
}

void Connection::greet() {
  MessageWriter(channel_.out, 'R').number(0, 4);
  for (const auto& [name, value] : session_->announced_settings()) sink_.parameter_changed(name, value);
  key_ = keys_.add(*session_);
  MessageWriter(channel_.out, 'K').number(key_.process, 4).number(key_.secret, 4);
  ready();
}

}  // namespace isobar::db
