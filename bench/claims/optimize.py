"""How long does a user wait for a plan over a catalog of 100 000 offers? Every time a new process, as `isobar optimize` is."""

from isobar import median_ms
from price_lists import CLOUDS, OFFERS, write_price_lists
from report import Row

TASKS = 100
# As a profile of the whole process shows.
SEARCHES = ", and each is searched for anew: half of the time goes into ranking what fits, a third into visiting rows"
NO_PEER = "SkyPilot: its optimizer plans only over catalogs that it downloads, and for clouds that hold credentials"


def chain(resources):
    """A pipeline whose tasks each hand 100 GB to the next; resources(i) is what task i asks for."""
    tasks = [f"name: task-{i}\nresources: {resources(i)}\noutputs: {{s3://out-{i}: 100}}\nrun: 'true'\n" for i in range(TASKS)]
    return "---\n".join(["name: chain\n", *tasks])


def row(isobar, what, path, target_ms, peer="", bound=""):
    fitting = isobar.json("optimize", path)["tasks"][0]["candidate_count"]
    return Row(f"optimize {what}", median_ms(lambda: isobar.ms("optimize", path), 15), target_ms, "ms", peer=peer, note=f"{fitting:,} places fit each task{bound}")


def measure(isobar):
    any_machine = isobar.write("any.yaml", "run: 'true'\n")
    one = isobar.write("one.yaml", "resources: {accelerators: 'A100:8', use_spot: true}\nrun: 'true'\n")
    equal = isobar.write("equal.yaml", chain(lambda i: "{cpus: 2+}"))
    different = isobar.write("different.yaml", chain(lambda i: f"{{cpus: 2+, max_hourly_cost: {1000 + i}}}"))
    yield row(isobar, f"a chain of {TASKS} tasks that all differ, the built-in price lists", different, 100, bound=SEARCHES)
    write_price_lists(isobar.folder / "lists")
    isobar.run("catalog", "import", "lists")
    held = sum(cloud["offers"] for cloud in isobar.json("catalog", "info") if cloud["cloud"] in CLOUDS)
    if held != OFFERS:
        raise RuntimeError(f"the catalog holds {held} offers of the synthetic clouds, not {OFFERS}")
    market = f"{OFFERS:,} offers of {len(CLOUDS)} clouds"
    yield row(isobar, f"one task that takes any machine, {market}", any_machine, 50, NO_PEER)
    yield row(isobar, f"one task for A100:8 on spot, {market}", one, 50)
    yield row(isobar, f"a chain of {TASKS} equal tasks, {market}", equal, 100)
    yield row(isobar, f"a chain of {TASKS} tasks that all differ, {market}", different, 100, bound=SEARCHES)
