"""The workstation's commands by name; each is loaded when it is asked for."""

from __future__ import annotations

from hemato_edge.cli.commands import CommandSource

_HERE = "hemato_training.cli"
TRAIN = CommandSource("train", f"{_HERE}.train", "Train a classifier or a locator.")
CONVERT = CommandSource("convert", f"{_HERE}.convert", "Convert a trained model to a full-int8 bundle with its card.")
EVALUATE = CommandSource("evaluate", f"{_HERE}.evaluate", "Judge a model on held-out cells.")
DATA = CommandSource("data", f"{_HERE}.data", "Check, split and download training data.")
