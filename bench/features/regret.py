#!/usr/bin/env python3
"""How much error does each scheduling policy leave with each budget, on real series and on real ratings?

    bench/features/regret.py NAB_DATA_FOLDER     prints every policy; so does `./dev bench features/regret` with ISOBAR_NAB set to it

NAB: the 45 of 47 real series that reach over 330 hours, hourly, from their starts; a row is the forecast of STL and ARIMA(1,1,0) with a
drift from the last 48 hours, the error |forecast - value| over the mean step of the series. MovieLens latest-small: 100,004 ratings of 671
users, as r-cran-dslabs of Debian has them; a row is the ridge vector of a user. All is `isobar features simulate`.
"""

import json
import pathlib
import subprocess
import sys
import tempfile

if __name__ == "__main__":
    sys.dont_write_bytecode = True
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from features import nab
from isobar import PROGRAM
from report import Row

NAB = ["--for", "330h", "--policies", "all", "--budgets", "0.05,0.125,0.25,0.5,1,2,4"]
MOVIELENS = ["--featurizer", "ridge", "--policies", "all", "--budgets", "0.05,0.1,0.25,0.5"]
EXPORT = """suppressPackageStartupMessages(library(dslabs))
rows <- movielens[order(movielens$timestamp), ]
write.csv(data.frame(key = rows$userId, time = rows$timestamp, value = rows$rating, item = rows$movieId), commandArgs(TRUE)[1], row.names = FALSE, quote = FALSE)
"""


def run(*words):
    return subprocess.run([PROGRAM, "features", "simulate", *map(str, words)], check=True, capture_output=True, text=True).stdout


def simulate(*words):
    simulation = json.loads(run(*words, "--json"))
    errors = {curve["policy"]: {point["budget"]: point["error"] for point in curve["points"]} for curve in simulation["curves"]}
    return simulation, errors


def export_movielens(folder):
    file = pathlib.Path(folder, "movielens.csv")
    try:
        subprocess.run(["Rscript", "-e", EXPORT, file], check=True, capture_output=True)
    except (FileNotFoundError, subprocess.CalledProcessError):
        print("features: MovieLens is left out; install it by: apt-get install r-base-core r-cran-dslabs", file=sys.stderr)
        return None
    return file


def all_policies(errors, budget):
    return ", ".join(f"{policy} {by_budget[budget]:.4g}" for policy, by_budget in errors.items())


def percent_below(errors, other, budget):
    return 100 * (1 - errors["regret"][budget] / errors[other][budget])


def nab_rows(data, queries):
    simulation, errors = simulate(data, *NAB, "--queries", queries)
    what = f"NAB, {queries} queries"
    bounds = f"never refreshed {simulation['never']:.4g}, always fresh {simulation['always']:.4g}"
    for budget in (0.25, 0.5):
        note = f"{bounds}; {all_policies(errors, budget)}"
        yield Row(f"{what}: error of regret below round-robin's, b={budget}", percent_below(errors, "round-robin", budget), 30, "%", more_is_better=True, note=note)
        yield Row(f"{what}: error of regret below fifo's, b={budget}", percent_below(errors, "fifo", budget), 60, "%", more_is_better=True)
    worst = max((errors["regret"][b] / errors["round-robin"][2 * b], b) for b in (0.25, 0.5, 1, 2))
    yield Row(f"{what}: error of regret with b, of round-robin's with 2b, at most", 100 * worst[0], 100, "%", note=f"b=0.25, 0.5, 1, 2; the worst is b={worst[1]}")


def movielens_rows(file):
    simulation, errors = simulate(file, *MOVIELENS)
    for budget in (0.1, 0.25):
        regret, other, best = errors["regret"][budget], errors["round-robin"][budget], min((by[budget], policy) for policy, by in errors.items() if not policy.startswith("regret"))
        note = f"never refreshed {simulation['never']:.4g}, always fresh {simulation['always']:.4g}; {all_policies(errors, budget)}"
        reach = 100 * (other - best[0]) / (other - simulation["always"])
        yield Row(f"MovieLens: excess of round-robin that regret removes, b={budget}", 100 * (other - regret) / (other - simulation["always"]), 50, "%", more_is_better=True, note=f"the best simple policy, {best[1]}, removes {reach:.0f} %; {note}")
        yield Row(f"MovieLens: error of regret above the best simple policy's, b={budget}", 100 * (regret / best[0] - 1), 2, "%", note=f"which is {best[1]}")


def measure(isobar):
    data = nab.folder()
    if data is not None:
        for queries in ("uniform", "zipf"):
            yield from nab_rows(data, queries)
    file = export_movielens(isobar.folder)
    if file is not None:
        yield from movielens_rows(file)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    for queries in ("uniform", "zipf"):
        print(f"NAB, {queries} queries\n{run(sys.argv[1], *NAB, '--queries', queries)}")
    with tempfile.TemporaryDirectory() as folder:
        file = export_movielens(folder)
        if file is not None:
            print(f"MovieLens\n{run(file, *MOVIELENS)}")


if __name__ == "__main__":
    main()
