"""Student's t at 95 %, without a statistics library on the device."""

from __future__ import annotations

_SMALL = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776}


def student_t95(degrees_of_freedom: int) -> float:
    """Two-sided 95 % point of Student's t: a table up to 4 degrees, then the Cornish-Fisher expansion.

    Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.5; within 0.004 from 5 degrees on.

    Raises:
        ValueError: below 1.
    """
    if degrees_of_freedom < 1:
        msg = f"{degrees_of_freedom} degrees of freedom tell nothing"
        raise ValueError(msg)
    if degrees_of_freedom in _SMALL:
        return _SMALL[degrees_of_freedom]
    z, n = 1.959964, float(degrees_of_freedom)
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / n + second / n**2 + third / n**3
