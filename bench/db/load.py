"""How many transactions does a database bear that stays correct though one of its six replicas lies, and what does each cost?

Six replicas and the client that drives them share this machine's two cores, over loopback with TLS's handshake and sealed records; so the
sound figure is CPU time of all seven processes for each transaction. Everything is signed (Ed25519), clients too, the clocks' bound is
100 ms, dependencies are checked. Beside it stands what Basil's own artifact was measured at on a machine of this kind: it keeps nothing on
disk, does not sign clients' requests, and its bound was 30 s. It is not run here, as its libraries are not to be had; so its figures are
not of this run. All transactions are those of one client process, as behind a gateway: at a key that many of them write they take turns.

What lying clients take from others: ten clients' worth of transactions are open, seven of them of a correct client, and three of clients that
behave in the first run and lie in the second. How many the correct one commits in the second is compared with how many in the first, so that
the load is the same, and what counts is the lying. The liars draw from the same keys, with seeds of their own.
"""

import contextlib
import json
import os
import pathlib
import statistics
import subprocess
import tempfile
import time

from isobar import ROOT
from report import Row

ARTIFACT = "Basil's artifact, measured before on two cores, in memory"
TICKS = os.sysconf("SC_CLK_TCK")
SECONDS = 5
LIAR = ROOT / "build/bench/tests/db/lying_client/db_lying_client"
ATTACKS = ["stall-prepare", "stall-log", "withhold", "equivocate", "clock-bound", "far-future", "read-flood"]
CORRECT_AT_ONCE, LIARS, EACH_LIAR_AT_ONCE = 42, 3, 6  # a tenth for each of ten clients


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


@contextlib.contextmanager
def database(isobar, *options, clients=2):
    with tempfile.TemporaryDirectory(prefix="isobar-db-bench-") as folder:
        cluster = pathlib.Path(folder) / "cluster"
        isobar.run("db", "init", str(cluster), "--port", "17400", "--clients", str(clients))
        replicas = []
        try:
            for index in range(6):
                replica = subprocess.Popen([isobar.program, "db", "replica", cluster / f"replica-0.{index}", *options], stdout=subprocess.PIPE, text=True)
                replicas.append(replica)
                if "listens on" not in replica.stdout.readline():
                    raise RuntimeError("a replica does not start")
            yield cluster, [replica.pid for replica in replicas]
        finally:
            for replica in replicas:
                replica.terminate()
            for replica in replicas:
                replica.wait()


def load(isobar, cluster, pids, *options):
    """One run of `db bench`: its report, with CPU milliseconds of all processes for each transaction."""
    before, began = sum(map(cpu_seconds, pids)), time.perf_counter()
    report = json.loads(isobar.run("db", "bench", str(cluster / "client-1"), "--for", f"{SECONDS}s", "-o", "json", *options))
    # The replicas' share of the warm-up is in it, too; so it is taken by rate.
    elapsed = time.perf_counter() - began
    replicas_ms = 1000 * (sum(map(cpu_seconds, pids)) - before) * report["seconds"] / elapsed / report["committed"]
    report["cpu_ms"] = replicas_ms + 1000 * report["cpu_seconds"] / report["committed"]
    return report


@contextlib.contextmanager
def lying_clients(cluster, attack, *options):
    """Beside the load of client-1; `none` is honest. What they did is asked for so that an attack that did not happen is no result."""
    folders = [cluster / f"client-{2 + i}" for i in range(LIARS)]
    liars = subprocess.Popen([LIAR, attack, *folders, "--at-once", str(EACH_LIAR_AT_ONCE), "--seed", "1000", *options], stdout=subprocess.PIPE, text=True)
    try:
        if "clients lie" not in liars.stdout.readline():
            raise RuntimeError("the lying clients do not start")
        yield
    finally:
        liars.terminate()
        told, _ = liars.communicate()
    report = json.loads(told)
    if report["begun"] < 100 or (attack not in ("none", "clock-bound") and report["withheld"] + report["refused"] + report["split"] == 0):
        raise RuntimeError(f"{attack} did not happen: {report}")


def beside_liars(isobar, attack, *options):
    """Transactions a second of the correct client; a database of its own each time, so that nothing of another attack is left in it."""
    with database(isobar, "--no-sync", clients=1 + LIARS) as (cluster, pids), lying_clients(cluster, attack, *options):
        return load(isobar, cluster, pids, "--at-once", str(CORRECT_AT_ONCE), "--seed", "1", *options)["per_second"]


def share_kept(isobar, claim, *options):
    """In each of three rounds, the honest run and one of each attack: what the machine does meanwhile is in all of them."""
    kept = {attack: [] for attack in ATTACKS}
    for _ in range(3):
        honest = beside_liars(isobar, "none", *options)
        for attack in ATTACKS:
            kept[attack].append(100 * beside_liars(isobar, attack, *options) / honest)
    share = {attack: statistics.median(shares) for attack, shares in kept.items()}
    each = ", ".join(f"{attack} {percent:.0f} %" for attack, percent in share.items())
    return Row(claim, min(share.values()), 85, "%", more_is_better=True, peer="Basil (SOSP '21), on many machines: more than 75 %", note=f"the worst of: {each}")


def median_of(reports, what):
    return statistics.median(report[what] for report in reports)


def described(reports):
    aborted = sum(r["aborted"] for r in reports) / sum(r["aborted"] + r["committed"] for r in reports)
    fast = sum(r["fast"] for r in reports) / sum(r["committed"] for r in reports)
    return f"{median_of(reports, 'p50_ms'):.1f} ms half of them, {median_of(reports, 'p99_ms'):.1f} ms 99 %; {100 * fast:.0f} % after one round; {100 * aborted:.1f} % of attempts aborted"


def measure(isobar):
    with database(isobar, "--no-sync") as (cluster, pids):
        runs = [load(isobar, cluster, pids, "--at-once", "64", "--seed", str(seed)) for seed in range(1, 6)]
        yield Row("CPU of all seven processes for one read and one write", median_of(runs, "cpu_ms"), 0.25, "ms", peer=ARTIFACT, peer_measured=1.0, note="profiled: of a replica, 28 % checks signatures, with some 23 votes sharing one, 9 % allocates, 7 % is the kernel")
        yield Row("one read and one write, in memory", median_of(runs, "per_second"), 5000, "/s", more_is_better=True, peer=ARTIFACT, peer_measured=1437, note=described(runs))
        runs = [load(isobar, cluster, pids, "--at-once", "64", "--zipf", "0.9", "--seed", str(seed)) for seed in range(1, 6)]
        yield Row("the same, zipf 0.9 over 100,000 keys", median_of(runs, "per_second"), 2000, "/s", more_is_better=True, peer=ARTIFACT, peer_measured=644, note=described(runs))
    with database(isobar) as (cluster, pids):
        runs = [load(isobar, cluster, pids, "--at-once", "128", "--seed", str(seed)) for seed in range(1, 6)]
        yield Row("one read and one write, every vote flushed to disk", median_of(runs, "per_second"), 2500, "/s", more_is_better=True, peer=f"{ARTIFACT}, which keeps nothing", note=described(runs))
    # By default it takes half a minute until anything is put to rest, longer than most of the runs above: here all of it is, within seconds.
    with database(isobar, "--no-sync", "--grace", "1s", "--keep", "1s") as (cluster, pids):
        load(isobar, cluster, pids, "--at-once", "64", "--seed", "1")
        runs = [load(isobar, cluster, pids, "--at-once", "64", "--seed", str(seed)) for seed in range(2, 6)]
        yield Row("CPU of the same, with all of it put to rest and forgotten within seconds", median_of(runs, "cpu_ms"), 0.25, "ms", peer=f"{ARTIFACT}, which forgets nothing", note=f"{median_of(runs, 'per_second'):.0f} /s; {described(runs)}")
    if not LIAR.exists():
        raise RuntimeError(f"{LIAR} is not there; `./dev bench` builds it")
    yield share_kept(isobar, "correct clients' transactions, three of ten clients lying")
    yield share_kept(isobar, "the same, zipf 0.9", "--zipf", "0.9")
