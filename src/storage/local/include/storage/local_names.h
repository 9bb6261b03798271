#pragma once

/// Keys as file names, and back. Object stores take any bytes as a key; a file system does not take an empty name, ".", "..",
/// or one over 255 bytes. Such names are escaped, each in a form that no other key has, so that a tree that was downloaded
/// and uploaded again has the keys it had:
///   an empty component (of "a//b", "/a", "a/")  → "%~"            a NUL byte            → "%~00"
///   "." and ".."                                → "%~2E", "%~2E%~2E"
///   "%~" that is really there                   → "%~25~"
///   a component over 255 bytes                  → pieces, each but the last a folder whose name ends in "%~+"
/// All other names are as they are.

#include <string>
#include <string_view>

#include "base/result.h"

namespace isobar::storage {

/// The relative path of a key. Never empty, never absolute, without "." and ".." components: it cannot leave its folder.
std::string path_of_key(std::string_view key);

/// The key of a relative path: the inverse of path_of_key, and the path itself where nothing was escaped.
std::string key_of_path(std::string_view path);

}  // namespace isobar::storage
