"""What does the optimizer alone take, in a process that holds the catalog open as a server does?

The program is src/broker/optimizer/optimizer_bench.cpp. It has 100 000 offers too, of clouds that all place by region.
"""

import json
import subprocess

from isobar import ROOT
from report import Row

PROGRAM = ROOT / "build/bench/src/broker/optimizer/broker_optimizer_bench"
TARGETS_MS = {
    "OneTaskWarm": ("plan one task, the catalog open", 5),
    "ChainOfEqualTasksWarm/100": ("plan a chain of 100 equal tasks, the catalog open", 100),
    "ChainOfTasksWarm/100": ("plan a chain of 100 tasks that all differ, the catalog open", 100),
}


def measure(_):
    words = [PROGRAM, "--benchmark_format=json", "--benchmark_repetitions=5", "--benchmark_report_aggregates_only=true", f"--benchmark_filter=^({'|'.join(TARGETS_MS)})$"]
    for run in json.loads(subprocess.run(words, capture_output=True, check=True).stdout)["benchmarks"]:
        if run["aggregate_name"] == "median":
            claim, target = TARGETS_MS[run["run_name"]]
            yield Row(claim, run["real_time"], target, "ms", note=f"{run['candidates']:,.0f} places fit each task")
