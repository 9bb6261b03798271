#pragma once

/// Other programs as children of this process.

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "base/time.h"

namespace isobar {

struct ChildOutput {
  int exit_code = 0;  ///< 128 + n when signal n ended it
  std::string out, err;
};

/// Runs a program to its end, in a session of its own (a terminal's Ctrl-C is for the caller), with `input` on its standard input.
/// words    the program, sought in PATH, and its arguments
/// input    what it does not read is dropped
/// Errors   kNotFound: there is no such program; kDeadlineExceeded: it was killed; kExhausted: it said more than `output_max`
Result<ChildOutput> run_child(const std::vector<std::string>& words, std::string_view input, Duration deadline,
                              std::size_t output_max = 256 << 20);

/// Starts a program in a session of its own, with these descriptors as its standard streams, all others that close on exec closed, and no
/// signal blocked or ignored. Who starts it waits for it. Errors   kNotFound: there is no such program; kPermissionDenied,
/// kInvalidArgument: it may not, or cannot, be run
Result<pid_t> spawn_child(const std::vector<std::string>& words, int in, int out, int err);

/// Starts a program that nobody waits for, with a socket as its standard input and output; its errors are dropped. It is told the
/// end of its input when the socket is closed here. No zombie is left.
/// program   what is run where the first word is only what it is called; empty: the first word
/// Errors   kExhausted: no more processes or descriptors. Of a program that is not there one hears by the socket's end
Result<Fd> open_child(const std::vector<std::string>& words, const fs::path& program = {});

}  // namespace isobar
