"""Is what is served what a model would be trained on? A million requests while events arrive, late ones and corrections among them, all of them
made again offline from the log of events by the code that makes training sets, and compared to the bit.

Two clients ask by the Redis protocol, 16 commands ahead; one pushes rows over HTTP, 200 at a time: of payments a tenth is late, by up to ten
seconds; of orders, which have a key, a half corrects one that is there. Every answer is kept (--log-served 1).
"""

import contextlib
import datetime
import http.client
import json
import multiprocessing
import pathlib
import random
import socket
import subprocess
import time

from features.serving import free_port, running
from isobar import PROGRAM
from report import Row

REQUESTS, USERS, ORDERS, AHEAD = 1_000_000, 2_000, 20_000, 16
DEFINITION = """project: bench
entities: {user: {keys: {user_id: int64}}}
sources:
  payments: {kind: push, schema: {user_id: int64, amount: float64, at: timestamp}, timestamp: at}
  orders: {kind: push, schema: {id: int64, user_id: int64, amount: float64, at: timestamp}, timestamp: at, key: id}
views:
  spending:
    source: payments
    entity: user
    ttl: 1h
    features:
      lately: {function: sum, of: amount, windows: [5s], exact: true}
      spent: sum(amount) over 1h, 24h
      mean: mean(amount) over 1h
      last: amount
      unusual: {request: {offered: float64}, sql: offered > 3 * mean}
  ordered: {source: orders, entity: user, features: {total: sum(amount) over unbounded, most: max(amount) over 1h, newest: amount}}
services:
  all: [spending:lately, spending:spent_1h, spending:spent_24h, spending:mean, spending:last, spending:unusual, ordered:total, ordered:most, ordered:newest]
"""


def push(port, ended):
    draw = random.Random(1)
    connection = http.client.HTTPConnection("127.0.0.1", port)

    def time_of():
        late = draw.random() * 10 if draw.random() < 0.1 else 0
        return (datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=late)).isoformat()

    while not ended.is_set():
        ids = [draw.randrange(ORDERS) for _ in range(200)]
        payments = {"user_id": [draw.randrange(USERS) for _ in ids], "amount": [draw.random() for _ in ids], "at": [time_of() for _ in ids]}
        orders = {"id": ids, "user_id": [i % USERS for i in ids], "amount": [draw.random() for _ in ids], "at": [time_of() for _ in ids]}
        for source, rows in (("payments", payments), ("orders", orders)):
            connection.request("POST", "/push", json.dumps({"push_source_name": source, "df": rows}))
            answer = connection.getresponse()
            text = answer.read()
            if answer.status != 200:
                raise RuntimeError(text)


def ask(port, seed, ended):
    draw = random.Random(seed)
    with socket.create_connection(("127.0.0.1", port)) as one:
        told = one.makefile("rb")
        while not ended.is_set():
            words = b""
            for _ in range(AHEAD):
                user, offered = str(draw.randrange(USERS + 10)).encode(), str(draw.random()).encode()
                words += b"*4\r\n$6\r\nFS.GET\r\n$3\r\nall\r\n$%d\r\n%s\r\n$%d\r\n%s\r\n" % (len(user), user, len(offered), offered)
            one.sendall(words)
            for _ in range(AHEAD):
                first = told.readline()
                if not first.startswith(b"*"):
                    raise RuntimeError(first)
                for _ in range(int(first[1:])):
                    size = int(told.readline()[1:])
                    if size >= 0:
                        told.read(size + 2)


def served_log(port):
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("GET", "/status")
    status = json.loads(connection.getresponse().read())
    return status["served_log"], status["log_events"]


def measure(isobar):
    folder = pathlib.Path(isobar.folder)
    (folder / "bench.yaml").write_text(DEFINITION)
    web, redis = free_port(), free_port()
    words = [PROGRAM, "features", "serve", folder / "bench.yaml", "--data", folder / "data", "--port", web, "--redis-port", redis, "--log-served", 1]
    words += ["--log-served-bytes", "8GiB"]
    ended = multiprocessing.Event()
    clients = [multiprocessing.Process(target=push, args=(web, ended))]
    clients += [multiprocessing.Process(target=ask, args=(redis, seed, ended)) for seed in (2, 3)]
    began = time.monotonic()
    with running(words, web, redis):
        with contextlib.ExitStack() as stack:
            stack.callback(lambda: [client.join() for client in clients])
            stack.callback(ended.set)
            for client in clients:
                client.start()
            while served_log(web)[0]["written"] < REQUESTS and all(client.is_alive() for client in clients):
                time.sleep(0.5)
        kept, events = served_log(web)
    seconds = time.monotonic() - began
    checked = subprocess.run([PROGRAM, "features", "skew", "--data", folder / "data", "--json"], capture_output=True, text=True)
    told = json.loads(checked.stdout)
    differing = sum(one["mismatches"] + one["missing"] + one["extra"] for one in told["features"])
    if checked.returncode != (1 if differing else 0) or told["rows"] < REQUESTS:
        raise RuntimeError(checked.stdout + checked.stderr)
    for example in told["examples"]:
        print(example)
    took = time.monotonic() - began - seconds
    note = f"of {told['rows']:,} rows with 9 features, while {events:,} events came in {seconds:.0f} s; {kept['dropped']:,} more rows were not kept; made again in {took:.0f} s"
    yield Row("answers that differ from what is made again offline", differing, 0, "answers", note=note)
