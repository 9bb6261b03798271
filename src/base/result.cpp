#include "base/result.h"

#include <cerrno>
#include <cstring>

namespace isobar {

std::string_view name_of(Code code) {
  switch (code) {
    case Code::kInvalidArgument: return "invalid_argument";
    case Code::kNotFound: return "not_found";
    case Code::kAlreadyExists: return "already_exists";
    case Code::kConflict: return "conflict";
    case Code::kPermissionDenied: return "permission_denied";
    case Code::kUnavailable: return "unavailable";
    case Code::kDeadlineExceeded: return "deadline_exceeded";
    case Code::kExhausted: return "exhausted";
    case Code::kDataLoss: return "data_loss";
  }
  return "unknown";
}

namespace {

Code code_of_errno(int error_number) {
  switch (error_number) {
    case ENOENT:
    case ESRCH: return Code::kNotFound;
    case EEXIST: return Code::kAlreadyExists;
    case EACCES:
    case EPERM:
    case EROFS: return Code::kPermissionDenied;
    case ENOSPC:
    case EDQUOT:
    case EMFILE:
    case ENFILE:
    case ENOMEM: return Code::kExhausted;
    case ETIMEDOUT: return Code::kDeadlineExceeded;
    case EIO: return Code::kDataLoss;
    case EINVAL:
    case ENOTDIR:
    case EISDIR:
    case ENAMETOOLONG: return Code::kInvalidArgument;
    default: return Code::kUnavailable;
  }
}

}  // namespace

Error errno_error(std::string_view doing, int error_number) {
  return {code_of_errno(error_number), std::string(doing) + ": " + std::strerror(error_number)};
}

Error errno_error(std::string_view doing) { return errno_error(doing, errno); }

}  // namespace isobar
