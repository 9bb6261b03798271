#pragma once

/// The far end of `fetch.h`: what isobar-node does with it.

namespace isobar::transfer {

/// Fetches what the variable says, one order after another, and tells of it in lines on standard output. What is there already and the
/// same is left as it is; what an earlier run began is gone on with; nothing is removed.
/// An order that names an object copies it to the destination itself; otherwise all below it, to below the destination.
/// Returns  the exit code of a program: 0, or 1 when not all of it could be fetched, which was said on standard error
int fetch_what_is_ordered();

}  // namespace isobar::transfer
