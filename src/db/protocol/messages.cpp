#include "db/messages.h"

namespace isobar::db {

std::string_view name_of(AbortReason reason) {
  switch (reason) {
    case AbortReason::kNone: return "none";
    case AbortReason::kClock: return "clock";
    case AbortReason::kMissedWrite: return "missed_write";
    case AbortReason::kHidesWrite: return "hides_write";
    case AbortReason::kReader: return "reader";
    case AbortReason::kDependency: return "dependency";
    case AbortReason::kTooOld: return "too_old";
    case AbortReason::kSameTimestamp: return "same_timestamp";
    case AbortReason::kMalformed: return "malformed";
    case AbortReason::kForbidden: return "forbidden";
    case AbortReason::kNotClosed: return "not_closed";
  }
  return "unknown";
}

Hash digest_of(const ScannedPart& part) { return hash_of(purpose::kScan, encode(part)); }

std::string encode_message(const Message& message) { return encode(message); }
Result<Message> decode_message(std::string_view bytes) { return decode<Message>(bytes); }

}  // namespace isobar::db
