#pragma once

/// What moving bytes out of a region costs, what a gateway's machine costs and can carry, and what object stores charge for
/// requests: the tables of catalog/transfer, asked.
///
/// Clouds bill what leaves, by where from and where to, in steps: the first gigabytes of a month may be free, and later
/// terabytes cost less. A price is therefore a function of the month's volume, counted on a meter, not a number.

#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "base/result.h"
#include "transfer/grid.h"

namespace isobar::transfer {

/// Clouds bill by the GB of 2^30 bytes.
inline constexpr double kBytesPerGb = 1024.0 * 1024 * 1024;
inline constexpr double kGbitPerGb = kBytesPerGb * 8 / 1e9;

struct PriceStep {
  double from_gb = 0;     ///< of the month's volume on the meter
  double usd_per_gb = 0;  ///< from there on
};

struct EgressPrice {
  std::vector<PriceStep> steps;  ///< the first at 0, ascending
  std::string meter;             ///< what shares the month's volume: "aws:us-east-1 → *"
  std::string guess;             ///< how an unlisted pair was priced; empty: listed

  /// What `volume_gb` cost once `used_gb` of this month are on the meter. Monotone in both volumes' sum; 0 for no volume.
  double usd(double used_gb, double volume_gb) const;
  /// The part of a month's volume that costs nothing, 0 when all is charged (or all is free).
  double free_gb() const;
};

struct VmPrice {
  std::string instance;     ///< "m5.8xlarge"; empty: unknown cloud
  double usd_per_hour = 0;  ///< on demand
  double egress_gbps = 0;   ///< most that one VM sends; 0: no limit known
  double ingress_gbps = 0;  ///< most that one VM receives
};

struct RequestPrice {
  double write_usd = 0;  ///< one PUT or uploaded part
  double read_usd = 0;   ///< one GET
};

class PriceBook {
 public:
  /// The tables of catalog/transfer. Cost   under 1 ms
  static PriceBook builtin();
  /// Errors   kInvalidArgument: "name:line:column: what is wrong; what mends it"
  static Result<PriceBook> parse(std::string_view egress, std::string_view vms, std::string_view requests, std::string_view regions);

  /// Rules, in order: within a region nothing is charged; the narrowest listed pair counts; a region that is not listed costs
  /// what the dearest region of its cloud does for that destination; a cloud that is not listed charges nothing. The last two,
  /// and a tier that is not sold there, are said in `guess`.
  EgressPrice egress(std::string_view from, std::string_view to, NetworkTier tier = NetworkTier::kPremium) const;

  /// instance   empty: the cloud's default machine
  /// Errors     kNotFound: the cloud is listed, but not with that instance
  Result<VmPrice> vm(std::string_view region, std::string_view instance = "") const;
  RequestPrice requests(std::string_view provider) const;

  /// "2022-11"
  const std::string& date() const { return date_; }

 private:
  using Key = std::tuple<std::string, std::string, NetworkTier>;  // from, to
  const std::string& group_of(std::string_view region) const;
  const std::vector<PriceStep>* narrowest(std::string_view from, std::string_view to, NetworkTier tier, std::string& meter) const;
  EgressPrice dearest(std::string_view from, std::string_view to, NetworkTier tier) const;

  std::map<Key, std::vector<PriceStep>> egress_;
  std::multimap<std::string, VmPrice, std::less<>> vms_;
  std::map<std::string, RequestPrice, std::less<>> requests_;
  std::map<std::string, std::string, std::less<>> groups_;  // region without zone → group
  std::string date_;
};

}  // namespace isobar::transfer
