"""How often the rules of `hemato-edge qc` cry wolf, and how soon they notice, on simulated control slides.

`python benchmarks/control_rules.py`: lots of a steady microscope, and of one that changes after its baseline.
"""

from __future__ import annotations

import argparse
import sys
from random import Random
from statistics import fmean, median, stdev

from hemato_edge.quality_control.limits import measure_z, share_z
from hemato_edge.quality_control.lots import LEAST_BASELINE
from hemato_edge.quality_control.westgard import WARNING_RULE, broken_rules

CELLS = 200
"""A session."""
SHARE, LOW, RARE = 0.55, 0.48, 0.005
SESSIONS = 30
"""After the baseline."""


def first_alarm(z: list[float]) -> int | None:
    """The session, from 1, with which a rule beyond the warning is broken first; None where none is."""
    return next((i for i, broken in enumerate(broken_rules(z), 1) if set(broken) - {WARNING_RULE}), None)


def measured(chance: Random, shift: float) -> list[float]:
    """Results of a normal measure that shifts by so many of its standard deviations."""
    base = [chance.gauss(0, 1) for _ in range(LEAST_BASELINE)]
    mean, deviation = fmean(base), stdev(base)
    return [measure_z(chance.gauss(shift, 1), mean, deviation) for _ in range(SESSIONS)]


def counted(chance: Random, before: float, share: float) -> list[float]:
    """Results of a share of cells, `before` in the baseline and `share` after it."""

    def count(p: float) -> int:
        return sum(chance.random() < p for _ in range(CELLS))

    base = sum(count(before) for _ in range(LEAST_BASELINE))
    return [share_z(count(share), CELLS, base, CELLS * LEAST_BASELINE) for _ in range(SESSIONS)]


def line(name: str, runs: list[list[float]]) -> str:
    """False or true alarms of many lots in one line."""
    alarms = [first_alarm(z) for z in runs]
    found = [one for one in alarms if one is not None]
    single = sum(bool(set(broken) - {WARNING_RULE}) for z in runs for broken in broken_rules(z)) / (
        len(runs) * SESSIONS
    )
    at = f"median session {median(found):.0f}" if found else "never"
    return f"{name:<44}{100 * single:>7.1f} % of sessions{100 * len(found) / len(runs):>7.0f} % of lots, {at}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lots", type=int, default=1000, help="simulated lots a row")
    lots = parser.parse_args().lots
    chance = Random(1)
    rows = {
        "a measure, steady": [measured(chance, 0) for _ in range(lots)],
        "a measure, shifted by 1 standard deviation": [measured(chance, 1) for _ in range(lots)],
        "a measure, shifted by 2": [measured(chance, 2) for _ in range(lots)],
        f"{SHARE:.0%} of {CELLS} cells, steady": [counted(chance, SHARE, SHARE) for _ in range(lots)],
        f"{RARE:.1%} of {CELLS} cells, steady": [counted(chance, RARE, RARE) for _ in range(lots)],
        f"{LOW:.0%} of {CELLS} cells, after {SHARE:.0%}": [counted(chance, SHARE, LOW) for _ in range(lots)],
    }
    sys.stdout.write(f"{lots} lots, {LEAST_BASELINE} sessions of baseline and {SESSIONS} after it; beyond 1-2s\n")
    for name, runs in rows.items():
        sys.stdout.write(line(name, runs) + "\n")


if __name__ == "__main__":
    main()
