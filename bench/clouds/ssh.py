"""Machines behind SSH: how long until a job runs on one that has nothing, on one that is known, and on 32 at once?

The hosts are namespaces of this machine with a real OpenSSH server each (tests/clouds/ssh_hosts.py), so all of their work, key exchanges
included, shares the two cores with isobar's own.
"""

import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time

from isobar import ROOT, median_ms
from report import Row

COMMAND, LINE = "echo hi-$((40 + 2))", "hi-42"
NO_PEER = "SkyPilot: puts a Kubernetes (k3s) on the hosts, which needs the internet and a systemd there"
GANG = 32


@contextlib.contextmanager
def hosts(isobar, count):
    with tempfile.TemporaryDirectory(prefix="isobar-hosts-") as folder:
        process = subprocess.Popen([sys.executable, ROOT / "tests/clouds/ssh_hosts.py", folder, str(count)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            line = process.stdout.readline().strip()
            if line != "READY":
                raise RuntimeError(f"no hosts: {line}")
            isobar.environment["ISOBAR_SSH_CONFIG"] = os.path.join(folder, "ssh_config")
            isobar.home.mkdir(exist_ok=True)
            pool = "".join(f"    - h{number}\n" for number in range(1, count + 1))
            (isobar.home / "ssh_node_pools.yaml").write_text("lab:\n  hosts:\n" + pool)
            yield
            isobar.run("down", "--all", "--yes")
        finally:
            process.stdin.close()
            process.wait()


def cold_ms(isobar):
    """From hosts that have nothing to a job's first line: `ssh up` and `launch`. The connections are new, too."""
    with hosts(isobar, 1):
        began = time.perf_counter()
        isobar.run("ssh", "up")
        isobar.first_line_ms("launch", "--yes", "--cluster", "cold", "--infra", "ssh/lab", "--cpus", "1", COMMAND, line=LINE)
        return (time.perf_counter() - began) * 1000


def measure(isobar):
    cold_ms(isobar)  # which packs isobar-node, once for ever
    yield Row("a host that has nothing to a job running there", statistics.median(cold_ms(isobar) for _ in range(5)) / 1000, 3, "s", peer=NO_PEER)
    with hosts(isobar, 1):
        isobar.run("ssh", "up")
        isobar.run("launch", "--yes", "--cluster", "warm", "--infra", "ssh/lab", "--cpus", "0.1", "--memory", "0.1", "true")
        yield Row("`isobar exec` on it to the first log line", median_ms(lambda: isobar.first_line_ms("exec", "warm", COMMAND, line=LINE), 25), 150, "ms")

        def launch_ms():
            took = isobar.first_line_ms("launch", "--yes", "--cluster", "again", "--infra", "ssh/lab", "--cpus", "0.1", "--memory", "0.1", COMMAND, line=LINE)
            isobar.run("down", "--yes", "again")
            return took

        yield Row("`isobar launch` of a new cluster on a host that is up to the first log line", median_ms(launch_ms, 9) / 1000, 0.3, "s")
        for number in range(99):
            isobar.run("launch", "--yes", "-d", "--cluster", f"many-{number}", "--infra", "ssh/lab", "--cpus", "0.01", "--memory", "0.01", "true")
        yield Row("`isobar status -r` of 100 clusters", median_ms(lambda: isobar.ms("status", "-r"), 9) / 1000, 1, "s")
    with hosts(isobar, GANG):
        began = time.perf_counter()
        isobar.run("ssh", "up")
        isobar.run("launch", "--yes", "--cluster", "gang", "--infra", "ssh/lab", "--cpus", "1", "--num-nodes", str(GANG), "true")
        yield Row(f"{GANG} hosts that have nothing to a gang of {GANG} ranks that ran", time.perf_counter() - began, 20, "s")
