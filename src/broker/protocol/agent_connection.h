#pragma once

/// One conversation with an agent: requests numbered one after another, and the replies to them.

#include <fmt/format.h>

#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "broker/agent_channel.h"
#include "broker/agent_client.h"

namespace isobar::broker {

struct AgentClient::Connection {
  Dial dial_again;
  std::string where, token;
  bool is_near = false;            // on this machine, where bytes cost no more than a copy
  std::optional<Channel> channel;  // none once the conversation is out of step
  Welcome welcome;
  std::uint64_t last_id = 0;

  static Result<std::unique_ptr<Connection>> open(Dial dial, const std::string& where, Duration deadline, const std::string& token) {
    TRY_ASSIGN(auto socket, dial());
    auto connection = std::make_unique<Connection>();
    connection->dial_again = std::move(dial);
    connection->where = where;
    connection->token = token;
    connection->channel.emplace(std::move(socket));
    TRY_ASSIGN(connection->welcome,
               connection->call<Welcome>(Hello{kAgentProtocol, token}, deadline).context("greet the agent at " + where));
    return connection;
  }
  /// Another connection to the same agent, for a conversation that may be broken off.
  Result<std::unique_ptr<Connection>> another(Duration deadline) const {
    TRY_ASSIGN(auto opened, open(dial_again, where, deadline, token));
    opened->is_near = is_near;
    return opened;
  }

  Status send(Request body, Duration deadline) {
    auto content = encode(RequestFrame{last_id + 1, std::move(body)});
    if (content.size() > kFrameBytesMax)
      return invalid(fmt::format("a message of {} bytes is longer than the {} allowed", content.size(), kFrameBytesMax));
    return send_frame(last_id + 1, frame_of(content), deadline);
  }

  /// What was encoded once for many.
  Status send_frame(std::uint64_t id, std::string_view frame, Duration deadline) {
    if (!channel) return unavailable("this client was closed by an earlier failure; connect again");
    last_id = id;
    auto sent = channel->send_frame(frame, deadline);
    if (sent.ok() || sent.error().code() == Code::kInvalidArgument) return sent;
    // An agent that breaks off says why before it does.
    if (auto last_word = channel->receive(0s).and_then([](std::string&& bytes) { return decode_reply(bytes); }); last_word.ok())
      if (const auto* failure = std::get_if<Failure>(&last_word->body)) sent = Error(failure->code, failure->message);
    channel.reset();
    return sent;
  }

  /// The next reply to the last request. A Failure becomes the error that it tells of.
  Result<Reply> receive(Duration deadline, const std::stop_token& stop = {}) {
    if (!channel) return unavailable("this client was closed by an earlier failure; connect again");
    auto frame = channel->receive(deadline, stop).and_then([](std::string&& bytes) { return decode_reply(bytes); });
    const bool in_turn = frame.ok() && frame->id == last_id;
    if (!in_turn) channel.reset();
    if (!frame.ok()) return frame.error();
    // An agent that breaks off answers whatever request it had come to.
    if (const auto* failure = std::get_if<Failure>(&frame->body)) return Error(failure->code, failure->message);
    if (!in_turn) return unavailable("the agent answered out of turn");
    return std::move(frame->body);
  }

  template <class Wanted>
  Result<Wanted> receive_as(Duration deadline) {
    TRY_ASSIGN(auto reply, receive(deadline));
    if (auto* wanted = std::get_if<Wanted>(&reply)) return std::move(*wanted);
    channel.reset();
    return unavailable("the agent's answer does not fit the question");
  }

  template <class Wanted>
  Result<Wanted> call(Request body, Duration deadline) {
    TRY(send(std::move(body), deadline));
    return receive_as<Wanted>(deadline);
  }

  Result<std::vector<JobRecord>> list(ListJobs list, Duration deadline) {
    TRY(send(std::move(list), deadline));
    std::vector<JobRecord> jobs;
    for (;;) {
      TRY_ASSIGN(auto page, receive_as<JobPage>(deadline));
      std::move(page.jobs.begin(), page.jobs.end(), std::back_inserter(jobs));
      if (page.last) return jobs;
    }
  }

  Result<JobRecord> one(JobId id, Duration deadline) {
    TRY_ASSIGN(auto jobs, list(ListJobs{{id}, false, 0}, deadline).context("read a job"));
    if (jobs.empty()) return not_found(fmt::format("there is no job {}", id));
    return std::move(jobs.front());
  }
};

}  // namespace isobar::broker
