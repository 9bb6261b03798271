"""How long does a user wait for a plan over a catalog of 100 000 offers? Every time a new process, as `isobar optimize` is."""

from isobar import median_ms
from price_lists import CLOUDS, OFFERS, write_price_lists
from report import Row

TASKS = 100
NO_PEER = "SkyPilot: its optimizer plans only over catalogs that it downloads, and for clouds that hold credentials"


def chain(resources):
    """A pipeline whose tasks each hand 100 GB to the next; resources(i) is what task i asks for."""
    tasks = [f"name: task-{i}\nresources: {resources(i)}\noutputs: {{s3://out-{i}: 100}}\nrun: 'true'\n" for i in range(TASKS)]
    return "---\n".join(["name: chain\n", *tasks])


def measure(isobar):
    different = isobar.write("different.yaml", chain(lambda i: f"{{cpus: 2+, max_hourly_cost: {1000 + i}}}"))
    built_in = median_ms(lambda: isobar.ms("optimize", different), 15)
    write_price_lists(isobar.folder / "lists")
    isobar.run("catalog", "import", "lists")
    held = sum(cloud["offers"] for cloud in isobar.json("catalog", "info") if cloud["cloud"] in CLOUDS)
    if held != OFFERS:
        raise RuntimeError(f"the catalog holds {held} offers of the synthetic clouds, not {OFFERS}")
    one = isobar.write("one.yaml", "resources: {accelerators: 'A100:8', use_spot: true}\nrun: 'true'\n")
    any_machine = isobar.write("any.yaml", "run: 'true'\n")
    equal = isobar.write("equal.yaml", chain(lambda i: "{cpus: 2+}"))
    market = f"{OFFERS:,} offers of {len(CLOUDS)} clouds"
    for what, path, target, peer in (
        (f"optimize one task that takes any machine, {market}", any_machine, 50, NO_PEER),
        (f"optimize one task for A100:8 on spot, {market}", one, 50, ""),
        (f"optimize a chain of {TASKS} equal tasks, {market}", equal, 100, ""),
        (f"optimize a chain of {TASKS} tasks that all differ, {market}", different, 100, ""),
    ):
        yield Row(what, median_ms(lambda: isobar.ms("optimize", path), 15), target, "ms", peer=peer)
    yield Row(f"optimize a chain of {TASKS} tasks that all differ, the built-in price lists", built_in, 100, "ms")
