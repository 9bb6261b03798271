"""A file that is written to while it is uploaded: whoever reports success has stored a mixture, or what nobody ever wrote."""

import random
import subprocess
import time

from report import Row
from transfer.stores import S3, checked, isobar, peers

TRIALS = 100
BYTES = 64 << 20


def trial(tool, source, environment, rng, duration_s):
    """Whether a change in the midst of a copy was told; None when it came too early or too late."""
    block = rng.randbytes(1 << 20)
    with open(source, "wb") as out:
        for _ in range(BYTES >> 20):
            out.write(block)
    process = subprocess.Popen([str(word) for word in tool.copy(source, "s3://bench/object")], env=environment, stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(rng.uniform(0.2, 0.8) * duration_s)
    with open(source, "r+b") as out:
        out.seek(rng.randrange(BYTES))
        out.write(b"!")
    running = process.poll() is None
    process.wait()
    return process.returncode != 0 if running else None


def measure(bench):
    source = bench.folder / "source"
    with S3() as s3:
        if s3.why_not:
            return
        environment = {**s3.environment, **bench.home_only}
        checked([bench.program, "mb", "s3://bench"], environment)
        shares, notes = {}, []
        for tool in (isobar(), *peers()):
            trials = TRIALS if tool.name == "isobar" else TRIALS // 5
            rng = random.Random(1)
            source.write_bytes(b"x" * BYTES)
            duration_s = min(checked(tool.copy(source, "s3://bench/object"), environment).wall_s for _ in range(3))
            told = [trial(tool, source, environment, rng, duration_s) for _ in range(trials)]
            judged = [one for one in told if one is not None]
            shares[tool.name] = 100 * sum(judged) / max(1, len(judged))
            notes.append(f"{tool.name} {sum(judged)} of {len(judged)}")
        yield Row(f"a file changed while it is uploaded: told, of {TRIALS} trials", shares.pop("isobar"), 100, "%", more_is_better=True,
                  peers=shares, note="changes that came in time: " + ", ".join(notes))
