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

    @property
    def met(self):
        return self.measured >= self.target if self.more_is_better else self.measured <= self.target


def number(value):
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def verdict(row):
    return "met" if row.met else "MISSED"


def peer_text(row):
    if row.peer_measured is None:
        return row.peer
    ratio = row.measured / row.peer_measured if row.more_is_better else row.peer_measured / row.measured
    return f"{row.peer}: {number(row.peer_measured)} {row.unit} ({ratio:,.0f}×)"


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


def write(rows):
    load = os.getloadavg()[0]
    text = f"""# Benchmarks

Written by `./dev bench --write`, which measures the release build as a user runs it: new processes, medians, nothing kept
warm that a user would not have, except where a row says that the catalog is open. The claims are measured by the files of
`bench/claims/`; a peer is measured in the same run.

{datetime.date.today()}: {os.cpu_count()} × {processor()}, {memory_gib():.0f} GiB, {platform.freedesktop_os_release()["PRETTY_NAME"]}, Linux
{platform.release().split("-")[0]}; load average at the end {load:.1f}.

| claim | measured | target | | peer | note |
| --- | ---: | ---: | --- | --- | --- |
"""
    for row in rows:
        text += f"| {row.claim} | {number(row.measured)} {row.unit} | {target_text(row)} | {verdict(row)} | {peer_text(row)} | {row.note} |\n"
    (ROOT / "docs/BENCHMARKS.md").write_text(text)
