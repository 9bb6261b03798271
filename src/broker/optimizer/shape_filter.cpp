// The wishes of a request, in the order in which people would want to hear about them: what was named comes before
// what was measured. Defaults stand in for what the request leaves open: 8 vCPUs or more with 4 GiB each when it says
// nothing, 4 GiB a vCPU when it names vCPUs alone (SkyPilot's, so that task files mean the same).

#include "shape_filter.h"

#include <fmt/format.h>

#include <cmath>

namespace isobar::broker {

namespace {

constexpr Amount kDefaultCpus{8, true};
constexpr double kTolerance = 1e-6;  // catalogs write 30.0 and 29.9999999

std::string show(const Amount& amount) { return fmt::format("{:g}{}", amount.value, amount.at_least ? "+" : ""); }

}  // namespace

double whole_count(const AcceleratorRequest& accelerator) { return std::ceil(accelerator.count - kTolerance); }

std::string reason_of(Refusal refusal, const ResourceRequest& request, std::size_t types) {
  const bool one = types == 1;
  const char *are = one ? "is" : "are", *have = one ? "has" : "have", *carry = one ? "carries" : "carry",
             *lack = one ? "does not have" : "do not have";
  switch (refusal) {
    case Refusal::kOtherType: return fmt::format("{} not the instance type asked for", are);
    case Refusal::kAccelerator: return fmt::format("{} the accelerator asked for", lack);
    case Refusal::kAcceleratorCount: return fmt::format("{} another number of the accelerator", carry);
    case Refusal::kAcceleratorUnwanted: return fmt::format("{} accelerators, and none is asked for", carry);
    case Refusal::kArchitecture: return fmt::format("{} not x86_64; name one as instance_type to use it", are);
    case Refusal::kBurstable: return fmt::format("{} burstable; name one as instance_type to use it", are);
    case Refusal::kCpus:
      return request.cpus ? fmt::format("{} {} vCPUs", lack, show(*request.cpus))
                          : fmt::format("{} fewer than the 8 vCPUs that are the default", have);
    case Refusal::kMemory:
      return request.memory
                 ? fmt::format("{} {} GiB of memory{}", lack, show(request.memory->amount), request.memory->per_cpu ? " for each vCPU" : "")
                 : fmt::format("{} less memory for each vCPU than the default", have);
    case Refusal::kLocalDisk: return fmt::format("{} {} GB of local disk", lack, show(request.local_disk->size_gb));
    case Refusal::kPlace: return fmt::format("{} not sold in the place asked for", are);
    case Refusal::kNotSoldThatWay:
      return request.use_spot ? fmt::format("{} no spot price", have) : fmt::format("{} sold as spot machines only", are);
    case Refusal::kPrice: return fmt::format("{} more than ${:g} an hour", one ? "costs" : "cost", *request.hourly_cost_max);
    case Refusal::kBlocked: return fmt::format("failed before and {} left out for now", are);
    case Refusal::kCount: break;
  }
  return "";
}

ShapeFilter::ShapeFilter(const ResourceRequest& request, std::string accelerator, const CloudFacts& facts)
    : request_(request), accelerator_(std::move(accelerator)), facts_(facts), cpus_(request.cpus), memory_(request.memory) {
  const bool open = !request.accelerator && !request.instance_type && !facts.standing;
  if (!open || memory_) return;
  if (!cpus_) cpus_ = kDefaultCpus;
  memory_ = MemoryRequest{{facts.default_memory_per_vcpu, true}, true};
}

std::optional<Refusal> ShapeFilter::refuse(const cloud::Shape& shape) const {
  if (request_.instance_type && *request_.instance_type != shape.instance_type) return Refusal::kOtherType;
  if (const auto refusal = refuse_accelerator(shape)) return refusal;
  const bool named = request_.instance_type || request_.accelerator || facts_.standing;
  if (!named && shape.architecture != "x86_64") return Refusal::kArchitecture;
  if (!named && is_burstable(shape.cloud, shape.instance_type)) return Refusal::kBurstable;
  if (!cpus_fit(shape)) return Refusal::kCpus;
  if (!memory_fits(shape)) return Refusal::kMemory;
  if (request_.local_disk && !fits(request_.local_disk->size_gb, shape.local_disk_gib)) return Refusal::kLocalDisk;
  return std::nullopt;
}

std::optional<Refusal> ShapeFilter::refuse_accelerator(const cloud::Shape& shape) const {
  if (!request_.accelerator) {
    const bool unwanted = !shape.accelerator.empty() && !request_.instance_type && !facts_.standing;
    return unwanted ? std::optional(Refusal::kAcceleratorUnwanted) : std::nullopt;
  }
  const AcceleratorRequest& wanted = *request_.accelerator;
  if (shape.accelerator.empty() || (!accelerator_.empty() && shape.accelerator != accelerator_)) return Refusal::kAccelerator;
  if (wanted.memory_gib && (shape.accelerator_memory_gib == 0 || !fits(*wanted.memory_gib, shape.accelerator_memory_gib)))
    return Refusal::kAccelerator;
  // Part of a machine's accelerators may be used when the machine is named or the user's own.
  const bool part_will_do = request_.instance_type || facts_.standing;
  const double count = whole_count(wanted);
  const bool right = part_will_do ? shape.accelerator_count >= count : shape.accelerator_count == count;
  return right ? std::nullopt : std::optional(Refusal::kAcceleratorCount);
}

bool ShapeFilter::fits(const Amount& wanted, double has) const {
  if (wanted.at_least || facts_.standing) return has >= wanted.value - kTolerance;
  return std::abs(has - wanted.value) <= kTolerance;
}

bool ShapeFilter::cpus_fit(const cloud::Shape& shape) const { return !cpus_ || fits(*cpus_, shape.vcpus); }

bool ShapeFilter::memory_fits(const cloud::Shape& shape) const {
  if (!memory_) return true;
  // "4x" is a ratio to have at least, as it is in SkyPilot.
  if (memory_->per_cpu) return shape.memory_gib >= memory_->amount.value * shape.vcpus - kTolerance;
  return fits(memory_->amount, shape.memory_gib);
}

}  // namespace isobar::broker
