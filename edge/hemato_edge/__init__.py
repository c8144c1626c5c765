"""hemato-edge: a white-cell differential on the device. For Research Use Only.

The functions below are the public API; everything else may change from version to version. They are loaded on first
use, so that `import hemato_edge` alone costs nothing.

* `analyze_image`: locate and classify the cells of a field of view.
* `classify_image`: classify the cell in a picture of one cell.
* `open_session`: read a recorded session: counts, cells, report.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from hemato_edge.about import RESEARCH_USE_NOTICE, __version__

if TYPE_CHECKING:
    from hemato_edge.public import Session, analyze_image, classify_image, open_session

__all__ = ["RESEARCH_USE_NOTICE", "Session", "__version__", "analyze_image", "classify_image", "open_session"]


def __getattr__(name: str) -> object:
    """The public functions, loaded on first use."""
    if name in __all__:
        return getattr(import_module("hemato_edge.public"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
