#pragma once

/// A gateway of the overlay, as a process: `isobar-node gateway`. Its owner speaks to it over its standard streams, through a
/// shell, SSH or whatever started it, so it needs no control port and no credentials of its own; when the owner goes, it goes.

namespace isobar::transfer {

/// Serves until `in` ends or the owner says so. Returns the exit code.
/// Reading and writing of stores happens on the transport's threads, links and encryption on the calling one.
int run_gateway(int in, int out);

}  // namespace isobar::transfer
