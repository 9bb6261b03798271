#!/usr/bin/env python3
"""What does a training set cost, and is it what DuckDB's ASOF join gives, row for row?

    bench/features/training.py FLIGHTS       FLIGHTS: data/flights-3m.parquet of the npm package vega-datasets 3.2.1
                                             so does `./dev bench features/training` with ISOBAR_FLIGHTS set to it

The history is three million flights of 2001, each with a time of its own (its minute, and its number in microseconds, as ASOF joins do not say
which of two it takes). A million rows ask, at a random instant of half a year, for two airports of two random flights: the last flight from the
one, to the other, and between both within seven days. Parquet in and out; isobar has one core, and so has DuckDB.
"""

import os
import pathlib
import resource
import subprocess
import sys
import tempfile
import time

if __name__ == "__main__":
    sys.dont_write_bytecode = True
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from isobar import PROGRAM
from report import Row

DEFINITION = """project: flights
entities:
  origin: {keys: {origin: string}}
  destination: {keys: {destination: string}}
sources:
  flights: {kind: file, path: FOLDER/flights.parquet, schema: {flown: timestamp, origin: string, destination: string, delay: int32, distance: int32}, timestamp: flown}
views:
  from_here: {source: flights, entity: origin, features: {delay:, distance:}}
  to_here: {source: flights, entity: destination, features: {delay_to: delay}}
  between: {source: flights, entities: [origin, destination], ttl: 7d, features: {delay_between: delay}}
  lately: {source: flights, entity: origin, features: {late: "mean(delay) over 1h, 24h", flights: count(*) over 24h}}
"""
HISTORY = """copy (select date + to_microseconds(row_number() over ()) as flown, origin, destination, delay::int as delay, distance::int as distance
              from '{flights}') to '{folder}/flights.parquet' (format parquet)"""
ROWS = """copy (select i as id, o.origin, d.destination, timestamp '2001-01-01' + to_seconds((hash(i, 3) % (86400 * 180))::bigint) as event_timestamp
          from range(1000000) t(i)
          join (select row_number() over () as n, origin from '{folder}/flights.parquet') o on o.n = hash(i, 1) % 3000000 + 1
          join (select row_number() over () as n, destination from '{folder}/flights.parquet') d on d.n = hash(i, 2) % 3000000 + 1
          order by i) to '{folder}/rows.parquet' (format parquet)"""
THEIRS = """copy (select r.id, r.origin, r.destination, r.event_timestamp, a.delay, a.distance, b.delay as delay_to,
                         case when r.event_timestamp - c.flown <= interval 7 day then c.delay end as delay_between
            from '{folder}/rows.parquet' r
            asof left join '{folder}/flights.parquet' a on a.origin = r.origin and a.flown <= r.event_timestamp
            asof left join '{folder}/flights.parquet' b on b.destination = r.destination and b.flown <= r.event_timestamp
            asof left join '{folder}/flights.parquet' c on c.origin = r.origin and c.destination = r.destination and c.flown <= r.event_timestamp
            order by r.id) to '{folder}/theirs.parquet' (format parquet)"""
DIFFERENT = """select count(*) from (select *, row_number() over () as n from '{folder}/ours.parquet') o
               full join (select *, row_number() over () as n from '{folder}/theirs.parquet') t on o.n = t.n
               where o.id is distinct from t.id or o.delay is distinct from t.delay or o.distance is distinct from t.distance
                  or o.delay_to is distinct from t.delay_to or o.delay_between is distinct from t.delay_between"""


def join(folder, features, out, *more):
    """CPU seconds and the most memory in MiB of one run."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    words = ["features", "training-set", f"{folder}/flights.yaml", "--features", features, "--entities", f"{folder}/rows.parquet", "--out", f"{folder}/{out}", *more]
    # The shell's limit of one core holds for all that DuckDB's library would start.
    told = subprocess.run(["taskset", "-c", "0", "/usr/bin/env", "python3", "-c", MEASURED, PROGRAM, *words], check=True, capture_output=True, text=True).stdout
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, int(told) / 1024


MEASURED = """import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stderr=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"""


def rows_of(flights, folder):
    try:
        import duckdb
    except ImportError:
        print("features: training sets are left out; install DuckDB by: pip install duckdb", file=sys.stderr)
        return
    database = duckdb.connect()
    database.execute("set threads = 1")
    pathlib.Path(folder, "flights.yaml").write_text(DEFINITION.replace("FOLDER", str(folder)))
    database.execute(HISTORY.format(flights=flights, folder=folder))
    database.execute(ROWS.format(folder=folder))
    seconds, memory = join(folder, "delay,distance,delay_to,delay_between", "ours.parquet")
    began = time.process_time()
    database.execute(THEIRS.format(folder=folder))
    theirs = time.process_time() - began
    different = database.execute(DIFFERENT.format(folder=folder)).fetchone()[0]
    peer = f"DuckDB {duckdb.__version__}, ASOF"
    yield Row("a million rows, three views over three million flights, Parquet to Parquet", 1 / seconds, 1, "M rows/s/core", more_is_better=True, peer=peer, peer_measured=1 / theirs, note=f"{seconds:.1f} s of CPU beside {theirs:.1f} s; {3 / seconds:.2g} M rows joined with a view each second")
    yield Row("the same, memory", memory, 512, "MiB", note="the library that reads Parquet among it")
    yield Row("the same, rows that differ from the peer's", different, 0, "rows", peer=f"DuckDB {duckdb.__version__}, ASOF")
    windows, memory = join(folder, "late_1h,late_24h,flights", "windows.parquet")
    yield Row("a million rows, means of an hour and a day and a count of a day", 1 / windows, 0.1, "M rows/s/core", more_is_better=True, note=f"{windows:.1f} s of CPU, {memory:.0f} MiB; by the code that serves")


def measure(_):
    flights = os.environ.get("ISOBAR_FLIGHTS")
    if not flights or not pathlib.Path(flights).exists():
        print("features: training sets are left out, as ISOBAR_FLIGHTS names no flights-3m.parquet (npm package vega-datasets 3.2.1)", file=sys.stderr)
        return
    with tempfile.TemporaryDirectory() as folder:
        yield from rows_of(flights, folder)


if __name__ == "__main__":
    os.environ["ISOBAR_FLIGHTS"] = sys.argv[1]
    for row in measure(None):
        print(row)
