#pragma once

/// The namespaces of a testbed while they exist, and the devices of its links.

#include <memory>

#include "layout.h"

namespace isobar::transfer {

/// Owns namespaces and management network: destruction ends what runs in them, and removes them.
class Namespaces {
 public:
  /// Removes first what testbeds of processes that are gone left behind.
  /// Errors   kPermissionDenied, kNotFound, kExhausted: see Testbed::create
  static Result<std::unique_ptr<Namespaces>> create(const Scenario& scenario);
  ~Namespaces();
  Namespaces(const Namespaces&) = delete;

  const Layout& layout() const { return layout_; }

  /// Makes the device of a link in the namespace of one of its ends. Reads from it do not block, and give frames (frame.h).
  Result<Fd> open_link_device(SiteIndex at, const ScenarioRegion& peer) const;
  /// Gives addresses to everything. To be called when all link devices are there.
  Status configure(const Scenario& scenario) const;

 private:
  explicit Namespaces(Layout layout) : layout_(std::move(layout)) {}
  Layout layout_;
};

/// Whether the kernel hands over frames of many segments, or cuts them first, which costs some ten times the CPU time.
Status set_segmentation(const Fd& link_device, bool many_segments);

}  // namespace isobar::transfer
