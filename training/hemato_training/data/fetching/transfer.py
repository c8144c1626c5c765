"""Fetching one large file over HTTP: goes on where it was cut off, and is whole or not there."""

from __future__ import annotations

import hashlib
import json
import ssl
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

import requests

from hemato_edge.about import __version__
from hemato_edge.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hemato_training.progress import Reporter

CHUNK = 1 << 20
TIMEOUT_S = (10, 60)
"""For the connection, and between two arriving pieces."""
TRIES = 4
"""How often one call goes on after the connection broke."""
DATED = (9, 10)
"""OpenSSL's X509_V_ERR_CERT_NOT_YET_VALID and X509_V_ERR_CERT_HAS_EXPIRED."""
PAUSE_S = 2.0
"""Before the second try; it doubles from try to try."""


@dataclass(frozen=True, slots=True)
class Part:
    """What is known of a file that has not come whole.

    Attributes:
        path: the bytes that are here.
        url: where they came from.
        validator: the server's ETag or date of the file, or empty: only with one can the rest be asked for safely.
    """

    path: Path
    url: str
    validator: str

    @staticmethod
    def beside(target: Path, url: str) -> Part:
        """The part of `target`; without a validator where nothing, or something else, is there."""
        path, notes = target.with_name(target.name + ".part"), target.with_name(target.name + ".part.json")
        try:
            kept = json.loads(notes.read_text(encoding="utf-8"))
            known = path.is_file() and kept["url"] == url
            return Part(path, url, str(kept["validator"]) if known else "")
        except (OSError, ValueError, KeyError, TypeError):
            return Part(path, url, "")

    @property
    def _notes(self) -> Path:
        return self.path.with_name(self.path.name + ".json")

    def remember(self, validator: str) -> Part:
        """Note the server's validator beside the bytes."""
        self._notes.write_text(json.dumps({"url": self.url, "validator": validator}), encoding="utf-8")
        return Part(self.path, self.url, validator)

    def drop(self) -> None:
        """Remove bytes and notes."""
        self.path.unlink(missing_ok=True)
        self._notes.unlink(missing_ok=True)


def fetch(url: str, target: Path, reporter: Reporter, about_bytes: int = 0) -> None:
    """Download `url` to `target`.

    A broken connection is taken up again where it broke, within this call and by the next one, if the server can
    (`Range` with `If-Range`, RFC 9110); if it cannot, the file starts anew.

    Args:
        url: the file.
        target: where it goes, once it is whole.
        reporter: receives progress, in MiB.
        about_bytes: the size to show where the server does not say.

    Redirects are followed, also to other hosts, but never from HTTPS to plain HTTP: nothing would vouch for the file.
    Certificates are verified; `REQUESTS_CA_BUNDLE` names an authority of one's own, as of a proxy.

    Raises:
        DataError: if the server cannot be reached, cannot be trusted, refuses, or the connection breaks again and
            again; what has come stays beside `target` for the next call.
    """
    part = Part.beside(target, url)
    for attempt in range(1, TRIES + 1):
        try:
            part = _fetch_rest(part, reporter, about_bytes)
            break
        except requests.exceptions.HTTPError as error:
            raise _refused(url, error.response) from error
        except requests.exceptions.SSLError as error:  # before ConnectionError, whose subclass it is
            raise _untrusted(url, error) from error
        except requests.exceptions.TooManyRedirects as error:
            raise DataError(
                f"{url} sends round in a circle: its home has moved, or wants a login.",
                "Fetch the file with a browser, then give it with --from FILE.",
            ) from error
        except (requests.exceptions.ConnectionError, requests.exceptions.Timeout, _Broken) as error:
            have = part.path.stat().st_size if part.path.is_file() else 0
            part = Part.beside(target, url)
            if attempt == TRIES or (not have and not isinstance(error, _Broken)):
                raise _unreachable(url, have) from error
            reporter.note(f"The connection broke after {have / CHUNK:.1f} MiB; trying again.")
            time.sleep(PAUSE_S * 2 ** (attempt - 1))
        except requests.exceptions.RequestException as error:
            raise DataError(f"{url} cannot be asked for: {error}.", "Check the address.") from error
        except ValueError as error:  # requests does not catch all of urllib's
            raise DataError(f"{url} sends on to what is no address ({error}).", "Look on its home page.") from error
        except OSError as error:
            raise DataError(
                f"{part.path} cannot be written: {error.strerror}.", "Make room, or change --to."
            ) from error
    part.path.replace(target)
    part.drop()


class _Broken(Exception):
    """Fewer bytes came than were announced."""


def _fetch_rest(part: Part, reporter: Reporter, about_bytes: int) -> Part:
    have = part.path.stat().st_size if part.validator and part.path.is_file() else 0
    headers = {"Accept-Encoding": "identity", "User-Agent": f"hemato-edge/{__version__}"}
    if have:
        headers |= {"Range": f"bytes={have}-", "If-Range": part.validator}
    hooks = {"response": _stay_encrypted}
    with requests.get(part.url, headers=headers, stream=True, timeout=TIMEOUT_S, hooks=hooks) as answer:
        if answer.status_code == requests.codes.requested_range_not_satisfiable:
            part.drop()  # the file is not the one we have a part of
            return _fetch_rest(Part(part.path, part.url, ""), reporter, about_bytes)
        answer.raise_for_status()
        goes_on = answer.status_code == requests.codes.partial_content
        _refuse_page(part.url, answer)
        have = have if goes_on else 0
        part = part.remember(answer.headers.get("ETag") or answer.headers.get("Last-Modified") or "")
        length = answer.headers.get("Content-Length")
        rest = int(length) if length else max(about_bytes - have, 0)
        what = "downloading, MiB" if not have else f"going on after {have / CHUNK:.1f} MiB"
        came = 0
        with part.path.open("ab" if goes_on else "wb") as file:
            for chunk in reporter.track(_chunks(answer), what, -(-rest // CHUNK)):
                file.write(chunk)
                came += len(chunk)
        if length and came < rest:
            raise _Broken
    return part


def _stay_encrypted(answer: requests.Response, *_: object, **__: object) -> None:
    """Refuses a redirect from HTTPS to something else; called for every answer."""
    if not answer.is_redirect:
        return
    to = urljoin(answer.url, answer.headers["Location"])
    if urlsplit(answer.url).scheme == "https" and urlsplit(to).scheme != "https":
        answer.close()
        raise DataError(
            f"{answer.url} sends on to {to}, which is not encrypted: nothing would vouch for the file.",
            "Look on its home page for another address; then give the file with --from FILE.",
        )


def _chunks(answer: requests.Response) -> Iterator[bytes]:
    try:
        yield from answer.iter_content(CHUNK)
    except requests.exceptions.ChunkedEncodingError as error:
        raise _Broken from error


def _refuse_page(url: str, answer: requests.Response) -> None:
    """Where a file should be, a login page with status 200 may come."""
    if answer.headers.get("Content-Type", "").startswith("text/html"):
        raise DataError(
            f"{url} sent a web page instead of a file: its home wants a login or has moved.",
            "Fetch the file with a browser, then give it with --from FILE.",
        )


def _refused(url: str, answer: requests.Response) -> DataError:
    code = answer.status_code
    fix = "Fetch the file with a browser, then give it with --from FILE."
    if code in (401, 403):
        return DataError(f"{url} is not given to everyone (HTTP {code}).", f"Its home may ask for a login. {fix}")
    if code in (404, 410):
        return DataError(f"{url} is no longer there (HTTP {code}).", f"Look on its home page where it went. {fix}")
    if code == 429 or code >= 500:
        return DataError(f"The server of {url} has a fault or is busy (HTTP {code}).", "Try again later.")
    return DataError(f"{url} was answered with HTTP {code}.", fix)


def _untrusted(url: str, error: requests.exceptions.SSLError) -> DataError:
    """Why there is no trusted connection; requests and urllib3 wrap the reason more than once."""
    reason: BaseException | None = error
    while reason is not None and not isinstance(reason, ssl.SSLError):
        inner = [each for each in (*reason.args, getattr(reason, "reason", None)) if isinstance(each, BaseException)]
        reason = inner[0] if inner else None
    if not isinstance(reason, ssl.SSLCertVerificationError):
        said = getattr(reason, "reason", None) or reason or error
        return DataError(f"There is no TLS with {url}: {said}.", "Check the address, and HTTPS_PROXY if you have one.")
    fix = "If that is a proxy's or an institution's, name its authority: REQUESTS_CA_BUNDLE=/path/to/ca.pem."
    if reason.verify_code in DATED:
        fix = "Check this machine's date (`date`); if it is right, the server's owner has to renew it."
    return DataError(f"The certificate of {url} cannot be trusted: {reason.verify_message.rstrip('.')}.", fix)


def _unreachable(url: str, have: int) -> DataError:
    if have:
        return DataError(
            f"The connection to {url} broke after {have / CHUNK:.1f} MiB.",
            "Type the same again: it goes on from there.",
        )
    return DataError(
        f"{url} cannot be reached: this machine is offline, or a firewall or proxy is in the way.",
        "Check the network (HTTPS_PROXY, if you have one), or fetch the file elsewhere and give it with --from FILE.",
    )


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(CHUNK):
            digest.update(block)
    return digest.hexdigest()
