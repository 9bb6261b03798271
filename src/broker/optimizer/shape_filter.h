#pragma once

/// One request against one machine type: does it fit, and if not, which wish stands in the way?

#include <optional>
#include <set>
#include <string>

#include "broker/candidates.h"
#include "cloud_facts.h"

namespace isobar::broker {

/// In the order in which they are looked at: what got furthest is the obstacle worth naming.
enum class Refusal {
  kOtherType,  ///< an instance type was named, and it is not this one
  kAccelerator,
  kAcceleratorCount,
  kAcceleratorUnwanted,
  kArchitecture,
  kBurstable,
  kCpus,
  kMemory,
  kLocalDisk,
  kPlace,
  kNotSoldThatWay,  ///< no spot price, or spot only
  kPrice,
  kBlocked,
  kCount,
};

/// "have no spot price": what follows "412 types"; "has no spot price" after "1 type".
std::string reason_of(Refusal refusal, const ResourceRequest& request, std::size_t types);

class ShapeFilter {
 public:
  /// request       must outlive the filter
  /// accelerator   the catalog's spelling of the one asked for; empty: none, or asked for by memory
  ShapeFilter(const ResourceRequest& request, std::string accelerator, const CloudFacts& facts);

  /// What the type itself is refused for; its places and prices are not looked at.
  std::optional<Refusal> refuse(const cloud::Shape& shape) const;

 private:
  std::optional<Refusal> refuse_accelerator(const cloud::Shape& shape) const;
  bool cpus_fit(const cloud::Shape& shape) const;
  bool memory_fits(const cloud::Shape& shape) const;
  bool fits(const Amount& wanted, double has) const;

  const ResourceRequest& request_;
  std::string accelerator_;
  CloudFacts facts_;
  std::optional<Amount> cpus_;
  std::optional<MemoryRequest> memory_;
};

/// How many accelerators a machine must carry: a fraction of one needs one.
double whole_count(const AcceleratorRequest& accelerator);

}  // namespace isobar::broker
