"""`hemato-edge model`: the card of a model, the golden check."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from hemato_edge.models.bundle import Bundle
    from hemato_edge.vision.classifier import TFLiteClassifier

ModelFile = Annotated[
    Path | None, typer.Argument(help="A bundle; without it the classifier that ships.", metavar="[FILE]")
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]

app = typer.Typer(help="The models: their cards, the golden check.", no_args_is_help=True)


def register(root: typer.Typer) -> None:
    """Add the `model` group."""
    root.add_typer(app, name="model")


@app.command()
def info(file: ModelFile = None, as_json: AsJson = False) -> None:
    """Show a model's card. Its hashes are checked; it is not run."""
    import json

    from hemato_edge.models.bundle import card_as_json, read_bundle, shipped_classifier

    bundle = read_bundle(file or shipped_classifier())
    card = card_as_json(bundle.card)
    if as_json:
        typer.echo(json.dumps({"path": str(bundle.path), "file_sha256": bundle.sha256, "card": card}, indent=1))
        return
    typer.echo(_card_text(bundle))


@app.command()
def verify(file: ModelFile = None, as_json: AsJson = False) -> None:
    """Run the golden check: does this device compute what the converter computed?"""
    import json

    from hemato_edge.vision.classifier import load_classifier

    classifier = load_classifier(file)
    result = _verification(classifier)
    if as_json:
        typer.echo(json.dumps(result, indent=1))
        return
    typer.echo(
        f"good: {result['path']}\n"
        f"  {result['golden_inputs']} golden inputs, largest logit difference {result['largest_difference']:.4f}, "
        f"allowed {result['tolerance']:.4f}\n"
        f"  runtime {result['runtime']}; pieces run by XNNPACK: {result['delegate_partitions']} (1 is best)"
    )


@app.command("list")
def list_models(as_json: AsJson = False) -> None:
    """List the models that ship with this installation."""
    import json

    from hemato_edge.models.bundle import read_bundle, shipped_classifier

    rows = []
    for path in sorted(shipped_classifier().parent.glob("*.tflite")):
        bundle = read_bundle(path)
        rows.append({"path": str(path), "name": bundle.card.name, "task": bundle.card.task, "sha256": bundle.sha256})
    if as_json:
        typer.echo(json.dumps(rows, indent=1))
        return
    for row in rows:
        typer.echo(f"{row['task']:10} {row['name']:32} {row['sha256'][:16]}  {row['path']}")


def _verification(classifier: TFLiteClassifier) -> dict[str, object]:
    model = classifier.model
    return {
        "path": str(model.bundle.path),
        "name": classifier.card.name,
        "file_sha256": model.bundle.sha256,
        "golden_inputs": classifier.card.golden.count,
        "largest_difference": classifier.golden_difference,
        "tolerance": classifier.card.golden.tolerance,
        "runtime": f"{model.runtime.name} {model.runtime.version}",
        "delegate_partitions": model.delegate_partitions(),
        "good": True,
    }


def _card_text(bundle: Bundle) -> str:
    card = bundle.card
    lines = [
        f"{card.name}  ({card.architecture}, {card.input.size}×{card.input.size} {card.input.channels}, uint8)",
        f"file      {bundle.path}",
        f"sha256    {bundle.sha256}",
        f"labels    {', '.join(card.labels)}",
        f"crop      {card.input.crop_red_cells:g} red-cell diameters; stain: {card.stain.method}",
        f"answers   temperature {card.temperature:.3f}; under {card.rejection_threshold:.1%} confidence: unclassified",
        f"parity    int8 and float agree on {card.parity.agreement:.2%} of {card.parity.cells} cells",
    ]
    lines += [
        f"accuracy  {a.data} {a.split}, {a.cells} cells: float {a.float_accuracy:.1%}, int8 {a.int8_accuracy:.1%} "
        f"(balanced {a.int8_balanced_accuracy:.1%})"
        for a in card.accuracy
    ]
    lines += [f"data      {d.name} ({d.licence}): {d.train} train, {d.val} val" for d in card.training]
    lines += [f"licence   {card.licence}", f"          {card.attribution}", f"created   {card.created:%Y-%m-%d}"]
    return "\n".join(lines)
