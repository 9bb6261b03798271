#pragma once

/// What a driver says of its cloud, for `MachineProvider` to make clusters with: how one machine is made, which there are, and how
/// they are stopped, started and removed. A driver decides nothing about gangs, undoing, waiting or adopting.
///
/// A place is what is asked for machines at once and apart from others: a region of EC2, a project of Google Cloud, an account.
/// All calls block until `end` at most, may be repeated, and come from several threads.

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/time.h"
#include "cloud/answer.h"
#include "cloud/cloud_machine.h"
#include "cloud/own_key.h"

namespace isobar::cloud {

/// Makes the machines of one order, on ground that was prepared for it.
class MachineMaker {
 public:
  virtual ~MachineMaker() = default;
  /// Makes the machine of a rank with its mark, or finds the one that this very order made before: never two.
  /// Returns  its id
  virtual Answer<std::string> make(int rank, Instant end) = 0;
};

class MachineCloud {
 public:
  virtual ~MachineCloud() = default;
  virtual std::string name() const = 0;
  /// Whether machines can be stopped and started with their disks; and spot machines.
  virtual bool stops() const { return true; }
  virtual bool stops_spot() const { return true; }
  /// Whether a machine that switches itself off costs no more than one that was stopped.
  virtual bool ends_by_itself() const { return true; }
  /// By what word its metadata service is known to nodes, if it announces on a spot machine that it takes the machine away.
  virtual std::string announces_preemption() const { return {}; }
  /// How many machines are made at a time.
  virtual std::size_t made_at_once() const { return 8; }
  /// Between two looks at machines that are awaited.
  virtual Duration between_looks() const { return std::chrono::seconds(2); }
  /// How long a machine that runs may take to get its public address; one without is reached at its private address then.
  virtual Duration public_address_within() const { return std::chrono::seconds(30); }

  virtual Status check() = 0;
  virtual std::vector<std::string> facts() = 0;
  /// What it sells, where no price list says so.
  virtual std::vector<Offer> own_offers() { return {}; }
  /// Pure. Errors   kInvalidArgument: an order that this cloud does not take; the message says why
  virtual Status check_order(const CreateOrder& order) const = 0;
  /// Credentials are found; nothing is asked of anyone yet.
  virtual Status sign_in() = 0;

  /// Where the order's machines will be. After `sign_in`.
  virtual Answer<std::string> place_of(const CreateOrder& order) = 0;
  /// Places that are looked at even if nothing was made there by this home; after `sign_in`.
  virtual std::set<std::string> usual_places() { return {}; }
  /// A refusal that says of a place only that it is closed to this account, so that nothing of ours can be there.
  virtual bool is_closed(const Refused&) const { return false; }
  /// The refusal with the code that it should have, where the cloud's own has several meanings.
  virtual Refused told_apart(const Refused& refused) { return refused; }

  virtual Answer<std::unique_ptr<MachineMaker>> prepare(const CreateOrder& order, const OwnKey& key, Instant end) = 0;
  /// All machines that are wanted, with their marks.
  virtual Answer<std::vector<CloudMachine>> machines(const std::string& place, const Wanted& wanted, Instant end) = 0;
  virtual Answer<Nothing> stop(const std::string& place, const std::vector<std::string>& ids, Instant end) = 0;
  virtual Answer<Nothing> start(const std::string& place, const std::vector<std::string>& ids, Instant end) = 0;
  /// Whether machines that switch themselves off go with their disks, or are then stopped. Not asked of spot machines.
  virtual Answer<Nothing> set_own_end(const std::string& /*place*/, const std::vector<std::string>& /*ids*/, bool /*with_disks*/,
                                      Instant /*end*/) {
    return Nothing{};
  }
  /// Whether ports can be opened here. After `sign_in`, and may ask.
  virtual Status check_ports(const Ports& /*ports*/, Instant /*end*/) { return {}; }
  /// Lets the ports in to the machines of one cluster, beside what is let in already. What it makes for that goes with `after_removal`,
  /// and carries the cluster's name and the owner, so that `clusters_with_remains` finds it.
  virtual Answer<Nothing> open_ports(const std::string& place, const std::vector<CloudMachine>& machines, const Ports& ports,
                                     Instant end) = 0;
  /// With their disks. Ids that do not exist (any more) are no error.
  /// Returns  those whose end is acknowledged
  virtual Answer<std::set<std::string>> remove(const std::string& place, const std::vector<std::string>& ids, Instant end) = 0;
  /// The clusters of which something is left that costs, beside machines.
  virtual Answer<std::set<std::string>> clusters_with_remains(const std::string&, const std::string& /*owner*/, Instant) {
    return std::set<std::string>();
  }
  /// Whatever else of theirs may become or hold machines or cost: before the machines are removed, and after all are.
  virtual Answer<Nothing> before_removal(const std::string&, const Wanted&, Instant) { return Nothing{}; }
  virtual Answer<Nothing> after_removal(const std::string&, const Wanted&, Instant) { return Nothing{}; }
};

/// What time is and how it passes: a clock, and how pauses are made.
struct Pace {
  const Clock& clock;
  std::function<void(Duration)> sleep;

  Instant now() const { return clock.now(); }
  /// Not beyond `end`, and at least a millisecond.
  void pause(Duration span, Instant end) const;
};

}  // namespace isobar::cloud
