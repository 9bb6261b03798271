#pragma once

/// The key pair with which this user enters the machines that isobar makes: one for all clouds, under isobar's home, made by the
/// system's own ssh-keygen. The private half never leaves this machine.

#include <string>

#include "base/file.h"
#include "base/result.h"

namespace isobar::cloud {

struct OwnKey {
  fs::path private_file;
  std::string public_line;  ///< "ssh-ed25519 AAAA… isobar"
  std::string name;         ///< "isobar-1a2b3c4d": from the key itself, so that another key never has the same name
};

/// The key in `<home>/ssh/id_ed25519`, made if there is none. Of processes that make it at once one wins, and all get the winner's.
/// keygen   the program
/// Errors   kNotFound: `keygen` is not installed; kPermissionDenied and others of the disk; kInvalidArgument: what is there is no key
Result<OwnKey> own_key(const fs::path& home, const std::string& keygen = "ssh-keygen");

/// "isobar-" and eight digits of the SHA-256 of the key.
/// Errors   kInvalidArgument: not a line of an OpenSSH public key file
Result<std::string> key_pair_name(std::string_view public_line);

}  // namespace isobar::cloud
