#pragma once

/// A workdir that is a git repository: it is cloned here, with whatever the user's own git is allowed to read, and goes to the nodes
/// as any folder does. No node needs git, or a credential of the user's.

#include <string>

#include "base/file.h"
#include "base/result.h"

namespace isobar::broker {

struct GitCheckout {
  fs::path folder;     ///< the whole tree, with its .git: of this commit alone where the server gives that
  std::string commit;  ///< 40 hexadecimal digits
};

/// Checks a repository out, with its submodules. Kept by commit: a second call for the same one asks the repository for the name alone.
/// url      as `git clone` takes it
/// ref      a branch, a tag, or a full commit id; empty: the repository's default branch
/// cache    made when needed; commits that nobody asked for in a week are removed from it
/// Errors   kNotFound: there is no git here, or no such ref; kInvalidArgument: a url or ref that git would take for an option;
///          kUnavailable: git's own words. GIT_TOKEN and GIT_SSH_KEY_PATH of the environment are used, as SkyPilot does
Result<GitCheckout> check_out(const std::string& url, const std::string& ref, const fs::path& cache);

}  // namespace isobar::broker
