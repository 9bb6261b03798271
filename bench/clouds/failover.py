"""How much of its own time does a launch take that every place refuses?

The program is src/broker/failover_bench.cpp: the real broker and its state on this machine's disk, and a cloud that refuses at once.
"""

import json
import subprocess

from isobar import ROOT
from report import Row

PROGRAM = ROOT / "build/bench/src/broker/broker_bench"


def measure(_):
    words = [PROGRAM, "--benchmark_format=json", "--benchmark_repetitions=5", "--benchmark_report_aggregates_only=true"]
    for run in json.loads(subprocess.run(words, capture_output=True, check=True, cwd=ROOT / "build").stdout)["benchmarks"]:
        if run["aggregate_name"] == "median":
            yield Row("200 places that refuse, tried one after the other", run["real_time"] / 1000, 2, "s", note="each attempt is on disk before it begins")
