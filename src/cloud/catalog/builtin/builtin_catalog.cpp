#include "cloud/builtin_catalog.h"

__asm__(
    ".pushsection .rodata\n"
    ".balign 64\n"
    ".global isobar_builtin_catalog_begin\n"
    ".hidden isobar_builtin_catalog_begin\n"
    "isobar_builtin_catalog_begin:\n"
    ".incbin \"" ISOBAR_BUILTIN_CATALOG
    "\"\n"
    ".global isobar_builtin_catalog_end\n"
    ".hidden isobar_builtin_catalog_end\n"
    "isobar_builtin_catalog_end:\n"
    ".popsection\n");

extern "C" const char isobar_builtin_catalog_begin[], isobar_builtin_catalog_end[];

namespace isobar::cloud {

std::string_view builtin_catalog() {
  return {isobar_builtin_catalog_begin, static_cast<std::size_t>(isobar_builtin_catalog_end - isobar_builtin_catalog_begin)};
}

}  // namespace isobar::cloud
