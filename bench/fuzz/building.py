"""The targets, each by isobar-cc, AFL++'s compiler and libFuzzer's, from Debian's sources, below build/bench-fuzz."""

import functools
import os
import pathlib
import re
import shutil
import subprocess

from isobar import ROOT

FOLDER = ROOT / "build/bench-fuzz"
TARGETS = pathlib.Path(__file__).resolve().parent / "targets"
HARNESS = ROOT / "examples/fuzz/png.c"
TOOLS = ROOT / "build/release/fuzz/bin"
REPLAY = ROOT / "build/bench/src/fuzz/executor/fuzz_replay"
PACKAGES = ("libpng1.6", "zlib")

COMPILERS = {
    "isobar": ([TOOLS / "isobar-cc"], {}),
    "AFL++": (["afl-clang-fast"], {"AFL_QUIET": "1", "AFL_LLVM_CMPLOG": "1"}),
    "libFuzzer": (["clang-19"], {}),
}


def run(words, **more):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, **more)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, words))}: {(done.stderr or done.stdout)[-2000:]}")
    return done.stdout


@functools.cache
def has(name):
    """Whether a compiler of COMPILERS is here."""
    return shutil.which(str(COMPILERS[name][0][0])) is not None


@functools.cache
def version(name):
    if name == "AFL++":
        text = subprocess.run(["afl-fuzz", "--version"], capture_output=True, text=True).stdout
        return "AFL++ " + re.search(r"[0-9]+\.[0-9]+[a-z]?", text)[0]
    return f"libFuzzer {run(['clang-19', '-dumpversion']).strip()}"


@functools.cache
def sources():
    """{package: folder}, by apt from the machine's own lists."""
    script = ROOT / "examples/fuzz/debian_source.sh"
    found = {package: pathlib.Path(run([script, package, ROOT / "build/sources"]).strip()) for package in PACKAGES}
    config = found["libpng1.6"] / "pnglibconf.h"
    if not config.exists():
        shutil.copy(found["libpng1.6"] / "scripts/pnglibconf.h.prebuilt", config)
    return found


def png_sources():
    folders = sources()
    files = [path for path in sorted(folders["libpng1.6"].glob("png*.c")) if path.name != "pngtest.c"]
    files += [folders["zlib"] / f"{name}.c" for name in "adler32 crc32 deflate infback inffast inflate inftrees trees zutil compress uncompr".split()]
    return files, [f"-I{folder}" for folder in folders.values()]


def png_files():
    return sorted((sources()["libpng1.6"] / "contrib/pngsuite").glob("*.png"))


def built(name, compiler, files, options=()):
    """The program, made if it is older than what it is made of."""
    words, environment = COMPILERS[compiler]
    program = FOLDER / "programs" / name
    program.parent.mkdir(parents=True, exist_ok=True)
    newest = max(path.stat().st_mtime for path in [*files, *TOOLS.parent.glob("lib/isobar/fuzz/*")])
    if not program.exists() or program.stat().st_mtime < newest:
        run([*words, "-O2", "-w", *options, *files, "-lm", "-o", program], env={**os.environ, **environment})
    return program


def png(name, compiler, *options, main="png.c"):
    files, includes = png_sources()
    return built(name, compiler, [*files, HARNESS, *([TARGETS / main] if main != "png.c" else [])], [*includes, *options])
