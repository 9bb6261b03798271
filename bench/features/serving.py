"""How fast are features read, beside Redis 7 by the same client, and beside Feast's own server by the same client?

All of it on this machine, clients included, ours on one thread. The view has 50 features of float64 and 10,000 keys. Redis has the same
hashes; both are read by redis-benchmark, HMGET of 10 fields of a random key. Feast's server (PyPI, one worker) has its rows in that Redis;
it and ours are asked over HTTP by wrk for 50 features of 1 and of 100 keys. Needs redis-server, redis-tools and wrk.
"""

import contextlib
import csv
import datetime
import functools
import http.client
import io
import json
import os
import pathlib
import re
import shutil
import socket
import statistics
import subprocess
import sys
import time

from isobar import PROGRAM, ROOT
from report import Row

FEAST = ROOT / "build/bench-feast"
KEYS, FEATURES, CLIENTS, COMMANDS = 10_000, 50, 50, 300_000
NAMES = [f"f{i}" for i in range(FEATURES)]
DEFINITION = f"""project: bench
entities: {{driver: {{keys: {{driver: int64}}}}}}
sources:
  rows: {{kind: push, schema: {{driver: int64, at: timestamp, {', '.join(f'{name}: float64' for name in NAMES)}}}, timestamp: at}}
views:
  stats: {{source: rows, entity: driver, features: {{{', '.join(f'{name}: ' for name in NAMES)}}}}}
"""
FEAST_SERVER = r"""
import datetime, pathlib, sys
import pandas
from feast import Entity, FeatureStore, FeatureView, Field, FileSource, RepoConfig, ValueType
from feast.types import Float64, Int64
folder, redis_port, port, keys, features = pathlib.Path(sys.argv[1]), *map(int, sys.argv[2:])
now = datetime.datetime.now(datetime.timezone.utc)
names = [f"f{i}" for i in range(features)]
store = FeatureStore(config=RepoConfig(project="bench", provider="local", registry=str(folder / "registry.db"), entity_key_serialization_version=3,
                                       online_store={"type": "redis", "connection_string": f"127.0.0.1:{redis_port}"}))
driver = Entity(name="driver", join_keys=["driver"], value_type=ValueType.INT64)
files = FileSource(name="files", path=str(folder / "none.parquet"), timestamp_field="at")
store.apply([driver, FeatureView(name="stats", entities=[driver], source=files,
                                 schema=[Field(name="driver", dtype=Int64)] + [Field(name=name, dtype=Float64) for name in names])])
store.write_to_online_store("stats", pandas.DataFrame({"driver": range(keys), "at": [now] * keys} |
                                                      {name: [k + i / 100 for k in range(keys)] for i, name in enumerate(names)}))
store.serve(host="127.0.0.1", port=port, type_="http", no_access_log=True, workers=1, worker_connections=1000, max_requests=0,
            max_requests_jitter=0, keep_alive_timeout=60, registry_ttl_sec=60, tls_key_path="", tls_cert_path="", metrics=False)
"""
POST = """wrk.method, wrk.path, wrk.headers["Content-Type"] = "POST", "/get-online-features", "application/json"
local bodies, at = {{}}, 0
for i = 1, 64 do
  local keys = {{}}
  for j = 1, {rows} do keys[j] = (i * 7919 + j * 104729) % {keys} end
  bodies[i] = '{{"features":[{features}],"entities":{{"driver":[' .. table.concat(keys, ",") .. ']}}}}'
end
request = function() at = at % 64 + 1; return wrk.format(nil, nil, nil, bodies[at]) end
"""


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def wait_for(port, process, patience=120):
    until = time.monotonic() + patience
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.1)
    raise RuntimeError(f"{process.args[0]} does not listen on {port}")


@contextlib.contextmanager
def running(words, *ports, **options):
    with subprocess.Popen(list(map(str, words)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True, **options) as process:
        try:
            for port in ports:
                wait_for(port, process)
            yield
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, 15)
            process.wait(30)


@contextlib.contextmanager
def ours(folder):
    definition = folder / "bench.yaml"
    definition.write_text(DEFINITION)
    web, redis = free_port(), free_port()
    words = [PROGRAM, "features", "serve", definition, "--data", folder / "data", "--port", web, "--redis-port", redis, "--threads", 1]
    with running(words, web, redis):
        connection = http.client.HTTPConnection("127.0.0.1", web)
        at = datetime.datetime.now(datetime.timezone.utc).isoformat()
        for first in range(0, KEYS, 1000):
            keys = range(first, first + 1000)
            rows = {"driver": list(keys), "at": [at] * 1000} | {name: [k + i / 100 for k in keys] for i, name in enumerate(NAMES)}
            connection.request("POST", "/push", json.dumps({"push_source_name": "rows", "df": rows}))
            answer = connection.getresponse()
            text = answer.read()
            if answer.status != 200:
                raise RuntimeError(text)
        yield web, redis


@contextlib.contextmanager
def redis_server(folder):
    port = free_port()
    with running(["redis-server", "--port", port, "--save", "", "--appendonly", "no", "--dir", folder], port):
        commands = io.BytesIO()
        for key in range(KEYS):
            words = ["HSET", f"stats:{key:012}"] + [word for i, name in enumerate(NAMES) for word in (name, str(key + i / 100))]
            commands.write(f"*{len(words)}\r\n".encode() + b"".join(f"${len(word)}\r\n{word}\r\n".encode() for word in words))
        subprocess.run(["redis-cli", "-p", str(port), "--pipe"], input=commands.getvalue(), check=True, capture_output=True)
        yield port


def hmget(port, pipelined):
    """Commands a second, and their 99th percentile in ms, of redis-benchmark."""
    words = ["redis-benchmark", "-p", port, "-n", COMMANDS, "-c", CLIENTS, "-P", pipelined, "-r", KEYS, "--csv", "HMGET", "stats:__rand_int__", *NAMES[:10]]
    told = subprocess.run(list(map(str, words)), check=True, capture_output=True, text=True).stdout
    table = list(csv.DictReader(told[told.index('"test"'):].splitlines()))
    return float(table[0]["rps"]), float(table[0]["p99_latency_ms"])


def wrk(port, rows, folder, connections, seconds=8):
    """Requests a second, and their 99th percentile in ms, of wrk."""
    script = folder / f"post-{rows}.lua"
    script.write_text(POST.format(rows=rows, keys=KEYS, features=",".join(f'"stats:{name}"' for name in NAMES)))
    words = ["wrk", "-t", "1", "-c", str(connections), "-d", f"{seconds}s", "--latency", "-s", script, f"http://127.0.0.1:{port}"]
    told = subprocess.run(words, check=True, capture_output=True, text=True).stdout
    if "Non-2xx" in told:
        raise RuntimeError(told)
    number, unit = re.search(r"99%\s+([0-9.]+)(us|ms|s)", told).groups()
    return float(re.search(r"Requests/sec:\s+([0-9.]+)", told)[1]), float(number) * {"us": 0.001, "ms": 1, "s": 1000}[unit]


@functools.cache
def feast_version():
    python = FEAST / "bin/python"
    asked = [python, "-c", "import importlib.metadata, redis; print(importlib.metadata.version('feast'))"]
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", FEAST], check=True)
    if subprocess.run(asked, capture_output=True).returncode != 0:
        subprocess.run([FEAST / "bin/pip", "install", "-q", "feast[redis]==0.66.*"], stderr=subprocess.DEVNULL)
    found = subprocess.run(asked, capture_output=True, text=True)
    return found.stdout.strip() if found.returncode == 0 else None


def of_feast(folder, redis_port):
    """By rows of a request: what wrk sees of Feast's server; none where it cannot be had."""
    if feast_version() is None:
        return None
    port = free_port()
    words = [FEAST / "bin/python", "-c", FEAST_SERVER, folder, redis_port, port, KEYS, FEATURES]
    with running(words, port, env={**os.environ, "FEAST_USAGE": "False"}):
        wrk(port, 1, folder, 4, 2)
        return {rows: wrk(port, rows, folder, 4) for rows in (1, 100)}


def push_ms(port, pushes=300):
    """How long single rows take until they are durable and seen by readers."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    took = []
    for i in range(pushes):
        at = datetime.datetime.now(datetime.timezone.utc).isoformat()
        began = time.perf_counter()
        connection.request("POST", "/push", json.dumps({"push_source_name": "rows", "df": {"driver": [i], "at": [at], "f0": [i + 0.5]}}))
        connection.getresponse().read()
        connection.request("POST", "/get-online-features", json.dumps({"features": ["stats:f0"], "entities": {"driver": [i]}}))
        answer = json.loads(connection.getresponse().read())
        took.append(1000 * (time.perf_counter() - began))
        if answer["results"][1]["values"] != [i + 0.5]:
            raise RuntimeError(f"push {i} was acknowledged and is not seen")
    return statistics.quantiles(took, n=100)[98]


def measure(isobar):
    for tool in ("redis-server", "redis-benchmark", "wrk"):
        if shutil.which(tool) is None:
            return print(f"{tool} is not there: apt-get install redis-server redis-tools wrk")
    folder = pathlib.Path(isobar.folder)
    with redis_server(folder) as redis_port, ours(folder) as (web, own_port):
        for pipelined in (1, 16):
            for port in (redis_port, own_port):
                hmget(port, pipelined)
            (theirs, their_p99), (own, own_p99) = hmget(redis_port, pipelined), hmget(own_port, pipelined)
            if pipelined == 1:
                hmget_rate = theirs
            how = f"HMGET of 10 features, {CLIENTS} clients, {pipelined} ahead"
            yield Row(how, own, theirs, "commands/s", more_is_better=True, peer="Redis 7", peer_measured=theirs)
            yield Row(f"{how}: p99", own_p99, their_p99, "ms", peer="Redis 7", peer_measured=their_p99)
        mine = {rows: wrk(web, rows, folder, 4) for rows in (1, 100)}
        feast = of_feast(folder, redis_port)
        name = f"Feast {feast_version()}" if feast else "Feast cannot be installed here"
        for rows, (rate, p99) in mine.items():
            what = f"HTTP get-online-features of {rows} × {FEATURES}"
            beside = feast[rows] if feast else (0, 0)
            yield Row(what, rate, 20 * beside[0], "requests/s", more_is_better=True, peer=name, peer_measured=beside[0] or None, note="4 connections")
            yield Row(f"{what}: p99", p99, 10 if rows == 100 else 1, "ms", peer=name, peer_measured=beside[1] or None)
        yield Row("HTTP of 1 × 50, of Redis' HMGET of 10", mine[1][0] / hmget_rate, 0.5, "×", more_is_better=True)
        yield Row("a pushed row, until it is durable and read: p99", push_ms(web), 60, "ms", note="of 300, one after another")
