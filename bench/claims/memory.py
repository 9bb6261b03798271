"""How much memory does a node's agent hold: idle, and for every job that waits?"""

import pathlib
import time

from report import Row

JOBS = 2000


def agent_resident_kib(isobar):
    """VmRSS of the one agent that runs below this home."""
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
            if words[:2] != [b"isobar-node", b"agent"] or not words[2].startswith(bytes(isobar.home)):
                continue
            fields = dict(line.split(":", 1) for line in (process / "status").read_text().splitlines())
            return int(fields["VmRSS"].split()[0])
        except (FileNotFoundError, ProcessLookupError):
            continue
    raise RuntimeError("no agent runs")


def settled_kib(isobar):
    time.sleep(1)
    return agent_resident_kib(isobar)


def measure(isobar):
    isobar.launch("node")
    isobar.wait_until_idle("node", 30)
    idle = settled_kib(isobar)
    yield Row("agent, idle: resident memory", idle / 1024, 15, "MiB")
    isobar.fill("node")
    before = settled_kib(isobar)
    isobar.run("exec", "node", "--num-jobs", str(JOBS), "true")
    each = (settled_kib(isobar) - before) / JOBS
    if isobar.waiting("node") != JOBS:
        raise RuntimeError(f"{isobar.waiting('node')} jobs wait, not {JOBS}")
    yield Row(f"agent: resident memory of each of {JOBS:,} waiting jobs", each, 4, "KiB")
