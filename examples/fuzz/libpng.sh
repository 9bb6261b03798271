#!/usr/bin/env bash
# libpng and zlib as Debian has them, with a harness that reads a PNG from memory (png.c), compiled by isobar-cc into ./png.
#   examples/fuzz/libpng.sh [OPTIONS OF ISOBAR-CC…]        such as --domains mem,cmp or -fsanitize=address
# CC names another compiler of fuzz targets.
set -euo pipefail
here=$(cd "$(dirname "$(readlink -f "$0")")" && pwd)
sources=${ISOBAR_SOURCES:-$here/../../build/sources}
png=$("$here/debian_source.sh" libpng1.6 "$sources")
zlib=$("$here/debian_source.sh" zlib "$sources")
[ -f "$png/pnglibconf.h" ] || cp "$png/scripts/pnglibconf.h.prebuilt" "$png/pnglibconf.h"
compiler=${CC:-}
[ -n "$compiler" ] || compiler=$(command -v isobar-cc || echo "$here/../../build/release/fuzz/bin/isobar-cc")
files=("$here/png.c")
for file in "$png"/png*.c; do [ "${file##*/}" = pngtest.c ] || files+=("$file"); done
for name in adler32 crc32 deflate infback inffast inflate inftrees trees zutil compress uncompr; do files+=("$zlib/$name.c"); done
"$compiler" -O2 -w -fsanitize=fuzzer "-I$png" "-I$zlib" "$@" "${files[@]}" -lm -o png
echo "./png is made"
