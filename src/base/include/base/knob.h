#pragma once

/// Configuration that explains itself. Each module has one `Config` struct of `Knob`s: a default that works, bounds,
/// and the extremes the simulator may draw. A config is parsed and validated once, in `app`, and never changes
/// underneath its reader.

#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"

namespace isobar {

template <class T>
struct Range {
  T least, most;
};

template <class T>
struct Knob {
  T value;
  T least, most;  ///< inclusive bounds
  Range<T> sim{value, value};
};

/// Reads `text` into the knob. name  as the user writes it, for the message
/// Errors   kInvalidArgument: not of the knob's type, or outside its bounds; the knob is then unchanged
Status set_knob(Knob<Duration>& knob, std::string_view name, std::string_view text);
Status set_knob(Knob<std::int64_t>& knob, std::string_view name, std::string_view text);
Status set_knob(Knob<ByteCount>& knob, std::string_view name, std::string_view text);

}  // namespace isobar
