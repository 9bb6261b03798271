"""How fast do runs go, isolated from the fuzzer? And what do keys cost that a run touches?"""

import json
import os
import re
import statistics
import struct
import subprocess
import zlib

from fuzz import building
from report import Row

ROUNDS = 5
SECONDS = 2


def replayed(program, folder):
    words = [building.REPLAY, "rate", SECONDS, folder, program]
    return json.loads(building.run(words))["runs_per_s"]


def in_process(program, folder):
    """Of the target's own loop, all inputs together: runs over nanoseconds."""
    done = subprocess.run(["taskset", "-c", "0", program, "-runs=2000", folder], capture_output=True, text=True)
    return float(re.search(r"([0-9.]+) runs/s", done.stderr)[1])


def small_png(colour, depth, interlaced, size=4):
    """A few pixels, as fuzzers keep them: reading one takes microseconds."""
    chunk = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    row = bytes([0]) + bytes(range(size * {0: 1, 2: 3, 3: 1, 6: 4}[colour] * depth // 8))
    palette = chunk(b"PLTE", bytes(range(48))) if colour == 3 else b""
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", size, size, depth, colour, 0, 0, interlaced)) + palette
            + chunk(b"IDAT", zlib.compress(row * size)) + chunk(b"IEND", b""))


def corpus(name, contents):
    folder = building.FOLDER / "corpora" / name
    folder.mkdir(parents=True, exist_ok=True)
    for place, content in enumerate(contents):
        (folder / str(place)).write_bytes(content)
    return folder


def interleaved(measured):
    """{name: median} of functions, one after the other in each round."""
    seen = {name: [] for name in measured}
    for _ in range(ROUNDS):
        for name, once in measured.items():
            seen[name].append(once())
    return {name: statistics.median(values) for name, values in seen.items()}


def measure(_):
    pngs = corpus("png", [small_png(0, 8, 0), small_png(2, 8, 0), small_png(3, 8, 0), small_png(6, 8, 0)])
    isobar = building.png("png_isobar", "isobar")
    ways = {"isolated": lambda: replayed(isobar, pngs), "in-process": lambda: in_process(isobar, pngs)}
    if building.has("AFL++"):
        afl = building.built("png_afl_persistent", "AFL++", [*building.png_sources()[0], building.HARNESS], [*building.png_sources()[1], "-fsanitize=fuzzer"])
        ways["AFL++ persistent"] = lambda: replayed(afl, pngs)
    rates = interleaved(ways)
    yield Row("isolated batches, libpng, four small PNGs", rates["isolated"] / rates["in-process"], 0.85, "of in-process", more_is_better=True,
              note=f"{rates['isolated']:,.0f} and {rates['in-process']:,.0f} runs/s")
    if "AFL++ persistent" in rates:
        yield Row("isolated batches over AFL++'s persistent mode, the same PNGs", rates["isolated"] / rates["AFL++ persistent"], 3, "times", more_is_better=True,
                  note=f"{building.version('AFL++')}, with CmpLog in the program, by the same controller: {rates['AFL++ persistent']:,.0f} runs/s")

    keys = building.built("keys", "isobar", [building.TARGETS / "keys.c"])
    none, some = corpus("no_keys", [b"-"]), corpus("keys", [b"k"])
    rates = interleaved({"none": lambda: replayed(keys, none), "some": lambda: replayed(keys, some), "none in-process": lambda: in_process(keys, none), "some in-process": lambda: in_process(keys, some)})
    cost = 1e6 / rates["some"] - 1e6 / rates["none"]
    recording = 1e6 / rates["some in-process"] - 1e6 / rates["none in-process"]
    yield Row("a run that touches 300 of 65,536 keys, over one that touches none", cost, 2, "µs", peer="FuzzFactory scans all keys: 123–132 µs, as measured once apart",
              note=f"{recording:.2f} µs of it the program's own calls")


if os.environ.get("ISOBAR_FUZZ_BENCH") == "long":
    ROUNDS, SECONDS = 11, 10
