#include "base/text.h"
#include "cloud/remote_shell.h"

namespace isobar::cloud {

std::string shell_quote(std::string_view word) { return isobar::shell_quote(word); }

}  // namespace isobar::cloud
