"""How long does isobar take to start, and to check a task file?"""

import peers
from isobar import PROGRAM, ROOT, median_ms, process_ms
from report import Row

LINES = 50


def task_file():
    head = ["name: fifty", "num_nodes: 2", "resources:", "  accelerators: {A100: 8, H100: 8}", "  use_spot: true", "  disk_size: 512", "envs:"]
    tail = ["run: |", "  python3 train.py"]
    variables = [f"  VARIABLE_{i}: value {i}" for i in range(LINES - len(head) - len(tail))]
    return "\n".join([*head, *variables, *tail]) + "\n"


def measure(isobar):
    path = isobar.write("task.yaml", task_file())
    version = median_ms(lambda: isobar.ms("--version"), 50)
    yield Row("`isobar --version`", version, 10, "ms", **peers.timed(["bin/sky", "--version"]))
    check = median_ms(lambda: isobar.ms("task", "check", path), 50)
    parse = ["bin/python", "-c", "import sys, sky; sky.Task.from_yaml(sys.argv[1])", path]
    yield Row(f"`isobar task check` of {LINES} lines", check, 10, "ms", **peers.timed(parse))
    launcher = median_ms(lambda: process_ms([ROOT / "isobar", "--version"]), 50)
    yield Row("what the launcher `./isobar` adds", launcher - version, 5, "ms", note="starting /bin/sh")
