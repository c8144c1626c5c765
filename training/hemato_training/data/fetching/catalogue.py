"""The public data sets that `data download` knows, and where they live.

Addresses and licences are as their homes gave them in public records; a set without a `sha256` has none published for
the very file that its home sends (GitHub packs its archives anew), so the first download is recorded and later ones are
held against it.
"""

from __future__ import annotations

from dataclasses import dataclass

from hemato_edge.errors import DataError


@dataclass(frozen=True, slots=True)
class PublicSet:
    """A data set of others.

    Attributes:
        name: what a person types, and its folder.
        title: what it is.
        home: the page to read before use.
        url: the archive, or empty where only a person can get it (registration, a form).
        archive: the archive's file name.
        licence: SPDX name, or what its home says.
        attribution: whom to name.
        megabytes: roughly the size of the archive, for the progress bar where the server does not say it.
        inner: the folder within the archive that holds the set, a glob pattern; empty for all of it.
        sha256: of the archive, or empty where none is known.
        note: what to know before use.
    """

    name: str
    title: str
    home: str
    url: str
    archive: str
    licence: str
    attribution: str
    megabytes: int
    inner: str = ""
    sha256: str = ""
    note: str = ""


_SETS = (
    PublicSet(
        "bccd",
        "BCCD: 364 fields with boxes of white cells, red cells and platelets",
        "https://github.com/Shenggan/BCCD_Dataset",
        "https://github.com/Shenggan/BCCD_Dataset/archive/d272fb14cdff6e473fafeeeba32aba5f560e9e43.zip",
        "bccd.zip",
        "MIT",
        "BCCD data set (cosmicad, akshaylamba, Shenggan)",
        8,
        "BCCD_Dataset-*/BCCD",
        note="Some red cells are not labelled; shots of one field stand in different official splits.",
    ),
    PublicSet(
        "pbc",
        "PBC: 17,092 single cells of eight classes, Hospital Clínic Barcelona",
        "https://data.mendeley.com/datasets/snkd93bnjr/1",
        "https://data.mendeley.com/public-files/datasets/snkd93bnjr/files/2fc38728-2ae7-4a62-a857-032af82334c3/file_downloaded",
        "PBC_dataset_normal_DIB.zip",
        "CC-BY-4.0",
        "PBC data set, Acevedo et al. 2020, doi:10.17632/snkd93bnjr.1",
        270,
        "PBC_dataset_normal_DIB",
    ),
    PublicSet(
        "txl-pbc",
        "TXL-PBC: 1,260 pictures of four sets with boxes labelled anew",
        "https://github.com/lugan113/TXL-PBC_Dataset",
        "https://github.com/lugan113/TXL-PBC_Dataset/archive/HEAD.zip",
        "txl-pbc.zip",
        "MIT",
        "TXL-PBC data set, Gan and Li 2024, arXiv:2407.13214",
        50,
        "TXL-PBC_Dataset-*/TXL[-_]PBC",
        note="Holds pictures of BCCD, PBC and Raabin: never judge on it what was trained on those.",
    ),
    PublicSet(
        "chula-rbc-12",
        "Chula RBC-12: 706 fields with the centres of red cells of 12 types",
        "https://github.com/Chula-PIC-Lab/Chula-RBC-12-Dataset",
        "https://github.com/Chula-PIC-Lab/Chula-RBC-12-Dataset/archive/HEAD.zip",
        "chula-rbc-12.zip",
        "see its home: the Zenodo copy (record 5638201) says only `Other (Open)`",
        "Chula RBC-12 data set, Naruenatthanaset et al. 2021, arXiv:2012.01321",
        350,
        "Chula-RBC-12-Dataset-*",
        note="Points and red-cell types, no boxes: nothing here trains on it yet.",
    ),
    PublicSet(
        "blood-cells",
        "Kaggle blood-cells: 12,500 pictures made from 347 of BCCD's, four classes",
        "https://www.kaggle.com/datasets/paultimothymooney/blood-cells",
        "https://www.kaggle.com/api/v1/datasets/download/paultimothymooney/blood-cells",
        "blood-cells.zip",
        "see its home; the pictures are made from BCCD (MIT)",
        "Kaggle blood-cells (P. Mooney), from BCCD (cosmicad, akshaylamba, Shenggan)",
        108,
        note="Turned and shifted copies: its TRAIN and TEST show the same cells; accuracies are too good. Use bccd.",
    ),
    PublicSet(
        "raabin",
        "Raabin-WBC: single white cells and fields from three laboratories, other microscopes and phone cameras",
        "https://raabindata.com/free-data/",
        "",
        "",
        "free for commercial and other use, as its home says",
        "Raabin-WBC data set, Kouzehkanan et al. 2022, doi:10.1038/s41598-021-04426-x",
        0,
        note="Its home asks for a registration, so a person has to fetch it.",
    ),
)
PUBLIC_SETS: dict[str, PublicSet] = {one.name: one for one in _SETS}


def public_set(name: str) -> PublicSet:
    """The set of this name.

    Raises:
        DataError: if none is called so.
    """
    if name not in PUBLIC_SETS:
        raise DataError(f"No public data set is known as {name!r}.", f"Known: {', '.join(PUBLIC_SETS)}.")
    return PUBLIC_SETS[name]
