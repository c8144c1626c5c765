"""A broker and a subscriber that end with the test, and a store with sessions that were recorded with MQTT on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ports import refusing_port
from real_broker import RealBroker, Subscriber
from recorded import record

Recorder = Callable[..., int]


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[RealBroker]:
    folder = tmp_path / "broker"
    folder.mkdir()
    broker = RealBroker(folder)
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture
def refused() -> Iterator[int]:
    """A port at which no broker answers."""
    with refusing_port() as port:
        yield port


@pytest.fixture
def subscriber(broker: RealBroker) -> Iterator[Subscriber]:
    subscriber = Subscriber(broker.port)
    yield subscriber
    subscriber.close()


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "counts.db"


@pytest.fixture
def asked(database: Path) -> Recorder:
    """Record a finished session with these cells, with MQTT on; returns its number."""

    def make(*labels: str, **changes: object) -> int:
        return record(database, labels or ("neutrophil", "monocyte"), **{"settings": {"mqtt.host": "b"}} | changes)

    return make
