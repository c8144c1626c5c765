"""What a laboratory gains from its cells without labels: the network's own sure answers are learnt as labels.

A laboratory that was never learnt is halved by chance. The shipped network answers one half; of these cells, those with
at least the asked confidence become training cells with the answer as their label (self-training with augmented views,
as in Q. Xie et al., "Self-training with noisy student improves ImageNet classification", CVPR 2020). Head and last
blocks learn them together with home cells as `train site` does, and the other half is judged. Nothing that is trained
here is kept.

    python benchmarks/self_training.py --data ../shared/data [--draws 3] [--confidence 0.8 0.95]
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from site_tuning import AWAY, CARD, Laboratory, Network, balanced, of_surest_half

from hemato_training.metrics.calibration import softmax


def trial(network: Network, laboratory: Laboratory, before: Any, confidence: float, draw: int) -> tuple[float, ...]:
    """Cells learnt and the share of right labels among them; balanced accuracy and right of the surest half after."""
    truth = laboratory.cells.labels
    order = np.random.default_rng(draw).permutation(len(truth))
    seen, rest = order[: len(truth) // 2], order[len(truth) // 2 :]
    probabilities = softmax(before[seen], CARD.temperature)
    chosen = seen[probabilities.max(axis=1) >= confidence]
    answers = before.argmax(axis=1)
    learnt = replace(laboratory.cells.select(chosen), labels=answers[chosen])
    network.tuned(learnt, laboratory.looks, draw + 1)
    after = network.logits(laboratory.images[rest])
    return (
        *(len(chosen), 100 * float(np.mean(answers[chosen] == truth[chosen]))),
        *(balanced(before[rest], truth[rest]), balanced(after, truth[rest])),
        *(of_surest_half(before[rest], truth[rest]), of_surest_half(after, truth[rest])),
        network.at_home(),
    )


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--away", nargs="+", default=list(AWAY))
    parser.add_argument("--confidence", nargs="+", type=float, default=[0.8, 0.95])
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--cache", type=Path, default=Path("runs/cells"))
    arguments = parser.parse_args()
    network = Network(arguments.data, arguments.cache)
    at_home = network.at_home()
    say = sys.stdout.write
    say("| laboratory | confidence | cells learnt (right %) | balanced % | right of the surest half % | home % |\n")
    say("|---|--:|--:|---|---|---|\n")
    for name in arguments.away:
        laboratory = Laboratory.read(name, arguments.data, arguments.cache)
        before = network.tuned(None, {}, 0).logits(laboratory.images)
        for confidence in arguments.confidence:
            found = [trial(network, laboratory, before, confidence, draw) for draw in range(arguments.draws)]
            mean = np.mean(found, axis=0)
            say(
                f"| {name} | {confidence} | {mean[0]:.0f} ({mean[1]:.1f}) | {mean[2]:.1f} → {mean[3]:.1f} "
                f"| {mean[4]:.1f} → {mean[5]:.1f} | {at_home:.1f} → {mean[6]:.1f} |\n"
            )
            sys.stdout.flush()


if __name__ == "__main__":
    main()
