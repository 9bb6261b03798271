"""The built isobar with a home of its own, and the clock that every claim is measured by."""

import contextlib
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROGRAM = ROOT / "build/release/bin/isobar"


def process_ms(words, environment=None, accepted=(0,)):
    """Wall time of one process from spawn to its end, its output thrown away."""
    null = [(os.POSIX_SPAWN_OPEN, fd, "/dev/null", os.O_RDWR, 0) for fd in (0, 1, 2)]
    words = [str(word) for word in words]
    began = time.perf_counter()
    pid = os.posix_spawn(words[0], words, environment or os.environ, file_actions=null)
    _, status = os.waitpid(pid, 0)
    took = (time.perf_counter() - began) * 1000
    code = os.waitstatus_to_exitcode(status)
    if code not in accepted:
        raise RuntimeError(f"{' '.join(words)} ended with {code}")
    return took


def median_ms(measure, repetitions):
    """The median of so many calls, after two that warm the page cache."""
    for _ in range(2):
        measure()
    return statistics.median(measure() for _ in range(repetitions))


class Isobar(contextlib.AbstractContextManager):
    """A fresh ISOBAR_HOME; on leaving, its clusters are taken down and the folder goes."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="isobar-bench-"))
        self.home = self.folder / "home"
        self.home_only = {"ISOBAR_HOME": str(self.home), "NO_COLOR": "1"}
        self.environment = {**os.environ, **self.home_only}
        self.program = PROGRAM

    def __exit__(self, *_):
        self.run("down", "--all", "--yes")
        shutil.rmtree(self.folder)

    def run(self, *words):
        """Output of a command that must succeed."""
        done = subprocess.run([PROGRAM, *words], env=self.environment, cwd=self.folder, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"isobar {' '.join(words)}: {done.stderr}")
        return done.stdout

    def json(self, *words):
        return json.loads(self.run(*words, "-o", "json"))

    def ms(self, *words):
        return process_ms([PROGRAM, *words], self.environment)

    def first_line_ms(self, *words, line):
        """From spawn to the moment that `line` stands in the output; the command is then waited for."""
        began = time.perf_counter()
        with subprocess.Popen([PROGRAM, *words], env=self.environment, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
            seen = any(line in text for text in process.stdout)
            took = (time.perf_counter() - began) * 1000
            process.stdout.read()
        if not seen or process.returncode != 0:
            raise RuntimeError(f"isobar {' '.join(words)} ended with {process.returncode} and {'printed' if seen else 'never printed'} '{line}'")
        return took

    def launch(self, cluster):
        self.run("launch", "--yes", "--cluster", cluster, "--infra", "local", "true")

    def fill(self, cluster):
        """Takes up the whole cluster, so that every later job waits: a job takes half a CPU."""
        self.run("exec", cluster, "--num-jobs", str(2 * os.cpu_count()), "sleep 3600")

    def waiting(self, cluster):
        return sum(job["status"] == "PENDING" for job in self.json("queue", cluster, "--skip-finished"))

    def wait_until_idle(self, cluster, deadline_s):
        """Until no job is left that has not ended; returns how each of the cluster's jobs ended, {status: count}."""
        until = time.monotonic() + deadline_s
        while self.json("queue", cluster, "--skip-finished"):
            if time.monotonic() > until:
                raise RuntimeError(f"jobs of cluster {cluster} have not ended after {deadline_s} s")
            time.sleep(0.2)
        ends = {}
        for job in self.json("queue", cluster):
            ends[job["status"]] = ends.get(job["status"], 0) + 1
        return ends

    def write(self, name, text):
        path = self.folder / name
        path.write_text(text)
        return path
