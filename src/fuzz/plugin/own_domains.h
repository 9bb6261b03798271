#pragma once

/// Domains that the user wrote (domain_text.h), matched and recorded.

#include <set>
#include <vector>

#include "emit.h"
#include "fuzz/domain_text.h"

namespace isobar::fuzz {

/// A place in a function that a domain matches.
struct OwnMatch {
  const OwnDomain* domain;
  llvm::Instruction* at;  ///< the call, load, store, compare or return; of blocks and entries, null
  llvm::BasicBlock* block;
};

/// Reads the text; one that cannot be read ends the compiler, with the place and the mend.
std::vector<OwnDomain> own_domains_of(const std::string& text);

/// The matches in a function as it is before anything is added to it.
std::vector<OwnMatch> find_own(llvm::Function& function, const std::vector<OwnDomain>& domains);

/// Records at each of them. Domains that have a place in the module are added to `used`.
void hook_own(Emitter& emitter, SiteTable& sites, const std::vector<OwnMatch>& matches, std::set<const OwnDomain*>& used);

}  // namespace isobar::fuzz
