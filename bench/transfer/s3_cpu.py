"""What a gibibyte to and from S3 costs in processor time: one object of 256 MiB, Ceph's gateway holding it in memory."""

import os
import statistics
import time

from report import Row
from transfer.stores import S3, checked, isobar, peers

BYTES = 256 << 20
ROUNDS = 5


def measure(bench):
    source, target = bench.folder / "source", bench.folder / "target"
    with open(source, "wb") as out:
        for _ in range(BYTES >> 20):
            out.write(os.urandom(1 << 20))
    with S3() as s3:
        if s3.why_not:
            return
        environment = {**s3.environment, **bench.home_only}
        checked([bench.program, "mb", "s3://bench"], environment)
        per_gib = (1 << 30) / BYTES
        costs, walls = {}, {}

        def took(what, tool, words, output=None):
            ran = checked(words, environment, bench.folder, output)
            costs.setdefault(what, {}).setdefault(tool.name, []).append(ran.cpu_s * per_gib)
            walls.setdefault(what, {}).setdefault(tool.name, []).append(ran.wall_s)

        # In turns, so that whatever else the machine does meets all of them.
        for _ in range(ROUNDS):
            for tool in (isobar(), *peers()):
                took("up", tool, tool.copy(source, "s3://bench/object"))
                target.unlink(missing_ok=True)
                took("down", tool, tool.copy("s3://bench/object", target))
                took("null", tool, tool.cat("s3://bench/object"), "/dev/null")
                if source.stat().st_size != target.stat().st_size:
                    raise RuntimeError(f"{tool.name} has not copied everything")
                checked([bench.program, "rm", "-y", "s3://bench/object"], environment)
                time.sleep(3)  # the gateway's memory is small, and given back by a sweep every 2 s
        target.unlink()
        writing = statistics.median(
            checked(["dd", f"if={source}", f"of={target}", "bs=8M"], environment).cpu_s * per_gib for _ in range(ROUNDS))

    median = lambda table: {name: statistics.median(values) for name, values in table.items()}
    for what, claim, goal in (("up", "a file to S3, processor time", 0.7), ("down", "S3 to a file, processor time", 0.5),
                              ("null", "S3 to `/dev/null`, processor time", 0.5)):
        cost, wall = median(costs[what]), median(walls[what])
        note = f"wall {wall['isobar']:.2f} s of {BYTES >> 20} MiB; " + ", ".join(
            f"{name} {seconds:.2f} s" for name, seconds in wall.items() if name != "isobar")
        if what == "down":
            note += f"; `dd` from file to file alone costs {writing:.2f} CPU-s/GiB"
        yield Row(claim, cost.pop("isobar"), goal, "CPU-s/GiB", peers=cost, note=note)
