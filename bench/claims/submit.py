"""How fast are jobs taken in, and do all of them finish? In one request, and each by a process of its own."""

import subprocess
import time

from isobar import PROGRAM
from report import Row

JOBS, CLIENTS = 1000, 4


def in_one_request(isobar):
    isobar.run("exec", "many", "--num-jobs", str(JOBS), "true")


def one_by_one(isobar):
    subprocess.run(["xargs", "-P", str(CLIENTS), "-I{}", PROGRAM, "exec", "many", "--detach-run", "true"], input="\n".join(map(str, range(JOBS))), text=True,
                   env=isobar.environment, cwd=isobar.folder, stderr=subprocess.DEVNULL, check=True)


def jobs_per_s(submit, isobar):
    began = time.perf_counter()
    submit(isobar)
    return JOBS / (time.perf_counter() - began)


def measure(isobar):
    isobar.launch("many")
    isobar.wait_until_idle("many", 30)
    ways = ((in_one_request, f"{JOBS:,} jobs by one `isobar exec --num-jobs`"), (one_by_one, f"{JOBS:,} jobs by an `isobar exec -d` each, {CLIENTS} at a time"))
    before = len(isobar.json("queue", "many"))
    for submit, what in ways:
        began = time.perf_counter()
        rate = jobs_per_s(submit, isobar)
        ends = isobar.wait_until_idle("many", 600)
        finished_s = time.perf_counter() - began
        count, before = sum(ends.values()) - before, sum(ends.values())
        if count != JOBS or set(ends) != {"SUCCEEDED"}:
            raise RuntimeError(f"{JOBS} jobs were submitted, and the cluster holds {ends}")
        yield Row(f"submit {what}", rate, 200, "jobs/s", more_is_better=True, note=f"the jobs run meanwhile, on the same CPUs; all succeeded {finished_s:.1f} s after the first was sent")
    isobar.fill("many")
    for submit, what in ways:
        yield Row(f"the same, the cluster being full: {what}", jobs_per_s(submit, isobar), 200, "jobs/s", more_is_better=True)
