"""A file that is rewritten while it is uploaded: whoever reports success must have stored one of the two versions, whole."""

import hashlib
import random
import subprocess
import time

from report import Row
from transfer.stores import S3, checked, isobar, peers

TRIALS = 100
BYTES = 64 << 20


def fill(source, block, mode):
    """In place and in order, as a program does that writes its output anew."""
    with open(source, mode) as out:
        for _ in range(BYTES >> 20):
            out.write(block)


def trial(tool, bench, source, environment, rng, duration_s):
    """"told", "whole" or "mixed"; None when the change came too early or too late."""
    old, new = rng.randbytes(1 << 20), rng.randbytes(1 << 20)
    fill(source, old, "wb")
    process = subprocess.Popen([str(word) for word in tool.copy(source, "s3://bench/object")], env=environment, stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(rng.uniform(0.1, 0.8) * duration_s)
    fill(source, new, "r+b")
    running = process.poll() is None
    process.wait()
    if not running:
        return None
    if process.returncode != 0:
        return "told"
    copy = bench.folder / "copy"
    checked([bench.program, "cat", "s3://bench/object"], environment, bench.folder, copy)
    versions = {hashlib.sha256(block * (BYTES >> 20)).digest() for block in (old, new)}
    return "whole" if hashlib.sha256(copy.read_bytes()).digest() in versions else "mixed"


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
            ends = [trial(tool, bench, source, environment, rng, duration_s) for _ in range(trials)]
            judged = [end for end in ends if end]
            shares[tool.name] = 100 * (1 - judged.count("mixed") / max(1, len(judged)))
            notes.append(f"{tool.name} {judged.count('told')} told, {judged.count('whole')} whole, {judged.count('mixed')} mixed")
        yield Row(f"a file rewritten while it is uploaded, {TRIALS} trials: told, or one version whole", shares.pop("isobar"), 100, "%", more_is_better=True,
                  peers=shares, note="rewritten in time: " + ", ".join(notes))
