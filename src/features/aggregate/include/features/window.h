#pragma once

/// Windows of time over events, and how they share tiles.
///
/// Every window, read at an instant t, covers (e − size, e]: half open, the same for serving and for training. It ends at
///   sliding      e = t
///   hopping      the last multiple of its slide, since 1970 UTC, that is not after t
///   tumbling     the same, with slide = size: the last one that is complete
///   unbounded    t, and it covers everything before
///
/// Tiles are groups of events over (i·hop, (i+1)·hop], kept at up to three hops ("levels") that all windows share. Hopping and tumbling
/// windows end on tiles' bounds and are exact. A sliding window is a sawtooth, as Chronon's: exact at its end, while its beginning is
/// rounded down to a bound of its hop, so it is longer by less than one hop, a twelfth of its size at most. A window that asks to be exact
/// is computed from the events themselves (features/exact_window.h), which are then kept for as long as it is.

#include <cstdint>
#include <vector>

#include "base/time.h"

namespace isobar::features {

enum class WindowKind { kTumbling, kHopping, kSliding, kUnbounded };

struct Window {
  WindowKind kind = WindowKind::kSliding;
  Duration size{0};    ///< not of kUnbounded; up to 100 years
  Duration slide{0};   ///< of kHopping; at most its size
  Duration hop{0};     ///< of kSliding: what its beginning is rounded to; 0: chosen by its size
  bool exact = false;  ///< of kSliding

  static Window sliding(Duration size) { return {.kind = WindowKind::kSliding, .size = size}; }
  static Window exactly(Duration size) { return {.kind = WindowKind::kSliding, .size = size, .exact = true}; }
  static Window tumbling(Duration size) { return {.kind = WindowKind::kTumbling, .size = size}; }
  static Window hopping(Duration size, Duration slide) { return {.kind = WindowKind::kHopping, .size = size, .slide = slide}; }
  static Window unbounded() { return {.kind = WindowKind::kUnbounded}; }
};

/// Which tiles a set of windows needs, and for how long.
struct WindowPlan {
  struct Level {
    std::int64_t hop;     ///< ns
    std::int64_t retain;  ///< ns before the watermark for which tiles are kept
  };
  struct Planned {
    Window window;
    std::size_t level = 0;  ///< of those below, the one on whose bounds it begins; not of exact and unbounded ones
  };
  std::vector<Level> levels;  ///< at most three, the finest first; each a multiple of the one before
  std::vector<Planned> windows;
  bool unbounded = false;         ///< one of them is
  std::int64_t exact_retain = 0;  ///< ns before the watermark for which events are kept; 0: no window is exact

  /// lateness   how far before the watermark reads still find all that they cover
  /// Errors     kInvalidArgument: no windows, a size or slide that cannot be, windows whose hops share no tiles; the message has the mend
  static Result<WindowPlan> create(const std::vector<Window>& windows, Duration lateness);
};

/// What a window covers at an instant: (after, until].
struct Span {
  Instant after, until;
  friend bool operator==(const Span&, const Span&) = default;
};
/// By its definition above, before anything is rounded. Beyond what time can hold it is cut off.
Span span_of(const Window& window, Instant at);

/// The largest multiple of step that is not above.
std::int64_t floor_to(std::int64_t number, std::int64_t step);
/// Without wrapping.
std::int64_t minus(std::int64_t a, std::int64_t b);

}  // namespace isobar::features
