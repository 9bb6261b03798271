#pragma once

/// The join of one view: rows in, events in, a reading for each row out, in the order of the rows.

#include <string>

#include "features/as_of_join.h"
#include "features/view_state.h"

namespace isobar::features {

/// What a view is given by one event.
struct ViewEvent {
  EventOrder order;
  Instant arrived;
  bool removed = false;
  Instant withdrawn{};
  const Contribution& contribution;
  std::uint64_t line = 0;
};

/// Called in the order of its members.
class ViewJoin {
 public:
  virtual ~ViewJoin() = default;
  virtual Status add_row(std::string_view key, Instant at, const SeenUpto& seen) = 0;
  virtual Status end_rows() = 0;
  virtual Status add_event(const ViewEvent& event) = 0;
  virtual Status end_events() = 0;
  /// Of the next row. Errors   kConflict: there is none
  virtual Status next(ViewReading& reading) = 0;
};

/// Numbers as bytes in their order.
inline void append_ordered(std::string& out, std::uint64_t number, std::size_t bytes = 8) {
  for (std::size_t i = bytes; i-- > 0;) out += static_cast<char>(number >> (8 * i));
}
inline void append_ordered(std::string& out, Instant at) {
  append_ordered(out, static_cast<std::uint64_t>(at.unix_nanos()) ^ (std::uint64_t{1} << 63));
}
std::uint64_t ordered_number(std::string_view bytes);
Instant ordered_instant(std::string_view bytes);

/// Rows of values, one after another, each as many as its reader knows.
void append_values(std::string& out, const Row& row);
Status read_values(ByteReader& reader, std::size_t count, Row& row);

}  // namespace isobar::features
