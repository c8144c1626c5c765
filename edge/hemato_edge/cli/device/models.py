"""`hemato-edge model`: the card of a model, the golden check."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hemato_edge.escaped import json_text

if TYPE_CHECKING:
    from hemato_edge.models.bundle import Bundle
    from hemato_edge.models.card import ClassifierCard, LocatorCard

InfoFile = Annotated[
    Path | None, typer.Argument(help="A bundle; without it the classifier that ships.", metavar="[FILE]")
]
VerifyFile = Annotated[Path | None, typer.Argument(help="A bundle; without it all that ship.", metavar="[FILE]")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]

app = typer.Typer(no_args_is_help=True)


def register(root: typer.Typer) -> None:
    """Add the `model` group."""
    root.add_typer(app, name="model")


@app.command()
def info(file: InfoFile = None, as_json: AsJson = False) -> None:
    """Show a model's card. Its hashes are checked; it is not run."""
    from hemato_edge.models.bundle import card_as_json, read_bundle, shipped_classifier

    bundle = read_bundle(file or shipped_classifier())
    card = card_as_json(bundle.card)
    if as_json:
        typer.echo(json_text({"path": str(bundle.path), "file_sha256": bundle.sha256, "card": card}, indent=1))
        return
    typer.echo(_card_text(bundle))


@app.command()
def verify(file: VerifyFile = None, as_json: AsJson = False) -> None:
    """Run the golden check: does this device compute what the converter computed?"""
    from hemato_edge.models.bundle import shipped_models

    results = [_verification(path) for path in ([file] if file else shipped_models())]
    if as_json:
        typer.echo(json_text(results[0] if file else {"good": True, "models": results}, indent=1))
        return
    for result in results:
        typer.echo(
            f"good: {result['path']} ({result['task']})\n"
            f"  {result['golden_inputs']} golden inputs, {result['measure']} {result['largest_difference']:.4f}, "
            f"allowed {result['tolerance']:.4f}\n"
            f"  runtime {result['runtime']}; pieces run by XNNPACK: {result['delegate_partitions']} (1 is best)"
        )


@app.command("list")
def list_models(as_json: AsJson = False) -> None:
    """List the models that ship with this installation."""
    from hemato_edge.models.bundle import read_bundle, shipped_models

    rows = []
    for path in shipped_models():
        bundle = read_bundle(path)
        rows.append({"path": str(path), "name": bundle.card.name, "task": bundle.card.task, "sha256": bundle.sha256})
    if as_json:
        typer.echo(json_text(rows, indent=1))
        return
    for row in rows:
        typer.echo(f"{row['task']:10} {row['name']:32} {row['sha256'][:16]}  {row['path']}")


@app.command()
def attach(
    bundle: Annotated[Path, typer.Argument(help="A bundle; it is written anew.", metavar="BUNDLE")],
    compiled: Annotated[Path, typer.Argument(help="Its flatbuffer, compiled for the runtime.", metavar="FILE")],
    runtime: Annotated[str, typer.Option(metavar="NAME", help="As `model.runtime` in the settings calls it.")],
    tolerance: Annotated[
        float | None, typer.Option(min=1e-9, help="Largest difference to the golden outputs; else the card's.")
    ] = None,
) -> None:
    """Put the same network, compiled for an accelerator's runtime, into a bundle. Others go on running the flatbuffer.

    The device that runs it checks it against the golden pairs first.
    """
    from hemato_edge.models.attach import attach as put_in

    artefact = put_in(bundle, compiled, runtime, tolerance)
    typer.echo(f"{bundle} holds {artefact.part} for {artefact.runtime}, within {artefact.tolerance:g}")


@app.command()
def key(
    file: Annotated[Path, typer.Argument(help="A new file: it signs. FILE.pub is given away.", metavar="FILE")],
) -> None:
    """Make a pair of keys, to sign models with."""
    from hemato_edge.models.keys import make_signing_key

    name = make_signing_key(file)
    typer.echo(f"{file}: the key {name}; keep it to yourself. {file}.pub is for those who are to trust it.")


@app.command()
def sign(
    bundle: Annotated[Path, typer.Argument(help="A bundle; it stays as it is.", metavar="BUNDLE")],
    key: Annotated[Path, typer.Option(metavar="FILE", help="What `model key` made.")],
) -> None:
    """Sign a model: the signature is written beside it, as BUNDLE.sig, and belongs there wherever it goes."""
    from hemato_edge.models.bundle import read_bundle
    from hemato_edge.models.trust import sign as put_name_to
    from hemato_edge.models.trust import signature_path

    read_bundle(bundle)  # nobody signs what could not be run
    name = put_name_to(bundle, key)
    typer.echo(f"{signature_path(bundle)}: signed by {name}")


@app.command()
def trust(
    key: Annotated[Path, typer.Argument(help="A public key, as `model key` wrote it.", metavar="KEY.pub")],
    folder: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Of trusted keys; else the setting model.trusted_keys.")
    ] = None,
) -> None:
    """Trust a key: where model.trusted_keys is set, only models that such a key signed are run, and those that ship."""
    from hemato_edge.errors import ConfigurationError
    from hemato_edge.models.keys import trust as add
    from hemato_edge.settings import load_settings

    wanted = folder or load_settings().model.trusted_keys
    if wanted is None:
        raise ConfigurationError(
            "There is no folder of trusted keys.", "Name one in the setting model.trusted_keys, or with --folder."
        )
    name, file = add(key, wanted)
    typer.echo(f"{name} is trusted ({file}); remove the file to end that.")
    if folder is not None and load_settings().model.trusted_keys != folder.absolute():
        typer.echo(f'Not in force yet: set model.trusted_keys = "{folder.absolute()}".')


def _verification(path: Path) -> dict[str, object]:
    """The outcome of one bundle's golden check.

    Raises:
        ModelError: if it fails.
    """
    from hemato_edge.models.bundle import read_bundle
    from hemato_edge.models.card import ClassifierCard
    from hemato_edge.models.classifier_model import ClassifierModel
    from hemato_edge.models.golden import tolerance_of
    from hemato_edge.models.locator_model import LocatorModel
    from hemato_edge.vision.classify.classifier import TFLiteClassifier
    from hemato_edge.vision.locate.choice import TFLiteLocator

    bundle = read_bundle(path)
    is_classifier = isinstance(bundle.card, ClassifierCard)
    judge = TFLiteClassifier(ClassifierModel(bundle)) if is_classifier else TFLiteLocator(LocatorModel(bundle))
    delegation = judge.model.engine.delegation()
    return {
        "path": str(bundle.path),
        "name": bundle.card.name,
        "task": bundle.card.task,
        "file_sha256": bundle.sha256,
        "golden_inputs": bundle.card.golden.count,
        "largest_difference": judge.golden_difference,
        "measure": "largest logit difference" if is_classifier else "mean difference of a map in steps",
        "tolerance": tolerance_of(bundle, judge.model.runtime, judge.model.engine),
        "runtime": f"{judge.model.runtime.name} {judge.model.runtime.version}",
        "delegate_partitions": None if delegation is None else delegation.partitions,
        "good": True,
    }


def _card_text(bundle: Bundle) -> str:
    from hemato_edge.models.card import ClassifierCard

    card = bundle.card
    lines = [f"file      {bundle.path}", f"sha256    {bundle.sha256}", f"labels    {', '.join(card.labels)}"]
    specific = _classifier_lines(card) if isinstance(card, ClassifierCard) else _locator_lines(card)
    lines = [specific[0], *lines, *specific[1:]]
    lines += [f"compiled  {a.part} for {a.runtime}, within {a.tolerance:g}" for a in card.artefacts]
    lines += [f"data      {d.name} ({d.licence}): {d.train} train, {d.val} val" for d in card.training]
    lines += [f"licence   {card.licence}", f"          {card.attribution}", f"created   {card.created:%Y-%m-%d}"]
    return "\n".join(lines)


def _classifier_lines(card: ClassifierCard) -> list[str]:
    lines = [
        f"{card.name}  ({card.architecture}, {card.input.size}×{card.input.size} {card.input.channels}, uint8)",
        f"crop      {card.input.crop_red_cells:g} red-cell diameters; stain: {card.stain.method}",
        f"answers   temperature {card.temperature:.3f}; under {card.rejection_threshold:.1%} confidence: "
        + ("" if card.second_look_views == 1 else f"a second look in {card.second_look_views} views, or ")
        + "unclassified",
        f"parity    int8 and float agree on {card.parity.agreement:.2%} of {card.parity.cells} cells",
    ]
    if card.attributes:
        mean = sum(attribute.macro_f1 for attribute in card.attributes) / len(card.attributes)
        weak = min(card.attributes, key=lambda attribute: attribute.macro_f1)
        lines.append(
            f"attributes {len(card.attributes)}, macro F1 on {card.attributes[0].cells} held-out cells {mean:.1%}; "
            f"lowest {weak.name} {weak.macro_f1:.1%}"
        )
    lines += [
        f"{one.name.replace('_', ' ')}: {', '.join(one.values)}; of {one.cells} held-out cells {one.answered:.0%} "
        f"told, {one.right:.0%} of these right"
        for one in card.subtypes
    ]
    return lines + [
        f"accuracy  {a.data} {a.split}, {a.cells} cells: float {a.float_accuracy:.1%}, int8 {a.int8_accuracy:.1%} "
        f"(balanced {a.int8_balanced_accuracy:.1%})"
        for a in card.accuracy
    ]


def _locator_lines(card: LocatorCard) -> list[str]:
    scores = ", ".join(f"{name} {score:.2f}" for name, score in zip(card.labels, card.min_scores, strict=True))
    lines = [
        f"{card.name}  ({card.architecture}, {card.input.width}×{card.input.height} {card.input.channels}, uint8)",
        f"scale     red cells brought to {card.input.red_cell_px:g} pixels; {card.multiply_adds / 1e9:.2f} G "
        "multiply-adds a window",
        f"answers   least scores: {scores}",
    ]
    return lines + [
        f"precision {p.data} {p.split}, {p.boxes} {p.kind} in {p.fields} fields: AP50 float {p.float_ap50:.1%}, "
        f"int8 {p.int8_ap50:.1%}; precision {p.int8_precision:.1%}, recall {p.int8_recall:.1%}"
        for p in card.precision
    ]
