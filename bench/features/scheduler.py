"""What does an event cost when a million keys wait, and what does a key take of memory? From features_scheduler_bench."""

import json
import subprocess

from isobar import ROOT
from report import Row

BENCH = ROOT / "build/bench/src/features/scheduler/features_scheduler_bench"


def measure(_):
    told = subprocess.run([BENCH, "--benchmark_format=json", "--benchmark_min_time=2"], check=True, capture_output=True, text=True).stdout
    runs = {run["name"].split("/")[1]: run for run in json.loads(told)["benchmarks"]}
    others = ", ".join(f"{name.replace('_', '-')} {run['cpu_time']:.0f} ns" for name, run in runs.items() if name != "regret")
    yield Row("an event at a million keys, policy regret", runs["regret"]["cpu_time"] / 1000, 1, "µs", peer="ralf scans all keys for each refresh", note=f"of ten: four inputs, two queries, three labels, one refresh; {others}")
    yield Row("memory of a key, its own eight bytes among it", runs["regret"]["bytes_per_key"], 120, "B")
