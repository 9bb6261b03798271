"""What does a domain cost a program? User CPU of decoding PNGs with libpng and zlib, all of it compiled with the domain, over coverage alone."""

import statistics

from fuzz import building
from report import Row

DOMAINS = {"perf": 1.10, "mem": 1.02, "cmp": 1.60}
ROUNDS = 9


def measure(_):
    programs = {"coverage": building.png("decode_coverage", "isobar", main="decode.c")}
    programs |= {domain: building.png(f"decode_{domain}", "isobar", "--domains", domain, main="decode.c") for domain in DOMAINS}
    programs["none"] = building.built("decode_none", "libFuzzer", building.png_sources()[0] + [building.HARNESS, building.TARGETS / "decode.c"], building.png_sources()[1])
    files = {"the largest of PngSuite": max(building.png_files(), key=lambda path: path.stat().st_size), "the smallest of PngSuite": min(building.png_files(), key=lambda path: path.stat().st_size)}
    for what, file in files.items():
        runs = max(20, int(3e8 / max(1000, int(building.run([programs["none"], file, 200])))))  # 0.3 s
        seen = {name: [] for name in programs}
        for _ in range(ROUNDS):  # one after the other, so that a slow minute is everybody's
            for name, program in programs.items():
                seen[name].append(int(building.run([program, file, runs])))
        best = {name: min(times) for name, times in seen.items()}
        spread = statistics.median(max(times) / min(times) for times in seen.values())
        for domain, target in DOMAINS.items():
            yield Row(f"domain {domain}, decoding {what} ({file.stat().st_size} bytes)", best[domain] / best["coverage"], target, "of coverage alone",
                      note=f"coverage {best['coverage'] / 1000:.1f} µs, nothing {best['none'] / 1000:.1f} µs; least of {ROUNDS}, slowest / fastest {spread:.2f}")
