#pragma once

#include <string_view>

#include "base/result.h"
#include "http_message.h"

namespace isobar::features {

/// An error in Feast's form, which its clients raise again: a JSON string that holds {"module", "class", "message"}.
/// exception   a class of Python's module feast.errors
HttpAnswer feast_error(int status, std::string_view exception, std::string_view message);

/// An error of ours.
/// missing   which exception kNotFound is
HttpAnswer feast_error(const Error& error, std::string_view missing = "FeastObjectNotFoundException");

}  // namespace isobar::features
