"""An S3 store across an ocean: downloads over an emulated link of 1 Gbit/s and 80 ms round trip (`isobar transfer netem`)."""

import contextlib
import json
import os
import pathlib
import shutil
import socket
import statistics
import subprocess
import tempfile
import time

from report import Row
from transfer.stores import PEERS, checked, environment_for, isobar, peers

GOFAKES3 = "github.com/johannesboyne/gofakes3/cmd/gofakes3@v1.2.0"
LARGE, SMALL, SMALL_FILES = 512 << 20, 64 << 10, 2000
ROUNDS = 5
PORT = 9000


def server_program():
    """A server that holds objects in memory and answers faster than the link carries; none where Go is missing."""
    program = PEERS / "gofakes3"
    if not program.exists() and shutil.which("go"):
        subprocess.run(["go", "install", GOFAKES3], env={**os.environ, "GOBIN": str(PEERS)}, stderr=subprocess.DEVNULL)
    return program if program.exists() else None


class Wan(contextlib.AbstractContextManager):
    """The scenario `wan`, with a server in region b for clients in region a."""

    def __init__(self, bench, server):
        self.network = subprocess.Popen([bench.program, "transfer", "netem", "run", "wan", "--", "sh", "-c", 'cat "$ISOBAR_NETEM"; exec cat'],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.near, self.far = json.loads(self.network.stdout.readline())["regions"]
        self.server = subprocess.Popen([*self.within(self.far), server, "-host", f"0.0.0.0:{PORT}", "-backend", "memory", "-initialbucket", "bench", "-quiet"],
                                       stderr=subprocess.DEVNULL)
        self.beside = environment_for(f"http://{self.far['management_address']}:{PORT}")
        self.across = environment_for(f"http://{self.far['addresses']['a']}:{PORT}")
        until = time.monotonic() + 20
        while True:
            try:
                return socket.create_connection((self.far["management_address"], PORT), 1).close()
            except OSError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.1)

    def __exit__(self, *_):
        self.server.kill()
        self.server.wait()
        self.network.stdin.close()
        self.network.wait()

    def within(self, region):
        return ["nsenter", f"--net={region['namespace_path']}"]


def fill(bench, wan):
    """Objects at the far end, put there by the unshaped way."""
    large, small = bench.folder / "large", bench.folder / "small"
    small.mkdir()
    with open(large, "wb") as out:
        for _ in range(LARGE >> 20):
            out.write(os.urandom(1 << 20))
    for number in range(SMALL_FILES):
        (small / f"{number:04}").write_bytes(os.urandom(SMALL))
    environment = {**wan.beside, **bench.home_only}
    checked([bench.program, "cp", "-q", large, "s3://bench/large"], environment)
    checked([bench.program, "cp", "-q", "-r", small, "s3://bench/small"], environment)
    large.unlink()
    shutil.rmtree(small)


@contextlib.contextmanager
def in_memory():
    """A folder that is not on a disk: some file systems look for a free inode among those just removed, which costs more than the copy."""
    with tempfile.TemporaryDirectory(prefix="isobar-bench-", dir="/dev/shm") as folder:
        yield pathlib.Path(folder)


def measure(bench):
    server = server_program()
    if os.geteuid() != 0 or not server:
        print("wan: needs root, and Go for a server that keeps up")
        return
    with Wan(bench, server) as wan, in_memory() as folder:
        target = folder / "target"
        fill(bench, wan)
        environment = {**wan.across, **bench.home_only}
        walls, costs = {}, {}

        def took(what, tool, words):
            ran = checked([*wan.within(wan.near), *words], environment, bench.folder)
            walls.setdefault(what, {}).setdefault(tool.name, []).append(ran.wall_s)
            costs.setdefault(what, {}).setdefault(tool.name, []).append(ran.cpu_s)

        # In turns, so that whatever else the machine does meets all of them.
        for _ in range(ROUNDS):
            for tool in (isobar(), *peers()):
                took("large", tool, tool.copy("s3://bench/large", target))
                if target.stat().st_size != LARGE:
                    raise RuntimeError(f"{tool.name} has not copied everything")
                target.unlink()
                took("small", tool, tool.tree("s3://bench/small", target))
                if sum(file.stat().st_size == SMALL for file in target.iterdir()) != SMALL_FILES:
                    raise RuntimeError(f"{tool.name} has not copied everything")
                shutil.rmtree(target)

    median = lambda table: {name: statistics.median(values) for name, values in table.items()}
    for what, claim, goal in (("large", "512 MiB from S3 over 1 Gbit/s and 80 ms", 5.0), ("small", "2,000 × 64 KiB from S3 over 1 Gbit/s and 80 ms", 1.8)):
        wall, cost = median(walls[what]), median(costs[what])
        note = "into memory; processor time " + ", ".join(f"{name} {seconds:.2f} s" for name, seconds in cost.items())
        yield Row(claim, wall.pop("isobar"), goal, "s", peers=wall, note=note)
