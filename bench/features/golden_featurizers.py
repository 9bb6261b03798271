#!/usr/bin/env python3
"""Writes what the tests of src/features/featurizer compare with: STL, ARIMA and Holt-Winters of statsmodels on real series.

    python3 -m venv VENV && VENV/bin/pip install statsmodels
    VENV/bin/python bench/features/golden_featurizers.py NAB_DATA_FOLDER

The series are of the Numenta Anomaly Benchmark (MIT licence; see examples/features/nab). The versions that made the files stand in them.
"""

import pathlib
import sys
import warnings

import numpy
import statsmodels
from statsmodels.tsa.arima.model import ARIMA
from statsmodels.tsa.holtwinters import ExponentialSmoothing
from statsmodels.tsa.stl._stl import STL

GOLDEN = pathlib.Path(__file__).resolve().parents[2] / "src/features/featurizer/golden"
# name: file, first row, rows, points of a season
SERIES = {
    "taxi": ("realKnownCause/nyc_taxi.csv", 400, 240, 48),
    "cpu": ("realAWSCloudwatch/ec2_cpu_utilization_24ae8d.csv", 0, 620, 288),
    "temperature": ("realKnownCause/ambient_temperature_system_failure.csv", 0, 48, 24),
    "clicks": ("realAdExchange/exchange-2_cpc_results.csv", 100, 131, 24),
    "network": ("realAWSCloudwatch/ec2_network_in_257a54.csv", 500, 100, 11),
}
STL_RUNS = [
    ("taxi", {}),
    ("cpu", {}),
    ("temperature", {}),
    ("clicks", {}),
    ("network", {}),
    ("taxi", {"robust": True}),
    ("clicks", {"robust": True, "seasonal": 13, "trend": 201}),
    ("clicks", {"seasonal_jump": 2, "trend_jump": 5, "low_pass_jump": 3}),
    ("clicks", {"seasonal_deg": 0, "trend_deg": 0, "low_pass_deg": 0}),
    ("network", {"robust": True, "trend_jump": 7, "inner_iter": 3, "outer_iter": 4}),
]


def read(folder, name):
    file, first, rows, period = SERIES[name]
    lines = (folder / file).read_text().splitlines()[1 + first : 1 + first + rows]
    return numpy.array([float(line.split(",")[1]) for line in lines]), period


def row(values):
    return " ".join(f"{value:.17g}" for value in values)


def head(out, what):
    out.write(f"# {what}. Made by bench/features/golden_featurizers.py with statsmodels {statsmodels.__version__}, numpy {numpy.__version__}.\n")
    out.write("# The series are of the Numenta Anomaly Benchmark, MIT licence, Copyright 2014-2024 Numenta Inc.\n")


def write_series(folder):
    with open(GOLDEN / "series.txt", "w") as out:
        head(out, "name, period, values")
        for name in SERIES:
            values, period = read(folder, name)
            out.write(f"{name} {period} {row(values)}\n")


def write_stl(folder):
    with open(GOLDEN / "stl.txt", "w") as out:
        head(out, "name and settings; then the seasonal part, the trend and the weights, a line each")
        for name, settings in STL_RUNS:
            values, period = read(folder, name)
            loops = {key: settings[key] for key in ("inner_iter", "outer_iter") if key in settings}
            result = STL(values, period, **{key: value for key, value in settings.items() if key not in loops}).fit(**loops)
            out.write(" ".join([name] + [f"{key}={int(value)}" for key, value in settings.items()]) + "\n")
            out.write(f"{row(result.seasonal)}\n{row(result.trend)}\n{row(result.weights)}\n")


def write_arima(folder):
    """The differences as ARIMA(1,0,0) with a mean: the exact likelihood, with no diffuse start that would blur the comparison."""
    with open(GOLDEN / "arima.txt", "w") as out:
        head(out, "name, mean of the differences, autoregression, variance, log likelihood, and the differences 1 to 5 steps ahead")
        for name in SERIES:
            values, _ = read(folder, name)
            steps = numpy.diff(values)
            scale = steps.std()  # large numbers end the search too early
            fit = ARIMA(steps / scale, order=(1, 0, 0), trend="c").fit(method_kwargs={"maxiter": 500, "pgtol": 1e-12, "factr": 1.0})
            mean, phi, variance = fit.params
            likelihood = fit.llf - len(steps) * numpy.log(scale)
            out.write(f"{name} {row([mean * scale, phi, variance * scale**2, likelihood])} {row(fit.forecast(5) * scale)}\n")


def write_ets(folder):
    with open(GOLDEN / "ets.txt", "w") as out:
        head(out, "name, alpha, beta, gamma; at those rates: squared error, level, slope, forecasts 1 to 5 steps ahead; the least squared error found")
        for name in SERIES:
            values, period = read(folder, name)
            level, second = values[:period].mean(), values[period : 2 * period].mean()
            start = dict(initialization_method="known", initial_level=level, initial_trend=(second - level) / period, initial_seasonal=values[:period] - level)
            rates = dict(smoothing_level=0.3, smoothing_trend=0.05, smoothing_seasonal=0.2)
            model = ExponentialSmoothing(values, trend="add", seasonal="add", seasonal_periods=period, **start)
            fixed, best = model.fit(optimized=False, **rates), model.fit()
            out.write(f"{name} {row(rates.values())} {row([fixed.sse, fixed.level[-1], fixed.trend[-1]])} {row(fixed.forecast(5))} {row([best.sse])}\n")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    warnings.simplefilter("ignore")
    for write in (write_series, write_stl, write_arima, write_ets):
        write(pathlib.Path(sys.argv[1]))
