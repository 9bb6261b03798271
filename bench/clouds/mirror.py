"""A working tree to 32 nodes: how often is it read, how much is sent, how long does it take, and how much of a processor?

The tree is 32 MiB of text, 32 MiB that does not shrink, and 2,000 small files. Nodes are on this machine, and behind 32 OpenSSH servers in
namespaces of it, so their work shares the two cores with isobar's own. What the command reads is counted by the kernel (/proc/PID/io),
until just before its end. ISOBAR_BENCH_BEFORE names the folder of other programs to set beside these.
"""

import contextlib
import os
import pathlib
import random
import re
import subprocess
import time

import isobar as built
from clouds.ssh import hosts
from report import Row

NODES, FILES = 32, 2000
MIB = 1 << 20


def make_tree(folder):
    folder.mkdir()
    noise = random.Random(7)
    words = [f"{noise.random():.6f}" for _ in range(4096)]
    with open(folder / "text.csv", "w") as text:
        while text.tell() < 32 * MIB:
            text.write(",".join(noise.choices(words, k=512)) + "\n")
    (folder / "weights.bin").write_bytes(noise.randbytes(32 * MIB))
    (folder / "src").mkdir()
    for number in range(FILES):
        (folder / "src" / f"module_{number}.py").write_text(f"def f{number}(x):\n    return x + {number}\n" * 20)
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def counted(program, environment, *words):
    """Runs a command; (seconds, CPU seconds, bytes it read), of itself alone."""
    began = time.perf_counter()
    process = subprocess.Popen([program, *words], env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    read, ticks = 0, 0
    while process.poll() is None:
        with contextlib.suppress(OSError, IndexError, KeyError):
            counts = dict(line.split(": ") for line in pathlib.Path(f"/proc/{process.pid}/io").read_text().splitlines())
            fields = pathlib.Path(f"/proc/{process.pid}/stat").read_text().rsplit(") ", 1)[1].split()
            read, ticks = int(counts["rchar"]), int(fields[11]) + int(fields[12])
        time.sleep(0.002)
    said = process.communicate()[1]
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, words))}: {said}")
    return time.perf_counter() - began, ticks / os.sysconf("SC_CLK_TCK"), read


def sent_bytes(home):
    """Of files' content, as the command's log says; programs from before it did send each file to each node as it is."""
    events = [line for line in (home / "logs" / "isobar.log").read_text().splitlines() if "tree_sent" in line]
    found = re.search(r"bytes_sent\D+(\d+)", events[-2]) if len(events) > 1 else None
    return int(found.group(1)) if found else None


def sent_to(where, tree, program):
    """The tree to a fresh gang, and again to one that has all of it: (first, again, bytes sent the first time)."""
    with built.Isobar() as own, hosts(own, NODES) if where.startswith("ssh") else contextlib.nullcontext():
        run = lambda *words: counted(program, own.environment, *words)  # noqa: E731
        if where.startswith("ssh"):
            run("ssh", "up")
        share = ["--cpus", "0.02", "--memory", "0.05"] if where.startswith("ssh") else []
        run("launch", "--yes", "-d", "--cluster", "gang", "--infra", where, *share, "--num-nodes", str(NODES), "true")
        first = run("exec", "-d", "gang", "--workdir", str(tree), "true")
        again = run("exec", "-d", "gang", "--workdir", str(tree), "true")
        run("down", "--yes", "gang")
        return first, again, sent_bytes(own.home)


def rows(name, size, new, old, note):
    def beside(value):
        return {"peer": "before", "peer_measured": value} if old else {}

    first, again, sent = new
    yield Row(f"{size / MIB:.0f} MiB to {NODES} nodes {name}: read", first[2] / MIB, 1.1 * size / MIB, "MiB", note=note, **beside(old and old[0][2] / MIB))
    yield Row("the same: sent", sent / MIB, 1.02 * NODES * size / MIB, "MiB", **beside(old and (old[2] or NODES * size) / MIB))
    yield Row("the same: wall time", first[0], 30, "s", **beside(old and old[0][0]))
    yield Row("the same: processor time of the command", first[1], 10, "CPU-s", **beside(old and old[0][1]))
    yield Row("the same when the nodes have all of it: wall time", again[0], 2, "s", **beside(old and old[1][0]))


def measure(isobar):
    tree = isobar.folder / "work"
    size = make_tree(tree)
    before = os.environ.get("ISOBAR_BENCH_BEFORE")
    for where, name, note in (("local", "of this machine", "as it is: within one machine packing does not pay"),
                              ("ssh/lab", "behind SSH", "what shrinks is packed once for all; OpenSSH's own processes are not counted")):
        old = sent_to(where, tree, pathlib.Path(before) / "isobar") if before else None
        yield from rows(name, size, sent_to(where, tree, built.PROGRAM), old, note)
