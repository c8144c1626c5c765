"""Signed models: where trusted keys are asked for, no other bundle is run, and those that ship need none."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING

import pytest

from hemato_edge.errors import MissingExtraError, ModelError
from hemato_edge.models.bundle import read_bundle, shipped_classifier, shipped_locator
from hemato_edge.models.keys import make_signing_key, trust
from hemato_edge.models.trust import sign, signature_path
from hemato_edge.vision.classify.classifier import load_classifier
from hemato_edge.vision.locate.choice import load_locator

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def key(tmp_path: Path) -> Path:
    make_signing_key(tmp_path / "maker")
    return tmp_path / "maker"


@pytest.fixture
def trusted(tmp_path: Path, key: Path) -> Path:
    folder = tmp_path / "trusted-keys"
    trust(key.with_name("maker.pub"), folder)
    return folder


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return shutil.copy(shipped_locator(), tmp_path / "own.tflite")


def test_a_signed_model_of_a_trusted_key_is_read(model: Path, key: Path, trusted: Path) -> None:
    with pytest.raises(ModelError, match="is not signed"):
        read_bundle(model, trusted)
    sign(model, key)
    assert read_bundle(model, trusted).path == model
    assert read_bundle(model).path == model


def test_a_change_after_signing_is_refused(model: Path, key: Path, trusted: Path) -> None:
    sign(model, key)
    shutil.copy(shipped_classifier(), model)  # a good bundle, and not the one that was signed
    with pytest.raises(ModelError, match="No trusted key has signed"):
        read_bundle(model, trusted)


def test_another_s_key_is_refused(model: Path, trusted: Path, tmp_path: Path) -> None:
    make_signing_key(tmp_path / "other")
    sign(model, tmp_path / "other")
    with pytest.raises(ModelError, match="No trusted key has signed"):
        read_bundle(model, trusted)
    trust(tmp_path / "other.pub", trusted)
    assert read_bundle(model, trusted)


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"signature": "zz"}', '{"signature": 3}', "\xff"])
def test_what_is_no_signature_is_refused(model: Path, trusted: Path, content: str) -> None:
    signature_path(model).write_text(content, encoding="latin-1")
    with pytest.raises(ModelError, match="is no signature"):
        read_bundle(model, trusted)


def test_an_empty_or_missing_folder_trusts_nobody(model: Path, key: Path, tmp_path: Path) -> None:
    sign(model, key)
    with pytest.raises(ModelError, match="No trusted key"):
        read_bundle(model, tmp_path / "nowhere")


def test_what_ships_needs_no_signature(trusted: Path) -> None:
    assert load_classifier(trusted_keys=trusted).golden_difference == 0.0
    assert load_locator(trusted_keys=trusted).provenance


@pytest.mark.parametrize("load", [load_classifier, lambda path, **more: load_locator("learned", path, **more)])
def test_loaders_ask_for_it(load: object, model: Path, trusted: Path) -> None:
    with pytest.raises(ModelError, match="is not signed"):
        load(model, trusted_keys=trusted)  # type: ignore[operator]


def test_other_keys_are_refused(model: Path, key: Path, tmp_path: Path) -> None:
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric import ec

    other = ec.generate_private_key(ec.SECP256R1())
    (tmp_path / "ec").write_bytes(other.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption()))
    with pytest.raises(ModelError, match="no Ed25519 key"):
        sign(model, tmp_path / "ec")
    with pytest.raises(ModelError, match="no public key"):
        trust(key, tmp_path / "keys")  # the private one: it is not copied anywhere
    assert not (tmp_path / "keys").exists()
    with pytest.raises(ModelError, match="there already"):
        make_signing_key(key)
    assert key.stat().st_mode & 0o777 == 0o600


def test_without_cryptography_nothing_is_trusted(
    model: Path, key: Path, trusted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign(model, key)
    for name in [name for name in sys.modules if name.split(".")[0] == "cryptography"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "cryptography", None)
    with pytest.raises(MissingExtraError, match="cryptography") as caught:
        read_bundle(model, trusted)
    assert "hemato-edge[sign]" in caught.value.fix
