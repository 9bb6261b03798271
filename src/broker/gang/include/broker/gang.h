#pragma once

/// Commands on the other nodes of a job, for launchers that expect to reach them by `rsh HOST COMMAND`: mpirun and its kind.
///
/// Every rank of a job calls `run_gang` with the same command. Rank 0 waits for the others, runs the command, and its end is the end of
/// all; the others run what `run_remotely` asks of them from within that command. So no node needs an sshd, keys or names that resolve, and
/// what the launcher starts belongs to the job of the node that it runs on: its log, its devices, its end.
///
/// The ranks speak over TLS with a key that the head gave to this job alone (ISOBAR_GANG_KEY), at the first free of a few ports that follow
/// from the job's id.

#include <string>
#include <vector>

namespace isobar::broker {

/// `isobar-node gang COMMAND…`. command   a program and its arguments; not empty
/// Returns   on rank 0 the command's exit code (128 + its signal), on the others 0 once rank 0 is done; 1 when they lost one another
int run_gang(const std::vector<std::string>& command);

/// `isobar-node rsh HOST COMMAND…`, within a command that `run_gang` runs: as rsh, the words are joined by spaces and read by a shell
/// there. host      a node's host name, its address, or "rank-N" Returns   the exit code there
int run_remotely(const std::string& host, const std::vector<std::string>& words);

}  // namespace isobar::broker
