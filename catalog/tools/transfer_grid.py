#!/usr/bin/env python3
"""Writes the measured matrices of catalog/transfer from the published measurements. For maintainers; the build does not run it.

    catalog/tools/transfer_grid.py MEASUREMENTS catalog/transfer

MEASUREMENTS holds throughput_2022_01.csv (src_region, src_tier, dst_region, dst_tier, connections, gbps_sent),
throughput_2022_11.csv (src_region, dst_region, gbps_sent) and latency_2022.csv (src_region, src_tier, dst_region, dst_tier,
avg_rtt). A pair that was measured several times gets the mean.
"""

import collections
import csv
import pathlib
import sys


def rows(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def tier_of(region, wanted):
    """Only GCP sells its network in two tiers; what other clouds do is called premium in the measurements."""
    return wanted if region.startswith("gcp:") else "PREMIUM"


def tiered(measured, wanted, value):
    pairs = collections.defaultdict(list)
    for row in measured:
        source, destination = row["src_region"], row["dst_region"]
        if (row["src_tier"], row["dst_tier"]) == (tier_of(source, wanted), tier_of(destination, wanted)):
            pairs[source, destination].append(float(row[value]))
    return pairs


def untiered(measured, value):
    pairs = collections.defaultdict(list)
    for row in measured:
        pairs[row["src_region"], row["dst_region"]].append(float(row[value]))
    return pairs


def write(path, pairs, places, head):
    regions = sorted({region for pair in pairs for region in pair})
    with open(path, "w") as out:
        for line in head:
            out.write(f"# {line}\n")
        out.write(",".join(["from"] + regions) + "\n")
        for source in regions:
            cells = [source]
            for destination in regions:
                values = pairs.get((source, destination))
                cells.append(f"{sum(values) / len(values):.{places}f}" if values and source != destination else "")
            out.write(",".join(cells) + "\n")
    print(f"{path}: {len(regions)} regions, {len(pairs)} pairs")


def main(measurements, out):
    january = rows(measurements / "throughput_2022_01.csv")
    november = rows(measurements / "throughput_2022_11.csv")
    latency = rows(measurements / "latency_2022.csv")
    what = "Throughput of one VM pair with 64 TCP connections, as sent in 5 s. Row: from; column: to; empty: not measured."
    unit = "unit: Gbit/s (1e9 bit/s)"
    write(out / "throughput-2022-01.csv", tiered(january, "PREMIUM", "gbps_sent"), 2,
          [what, unit, "date: 2022-01", "network: premium tier of GCP, public addresses"])
    write(out / "throughput-2022-01-standard.csv", tiered(january, "STANDARD", "gbps_sent"), 2,
          [what, unit, "date: 2022-01", "network: standard tier of GCP, public addresses"])
    write(out / "throughput-2022-11.csv", untiered(november, "gbps_sent"), 2,
          [what, unit, "date: 2022-11", "network: premium tier of GCP, private addresses inside a cloud"])
    write(out / "rtt-2022.csv", tiered(latency, "PREMIUM", "avg_rtt"), 0,
          ["Mean round-trip time between VMs. Row: from; column: to; empty: not measured.", "unit: ms", "date: 2022",
           "network: premium tier of GCP"])


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
