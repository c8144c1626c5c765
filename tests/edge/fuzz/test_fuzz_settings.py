"""Any bytes for a configuration file, any text in the environment: settings or a ConfigurationError in one line."""

from __future__ import annotations

import os
from pathlib import Path
from unittest import mock

import pytest
from damage import damaged
from hypothesis import example, given
from hypothesis import strategies as st

from hemato_edge.errors import ConfigurationError
from hemato_edge.settings import known_keys, resolve, variable
from hemato_edge.settings.example import example_file

SWITCHED_ON = example_file().replace("\n#", "\n").encode()
SMALL = b'[camera]\nspec = "0"\nwidth = 640\n[reference]\nneutrophil = [\n 40,\n 75.5]\n[store]\npath = "~/x.db"\n'
PIECES = st.sampled_from(
    [
        *known_keys(), "camera", "[camera]", "[[camera]]", "[camera.spec]", " = ", "\n", "[", "]", "{", "}", '"', "'",
        '"""', "#", ",", ".", "1", "-1", "1e400", "nan", "inf", "true", "1979-05-27T07:32:00Z", "0x" + "f" * 4000,
        "9" * 4400, "\r\n", "\x00", "\x1f", "\u2028", "é", "[" * 3000, "a." * 3000 + "b = 1", "spec", "width", "path",
    ]
)  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def own_home(tmp_path_factory: pytest.TempPathFactory) -> object:
    home = str(tmp_path_factory.mktemp("home"))
    with mock.patch.dict(os.environ, {"XDG_CONFIG_HOME": home, "XDG_DATA_HOME": home, "HOME": home}):
        yield


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("configuration") / "config.toml"


def load(file: Path | None) -> None:
    refused = None
    try:
        resolved = resolve(file)
    except ConfigurationError as error:
        refused = error
    if refused is None:
        assert set(resolved.origins) == set(known_keys())
        return
    text = str(refused)
    assert refused.fix
    assert not any(ord(sign) < 32 for sign in text), text
    assert len(text) < 1000, text


@given(st.binary(max_size=400))
@example(b"\xef\xbb\xbf[camera]\n")
def test_any_bytes(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    load(file)


@given(damaged(SMALL))
def test_a_damaged_small_file(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    load(file)


@given(damaged(SWITCHED_ON))
def test_a_damaged_large_file(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    load(file)


@given(st.lists(PIECES, max_size=12).map("".join))
@example("[camera]\nwidth = 0x" + "f" * 4000)
@example("[camera]\nfps = 0x" + "f" * 4000)
@example("9" * 4400 + " = 1")
@example("x = " + "9" * 4400)
@example('"a\\nb" = 1')
@example("[camera]\nspec = " + "[" * 3000)
def test_pieces_of_toml(file: Path, text: str) -> None:
    file.write_text(text, encoding="utf-8")
    load(file)


NAMES = st.sampled_from([*map(variable, known_keys()), "HEMATO_EDGE_", "HEMATO_EDGE___", "HEMATO_EDGE_CAMERA"])
TEXT = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=40)


@given(
    NAMES | TEXT.map(lambda text: "HEMATO_EDGE_" + text.replace("=", "")), TEXT | PIECES.filter(lambda s: "\0" not in s)
)
@example("HEMATO_EDGE_REFERENCE__NEUTROPHIL", "[1, 2")
@example("HEMATO_EDGE_REFERENCE__NEUTROPHIL", "[" * 100_000)
@example("HEMATO_EDGE_A\nB", "1")
@example("HEMATO_EDGE_STORE__PATH", "~nobody-of-that-name/x.db")
def test_any_variable(name: str, value: str) -> None:
    with mock.patch.dict(os.environ, {name: value}):
        load(None)
