"""Gateways: what a GiB costs from end to end, idle, and at a relay; and what an overlay brings over emulated links."""

import json
import os
import random
import statistics
import time

from report import Row

ROUNDS = 5
GIB = 1 << 30


def sites(bench, regions):
    """Gateways of several regions on this machine, one another's neighbours over loopback."""
    path = bench.folder / "sites.yaml"
    path.write_text("sites:\n" + "".join(f"  lab:{region}: {{address: 127.0.0.1}}\n" for region in regions))
    return path


def programs(bench, ways, connections):
    """What each gateway does, for chunks that go down the ways in turn."""
    regions = {}
    for partition, way in enumerate(ways):
        for at, region in enumerate(way):
            onward = {"op": "send", "to": f"lab:{way[at + 1]}/0", "connections": connections} if at + 1 < len(way) else {"op": "write"}
            root = {"op": "generate" if at == 0 else "receive", "children": [onward]}
            regions.setdefault(region, []).append({"partitions": [partition], "root": root})
    source, destination = ways[0][0], ways[0][-1]
    path = bench.folder / "programs.json"
    path.write_text(json.dumps({
        "version": 1, "source": f"lab:{source}", "destinations": [f"lab:{destination}"], "shares": [1 / len(ways)] * len(ways),
        "gateways": [{"id": f"lab:{region}/0", "region": f"lab:{region}", "programs": made} for region, made in regions.items()]}))
    return path


def run(bench, words):
    """What `transfer measure` says, and the processor time of it and of all its gateways, s."""
    read, write = os.pipe()
    null = os.open("/dev/null", os.O_RDWR)
    pid = os.posix_spawn(bench.program, [str(word) for word in words], bench.environment,
                         file_actions=[(os.POSIX_SPAWN_DUP2, write, 1), (os.POSIX_SPAWN_DUP2, null, 2), (os.POSIX_SPAWN_CLOSE, read)])
    os.close(write)
    os.close(null)
    with os.fdopen(read) as output:
        text = output.read()
    _, status, usage = os.wait4(pid, 0)
    if os.waitstatus_to_exitcode(status) != 0:
        raise RuntimeError(f"{' '.join(map(str, words))} ended with {status}")
    return json.loads(text[text.index("{"):]), usage.ru_utime + usage.ru_stime


def over(bench, ways, *more):
    regions = sorted({region for way in ways for region in way})
    return run(bench, [bench.program, "transfer", "measure", "--sites", sites(bench, regions), "--programs", programs(bench, ways, 8),
                       "--from", f"lab:{ways[0][0]}", "--to", f"lab:{ways[0][-1]}", "-o", "json", *more])


def within(bench, scenario, *more):
    told, _ = run(bench, [bench.program, "transfer", "netem", "run", scenario, "--", bench.program, "transfer", "measure", "--from", "a", "--to", "b",
                          "-o", "json", *more])
    return told


def ends(bench):
    rounds = [over(bench, ["ab"], "--bytes", "2GiB") for _ in range(ROUNDS)]
    cost = statistics.median(cpu / (told["bytes"] / GIB) for told, cpu in rounds)
    rate = statistics.median(told["bytes"] / told["seconds"] / 1e6 for told, _ in rounds)
    yield Row("gateway to gateway, encrypted and verified, both ends and the owner", cost, 1.2, "CPU-s/GiB", note="made-up bytes, loopback, 8 connections")
    yield Row("the same, throughput", rate, 900, "MB/s", more_is_better=True)
    relayed = [over(bench, ["acb"], "--bytes", "2GiB") for _ in range(ROUNDS)]
    relay_cost = statistics.median(cpu / (told["bytes"] / GIB) for told, cpu in relayed) - cost
    relay_rate = statistics.median(told["bytes"] * 8 / told["seconds"] / 1e9 for told, _ in relayed)
    yield Row("a relay between them, more", relay_cost, 0.35, "CPU-s/GiB")
    yield Row("the same, throughput of all three on two cores", relay_rate, 6, "Gbit/s", more_is_better=True)


def idle(bench):
    """The difference between gateways that are held and such as are not, which leaves starting and ending out."""
    _, short = over(bench, ["ab"], "--bytes", "1MiB", "--hold", "1s")
    began = time.monotonic()
    _, held = over(bench, ["ab"], "--bytes", "1MiB", "--hold", "21s")
    yield Row("a pair of gateways that waits", max(0.0, held - short) / 20 * 100, 1, "% of a core", note=f"over {time.monotonic() - began:.0f} s")


def links(bench):
    if os.geteuid() != 0:
        print("gateways: emulated links need root")
        return
    small = [within(bench, "wan", "--bytes", str(100_000 * 1024), "--chunk", "1KiB", "--connections", "16") for _ in range(ROUNDS)]
    yield Row("100,000 × 1 KiB over 1 Gbit/s and 80 ms", statistics.median(told["chunks_per_second"] for told in small), 20_000, "objects/s",
              more_is_better=True)
    rounds = [within(bench, "triangle", "--bytes", "2GiB", "--chunk", "2MiB", "--connections", "16") for _ in range(3)]
    direct = within(bench, "triangle", "--bytes", "256MiB", "--chunk", "2MiB", "--connections", "16", "--direct")
    yield Row("triangle of 200 Mbit/s direct and 800 over a relay, planned", statistics.median(told["mbit_per_second"] for told in rounds), 900, "Mbit/s",
              more_is_better=True, peer="the direct way", peer_measured=direct["mbit_per_second"], note="headers take 3.5 % of 1,000 Mbit/s")
    lossy = within(bench, "lossy", "--bytes", "1GiB", "--chunk", "2MiB", "--connections", "32")
    yield Row("1 Gbit/s and 80 ms that loses 1 %", lossy["mbit_per_second"], 600, "Mbit/s", more_is_better=True)
    for scenario, what in (("relay-killed", "the relay killed after 4 s"), ("edge-cut", "the edge to the relay cut after 4 s")):
        told = within(bench, scenario, "--bytes", "1GiB", "--chunk", "2MiB", "--connections", "16")
        yield Row(f"the triangle, {what}: all has arrived", told["bytes"] / GIB * 100, 100, "%", more_is_better=True,
                  note=f"{told['mbit_per_second']:.0f} Mbit/s over the whole of it")


def text_of(bench, mebibytes):
    """Lines as services log them: they shrink to about a fifth."""
    path = bench.folder / "services.log"
    dice = random.Random(1)
    with open(path, "w") as file:
        while file.tell() < mebibytes << 20:
            file.writelines(json.dumps({"at": dice.randrange(10**9), "level": dice.choice(["info", "warn"]), "user": dice.randrange(10**6),
                                        "path": f"/api/v1/items/{dice.randrange(10**5)}", "ms": dice.random() * 100}) + "\n" for _ in range(1000))
    return path


def packed(bench):
    """Text over the direct link of the triangle, of 200 Mbit/s, packed and not."""
    if os.geteuid() != 0:
        return
    source, target = text_of(bench, 256), bench.folder / "arrived.log"

    def copy(compression):
        target.unlink(missing_ok=True)
        told, _ = run(bench, [bench.program, "transfer", "netem", "run", "triangle", "--", bench.program, "cp", "--from", "a", "--to", "b", "--direct",
                              "--connections", "16", "--compress", compression, "-o", "json", source, target])
        return told

    rounds = {choice: [copy(choice) for _ in range(3)] for choice in ("auto", "off")}
    rate = {choice: statistics.median(told["bytes"] / told["seconds"] / 1e6 for told in all_told) for choice, all_told in rounds.items()}
    sent = rounds["auto"][0]["packed"]
    yield Row("256 MiB of logs over 200 Mbit/s and 80 ms, packed", rate["auto"], 60, "MB/s", more_is_better=True, peer="the same, --compress off",
              peer_measured=rate["off"], note=f"sent as {sent['sent_bytes'] / sent['raw_bytes'] * 100:.0f} % of its bytes")


def measure(bench):
    yield from ends(bench)
    yield from idle(bench)
    yield from links(bench)
    yield from packed(bench)
