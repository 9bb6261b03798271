"""Who finds more in the same time? isobar, AFL++ with CmpLog in one binary (-c 0), libFuzzer with value profile; one processor each, one after the other, so that a slow
minute is everybody's. What each has found is judged by one program for all. ISOBAR_FUZZ_BENCH=long: a minute each, and nine trials."""

import itertools
import json
import os
import shutil
import statistics
import subprocess
import time

from fuzz import building
from isobar import PROGRAM
from report import Row

LONG = os.environ.get("ISOBAR_FUZZ_BENCH") == "long"
SECONDS, TRIALS = (60, 9) if LONG else (20, 5)
AFL = {"AFL_SKIP_CPUFREQ": "1", "AFL_NO_AFFINITY": "1", "AFL_NO_UI": "1", "AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES": "1", "AFL_QUIET": "1"}


def command(engine, program, seeds, out):
    if engine == "isobar":
        return [PROGRAM, "fuzz", "run", program, "-i", seeds, "-o", out, "--for", f"{SECONDS}s", "--no-pin"], out / "inputs"
    if engine == "AFL++":
        return ["afl-fuzz", "-V", str(SECONDS), "-i", seeds, "-o", out, "-m", "none", "-c", "0", "--", program], out / "default/queue"
    out.mkdir(parents=True, exist_ok=True)
    return [program, f"-max_total_time={SECONDS}", "-use_value_profile=1", "-close_fd_mask=3", "-rss_limit_mb=0", "-malloc_limit_mb=0", "-max_len=4096", out, seeds], out


def campaign(engine, program, seeds, judge):
    """What is reached in the end, and [(seconds, what)] on the way."""
    out = building.FOLDER / "campaign"
    shutil.rmtree(out, ignore_errors=True)
    words, found = command(engine, program, seeds, out)
    began = time.time()
    subprocess.run(["taskset", "-c", "1", *map(str, words)], env={**os.environ, **AFL}, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=SECONDS + 120)
    lines = [json.loads(line) for line in building.run([building.REPLAY, "reached", found, judge]).splitlines()]
    return [(max(0, line.pop("at") - began), line) for line in lines]


def differ(ours, theirs):
    """Mann-Whitney, exactly and of both sides: how likely ranks lie so far apart by chance."""
    both = ours + theirs
    wins = lambda some: sum((a > b) + (a == b) / 2 for a in some for b in both)
    expected = len(ours) * len(both) / 2
    apart = abs(wins(ours) - expected)
    ways = [abs(wins([both[i] for i in chosen]) - expected) >= apart - 1e-9 for chosen in itertools.combinations(range(len(both)), len(ours))]
    return sum(ways) / len(ways)


def trials(programs, seeds, judge):
    return {name: [history for history in histories] for name, histories in zip(programs, zip(*[[campaign(name, program, seeds, judge) for name, program in programs.items()] for _ in range(TRIALS)]))}


def rows(what, results, goal, unit, target):
    ends = {name: [history[-1][1][goal] if history else 0 for history in histories] for name, histories in results.items()}
    peers = {building.version(name): statistics.median(values) for name, values in ends.items() if name != "isobar"}
    chances = ", ".join(f"{building.version(name)} p = {differ(ends['isobar'], values):.3f}" for name, values in ends.items() if name != "isobar")
    note = f"each of {TRIALS}: {', '.join(f'{value:,}' for value in sorted(ends['isobar']))}; {chances}"
    yield Row(f"{what} after {SECONDS} s", statistics.median(ends["isobar"]), target or max(peers.values(), default=0), unit, more_is_better=True, peers=peers, note=note)


def engines():
    return [name for name in building.COMPILERS if building.has(name)]


def measure(_):
    seeds = building.FOLDER / "seeds"
    seeds.mkdir(parents=True, exist_ok=True)
    (seeds / "one").write_bytes(b"\n")
    sort = building.TARGETS / "sort.c"
    goals = {"isobar": ["--domains", "perf"]}
    programs = {name: building.built(f"sort_{name}", name, [sort], ["-fsanitize=fuzzer", *goals.get(name, [])]) for name in engines()}
    judge = building.built("sort_judge", "isobar", [sort], ["-DGOAL"])
    results = trials(programs, seeds, judge)
    yield from rows("insertion sort of 64 bytes, domain perf: swaps of 2,016", results, "swaps", "swaps", 0.95 * 2016)
    reached = [at for history in results["isobar"] for at in [next((at for at, line in history if line["swaps"] >= 2016), None)] if at is not None]
    yield Row("insertion sort of 64 bytes: trials that reached its optimum within 10 s", sum(at <= 10 for at in reached), (TRIALS + 1) // 2, f"of {TRIALS}", more_is_better=True, note=f"within {SECONDS} s: {len(reached)}")

    goals = {"isobar": ["--domains", "mem,cmp"]}
    programs = {name: building.png(f"png_{name}", name, "-fsanitize=fuzzer", *goals.get(name, [])) for name in engines()}
    judge = building.png("png_judge", "isobar", "--domains", "mem")
    results = trials(programs, seeds, judge)
    yield from rows("libpng 1.6.39 from one byte, domains mem and cmp: blocks", results, "blocks", "blocks", None)
    yield from rows("libpng 1.6.39 from one byte: largest allocation", results, "mem.largest", "B", None)
