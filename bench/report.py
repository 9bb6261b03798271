"""One measured claim, as a line and as a row of docs/BENCHMARKS.md."""

import dataclasses
import datetime
import os
import platform

from isobar import ROOT


@dataclasses.dataclass
class Row:
    claim: str
    measured: float
    target: float
    unit: str
    more_is_better: bool = False
    peer: str = ""  # who else was measured, with its version, or why nobody was
    peer_measured: float | None = None
    note: str = ""  # what bounds it, or what else was seen
    peers: dict[str, float] = dataclasses.field(default_factory=dict)  # where there are several: name and version → measured

    @property
    def met(self):
        return self.measured >= self.target if self.more_is_better else self.measured <= self.target


def number(value):
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def verdict(row):
    return "met" if row.met else "MISSED"


def beside(row, name, measured):
    better, worse = (row.measured, measured) if row.more_is_better else (measured, row.measured)
    ratio = f" ({number(better / worse)}×)" if worse else ""
    return f"{name}: {number(measured)} {row.unit}{ratio}"


def peer_text(row):
    if row.peers:
        return "; ".join(beside(row, name, measured) for name, measured in row.peers.items())
    return row.peer if row.peer_measured is None else beside(row, row.peer, row.peer_measured)


def target_text(row):
    return f"{'≥' if row.more_is_better else '≤'} {row.target:g} {row.unit}"


def line(row):
    notes = "; ".join(text for text in (peer_text(row), row.note) if text)
    return f"{row.claim}: {number(row.measured)} {row.unit} (target {target_text(row)}, {verdict(row)})" + (f"; {notes}" if notes else "")


def processor():
    for text in open("/proc/cpuinfo"):
        if text.startswith("model name"):
            return text.split(":", 1)[1].strip()
    return platform.machine()


def memory_gib():
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30


TITLE = """# Benchmarks

Written by `./dev bench --write`, which measures the release build as a user runs it: new processes, medians, nothing kept
warm that a user would not have, except where a row says that the catalog is open. Each section is measured by the files of
its folder below `bench/`, and written by `./dev bench --write` with their names; peers are measured in the same run.
"""


def table(rows):
    text = f"""{datetime.date.today()}: {os.cpu_count()} × {processor()}, {memory_gib():.0f} GiB, {platform.freedesktop_os_release()["PRETTY_NAME"]}, Linux
{platform.release().split("-")[0]}; load average at the end {os.getloadavg()[0]:.1f}.

| claim | measured | target | | peer | note |
| --- | ---: | ---: | --- | --- | --- |
"""
    for row in rows:
        text += f"| {row.claim} | {number(row.measured)} {row.unit} | {target_text(row)} | {verdict(row)} | {peer_text(row)} | {row.note} |\n"
    return text


def write(section, rows):
    """Puts one section's table in the place of what was measured before; the others stay."""
    path = ROOT / "docs/BENCHMARKS.md"
    parts = path.read_text().split("\n## ")[1:]
    sections = {part.split("\n", 1)[0]: part.split("\n", 1)[1].strip() + "\n" for part in parts}
    sections[section] = table(rows)
    path.write_text(TITLE + "".join(f"\n## {name}\n{text}" for name, text in sorted(sections.items())))
