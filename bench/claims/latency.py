"""How long until the first line of a job's log? On the local cloud, so that no provider's time is in it."""

import itertools

from isobar import median_ms
from report import Row

# The line is computed by the job, so that an echo of the command is not taken for it.
COMMAND, LINE = "echo hi-$((40 + 2))", "hi-42"
NO_PEER = "SkyPilot: runs nothing without a cloud's credentials or a Kubernetes cluster"


def measure(isobar):
    isobar.launch("live")
    yield Row("`isobar exec` on a live cluster to the first log line", median_ms(lambda: isobar.first_line_ms("exec", "live", COMMAND, line=LINE), 25), 150, "ms", peer=NO_PEER)
    numbers = itertools.count()

    def launch_ms():
        cluster = f"new-{next(numbers)}"
        took = isobar.first_line_ms("launch", "--yes", "--cluster", cluster, "--infra", "local", COMMAND, line=LINE)
        isobar.run("down", "--yes", cluster)
        return took

    yield Row("`isobar launch` of a new local cluster to the first log line", median_ms(launch_ms, 9), 1000, "ms")
