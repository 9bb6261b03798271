"""A synthetic market, the same for every run: ten clouds, 100 000 offers of 1 000 types in 10 regions of 10 zones."""

import random

# The clouds that are built in, so that the lists replace theirs.
CLOUDS = ("aws", "azure", "cudo", "do", "gcp", "lambda", "nebius", "oci", "paperspace", "runpod")
TYPES, REGIONS, ZONES = 100, 10, 10
OFFERS = len(CLOUDS) * TYPES * REGIONS * ZONES


def price_list(cloud, draw):
    rows = ["InstanceType,vCPUs,MemoryGiB,AcceleratorName,AcceleratorCount,Price,SpotPrice,Region,AvailabilityZone"]
    for kind in range(TYPES):
        vcpus = 2 << draw.randrange(6)
        gpus = 1 << draw.randrange(4) if kind % 5 == 0 else 0
        for region in range(REGIONS):
            price = vcpus * 0.05 * draw.uniform(0.8, 1.2) + gpus * 2.5
            for zone in range(ZONES):
                spot = price * draw.uniform(0.2, 0.4)
                rows.append(f"{cloud}-{kind},{vcpus},{vcpus * 4},{'A100' if gpus else ''},{gpus or ''},{price:.5f},{spot:.5f},region-{region},region-{region}-{zone}")
    return "\n".join(rows) + "\n"


def write_price_lists(folder):
    folder.mkdir()
    draw = random.Random(1)
    for cloud in CLOUDS:
        (folder / f"{cloud}.csv").write_text(price_list(cloud, draw))
