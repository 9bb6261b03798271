"""An upload that is killed with SIGKILL at any moment and run again: what is sent twice, and what is left behind."""

import hashlib
import json
import random
import signal
import socket
import statistics
import subprocess
import threading
import time

from report import Row
from transfer.stores import S3, checked, environment_for, isobar

TRIALS = 100
BYTES, SMALL_FILES = 64 << 20, 50
PART_MIB, MEMORY_MIB, RATE_MB_S = 5, 20, 100
# What is under way, and what was done since the journal was last made durable: it gathers records for 0.2 s.
WINDOW_MIB = round(MEMORY_MIB + 0.2 * RATE_MB_S * 1e6 / 2**20)


class Meter:
    """A relay before the store that counts what clients send."""

    def __init__(self, endpoint):
        host, port = endpoint.removeprefix("http://").split(":")
        self.to, self.sent, self.lock = (host, int(port)), 0, threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.endpoint = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            client, _ = self.listener.accept()
            server = socket.create_connection(self.to)
            for one, other, counts in ((client, server, True), (server, client, False)):
                threading.Thread(target=self.relay, args=(one, other, counts), daemon=True).start()

    def relay(self, one, other, counts):
        try:
            while piece := one.recv(1 << 18):
                if counts:
                    with self.lock:
                        self.sent += len(piece)
                other.sendall(piece)
        except OSError:
            pass
        for end in (one, other):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def measure(bench):
    source = bench.folder / "source"
    source.mkdir()
    rng = random.Random(1)
    with open(source / "large", "wb") as out:
        out.write(rng.randbytes(BYTES))
    for number in range(SMALL_FILES):
        (source / f"small-{number}").write_bytes(rng.randbytes(20_000))
    whole = BYTES + SMALL_FILES * 20_000
    expected = hashlib.sha256((source / "large").read_bytes()).hexdigest()
    with S3() as s3:
        if s3.why_not:
            return
        meter = Meter(s3.endpoint)
        environment = {**environment_for(meter.endpoint, s3.environment["AWS_ACCESS_KEY_ID"], s3.environment["AWS_SECRET_ACCESS_KEY"]),
                       **bench.home_only}
        checked([bench.program, "mb", "s3://bench"], environment)
        words = [bench.program, "cp", "-q", "-r", "--part-size", f"{PART_MIB}MiB", "--memory", f"{MEMORY_MIB}MiB", "--bwlimit", f"{RATE_MB_S}MB/s"]
        again, wrong, left, kills = [], 0, 0, 0
        for number in range(TRIALS):
            place = f"s3://bench/{number}"
            manifest = bench.folder / f"manifest-{number}"
            command = [str(word) for word in (*words, "--manifest", manifest, source, place)]
            before = meter.sent
            process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(rng.uniform(0.02, 0.75))
            kills += process.poll() is None
            process.send_signal(signal.SIGKILL)
            process.wait()
            checked(command, environment, bench.folder)
            again.append(max(0, meter.sent - before - whole) / 2**20)
            copy = bench.folder / "copy"
            checked([bench.program, "cat", f"{place}/large"], environment, bench.folder, copy)
            names = {json.loads(text)["source"] for text in manifest.read_text().splitlines()}
            wrong += hashlib.sha256(copy.read_bytes()).hexdigest() != expected or len(names) != SMALL_FILES + 1
            left += bool(subprocess.run([bench.program, "ls", "--uploads", "s3://bench/"], env=environment, capture_output=True, text=True).stdout.strip())
            checked([bench.program, "rm", "-r", "-y", place], environment)
        yield Row(f"uploads killed at random, {TRIALS} trials: sent twice at most", max(again), WINDOW_MIB, "MiB",
                  note=f"median {statistics.median(again):.1f} MiB of {whole >> 20}, headers included; {kills} were killed before their end; "
                       f"memory for what is under way {MEMORY_MIB} MiB, and 0.2 s of {RATE_MB_S} MB/s that the journal gathers")
        yield Row("the same: objects or manifests that are not as without the kill", wrong, 0, "trials")
        yield Row("the same: unfinished uploads left behind", left, 0, "trials")
