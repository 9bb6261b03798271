"""How fast are the featurizers beside statsmodels, and how good are their forecasts?

Both fit the same made-up series, on one thread. The forecasts are of every twelfth of the windows of 48 hours of NAB's series of 330 hours,
24 hours ahead, by both; their errors are summed as |forecast - value| over the mean step of the series, each capped at 1000.
"""

import json
import os
import subprocess
import sys

from features import nab
from isobar import ROOT
from report import Row

BENCH = ROOT / "build/bench/src/features/featurizer"
FOLDER = ROOT / "build/bench-statsmodels"
HOURS, WINDOW, PERIOD, EACH = 330, 48, 24, 12
PEER = r"""
import json, sys, time, warnings
import numpy
from statsmodels.tsa.arima.model import ARIMA
from statsmodels.tsa.forecasting.stl import STLForecast
from statsmodels.tsa.stl._stl import STL
warnings.simplefilter("ignore")

def seconds(call, least=0.5):
    call()
    began, calls = time.perf_counter(), 0
    while calls < 3 or time.perf_counter() - began < least:
        call()
        calls += 1
    return (time.perf_counter() - began) / calls

def forecast(window, period):
    return STLForecast(window, ARIMA, model_kwargs={"order": (1, 1, 0), "trend": "t"}, period=period).fit().forecast(period)

def series(points, period):
    return numpy.sin(2 * numpy.pi * numpy.arange(points) / period) + numpy.random.default_rng(1).random(points)

windows = json.load(sys.stdin)
told = {"stl": {f"{n}/{p}": seconds(lambda: STL(series(n, p), p).fit()) for n, p in ((48, 24), (330, 24), (864, 288))}}
told["fit"] = seconds(lambda: forecast(series(48, 24), 24))
told["forecasts"] = [list(forecast(numpy.array(window), 24)) for window in windows]
print(json.dumps(told))
"""


def statsmodels_version():
    python = FOLDER / "bin/python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", FOLDER], check=True)
        subprocess.run([FOLDER / "bin/pip", "install", "-q", "statsmodels"], check=True)
    asked = subprocess.run([python, "-c", "import statsmodels; print(statsmodels.__version__)"], check=True, capture_output=True, text=True)
    return asked.stdout.strip()


def ask_peer(windows):
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run([FOLDER / "bin/python", "-c", PEER], input=json.dumps(windows), env=environment, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def ask_ours(windows):
    lines = "".join(f"{PERIOD} {' '.join(map(repr, window))}\n" for window in windows)
    done = subprocess.run([BENCH / "features_fit_windows"], input=lines, check=True, capture_output=True, text=True)
    return [list(map(float, line.split())) for line in done.stdout.splitlines()]


def windows_of(data):
    """Each with what came after it, and the mean step of its series."""
    cases, at = [], 0
    for series in nab.all_hourly(data, HOURS) if data else []:
        scale = sum(abs(b - a) for a, b in zip(series, series[1:])) / (len(series) - 1) or 1
        for end in range(WINDOW, HOURS - PERIOD):
            if at % EACH == 0:
                cases.append((series[end - WINDOW : end], series[end : end + PERIOD], scale))
            at += 1
    return cases


def total_error(forecasts, cases):
    return sum(min(abs(f - v) / scale, 1000) for forecast, (_, values, scale) in zip(forecasts, cases) for f, v in zip(forecast, values))


def measure(_):
    peer = f"statsmodels {statsmodels_version()}"
    cases = windows_of(nab.folder())
    windows = [window for window, _, _ in cases]
    theirs = ask_peer(windows)
    told = subprocess.run([BENCH / "features_featurizer_bench", "--benchmark_format=json"], check=True, capture_output=True, text=True).stdout
    ours = {run["name"]: run["cpu_time"] / 1e9 for run in json.loads(told)["benchmarks"]}
    for shape, took in theirs["stl"].items():
        own = ours[f"DecomposeByStl/{shape}"]
        yield Row(f"STL of {shape.replace('/', ' points, period ')}", took / own, 20, "× as fast", more_is_better=True, peer=peer, note=f"{1e6 * own:.3g} µs beside {1e6 * took:.4g} µs")
    own = ours["FitForecaster/stl_arima/48/24"]
    yield Row("STL and ARIMA(1,1,0) of 48 points", theirs["fit"] / own, 200, "× as fast", more_is_better=True, peer=peer, note=f"{1e6 * own:.3g} µs beside {1e3 * theirs['fit']:.4g} ms")
    if cases:
        mine, other = total_error(ask_ours(windows), cases), total_error(theirs["forecasts"], cases)
        yield Row("total error of forecasts over NAB, of statsmodels'", 100 * mine / other, 101, "%", peer=peer, note=f"{len(cases)} fits, {PERIOD} steps each: {mine:.6g} beside {other:.6g}")
