#pragma once

/// How a linked object tells the runtime what it has: constructors that hand over the bounds of its sections. Every object file brings the
/// same ones, hidden and in comdats, so that an executable or shared library has each once.

#include <map>

#include "emit.h"
#include "settings.h"

namespace isobar::fuzz {

/// Counters and records of blocks.
void register_blocks(Emitter& emitter, const Settings& settings);
/// The cells and records of a domain of sites.
void register_sites(Emitter& emitter, const SiteDomain& domain);
/// A domain that the runtime keeps by itself: its hook `__isobar_fuzz_use_NAME` declares it.
void register_scalar(Emitter& emitter, const std::string& name);
/// Declares a domain with keys of its own, and has it registered: the same for each call with one name.
llvm::Constant* declare_keyed(Emitter& emitter, const std::string& name, uint32_t keys, uint8_t op, uint8_t reducer, uint64_t initial);
/// A bound of a section, as the linker defines it (__start_X, __stop_X); null where the section is not.
llvm::Constant* bound(Emitter& emitter, const std::string& symbol);
/// That a domain of the user's has a place in the object, in the section isobar_matched.
void note_matched(Emitter& emitter, const std::string& name);
/// What the object was compiled for, in the section isobar_domains, for the wrapper to compare when it links.
void note_domains(Emitter& emitter, const std::string& names);

}  // namespace isobar::fuzz
