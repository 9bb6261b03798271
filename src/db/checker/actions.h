#pragma once

// What the adversary can do to one replica.

#include <optional>
#include <string>
#include <vector>

#include "cluster.h"
#include "db/messages.h"

namespace isobar::db {

/// Handing a replica one message, or, for kLead, those that make an election quorum. The latter is no loss: votes of an election that are
/// handed over early do nothing but wait for the last of them.
struct Action {
  enum class Kind {
    kPrepare,
    kLog,        ///< with votes that justify the decision
    kAsk,        ///< a fallback that says nothing new: the replica tells again what it has, and stands for election
    kEnter,      ///< a fallback with what others said of their views, enough to enter this one
    kLead,       ///< an election quorum of whom most have this decision
    kPropose,    ///< by the leader of the view
    kWriteback,  ///< a certificate
    kClose,      ///< time passes: whatever may be closed is
    kStable,     ///< a stable checkpoint, with the first transaction in it (kCommit) or not
  };
  Kind kind;
  std::size_t tx = 0;
  Outcome decision = Outcome::kCommit;
  View view = 0;
};

std::vector<Action> actions_of(const CheckConfiguration& configuration);
std::string to_text(const Action& action);

struct Delivery {
  Peer from;
  std::optional<Message> message;  ///< none: time passes
};
/// The action as messages that any replica believes, from keys of all replicas. What a replica comes to does not depend on which votes, or
/// which electors, it was convinced by, so one choice stands for all; whether the adversary has such, `Possible` answers.
std::vector<Delivery> deliveries(const Cluster& cluster, const Action& action);

}  // namespace isobar::db
