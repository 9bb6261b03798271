"""The real series of the Numenta Anomaly Benchmark, from a folder that is at hand (https://github.com/numenta/NAB; no copy is fetched)."""

import csv
import datetime
import os
import pathlib
import sys


def folder():
    """Where ISOBAR_NAB says that NAB's data folder is; None, and why on standard error, where it does not."""
    named = os.environ.get("ISOBAR_NAB")
    if named and pathlib.Path(named, "realKnownCause/nyc_taxi.csv").exists():
        return pathlib.Path(named)
    print("features: left out, as ISOBAR_NAB names no data folder of NAB; set it to one that holds realKnownCause/nyc_taxi.csv", file=sys.stderr)
    return None


def hourly(path, hours):
    """Means of the hours since the first row, gaps with the value before; None where the series is shorter."""
    with open(path) as file:
        rows = sorted((datetime.datetime.fromisoformat(row["timestamp"]), float(row["value"])) for row in csv.DictReader(file))
    began, means = rows[0][0], {}
    for time, value in rows:
        means.setdefault(int((time - began).total_seconds() // 3600), []).append(value)
    if max(means) < hours - 1:
        return None
    series = []
    for hour in range(hours):
        series.append(sum(means[hour]) / len(means[hour]) if hour in means else series[-1])
    return series


def all_hourly(data, hours):
    series = (hourly(path, hours) for path in sorted(data.glob("real*/*.csv")))
    return [values for values in series if values is not None]
