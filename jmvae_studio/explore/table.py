"""What a map shows, as a table."""

from __future__ import annotations

import csv
import io

import numpy as np
import numpy.typing as npt

from jmvae_studio.explore.collection import Collection

Floats = npt.NDArray[np.float32]


def to_csv(
    collection: Collection,
    axes: tuple[str, str],
    points: Floats,
    values: Floats | None,
    chosen: npt.NDArray[np.bool_] | None = None,
) -> bytes:
    """One line for every code: its number and name, its place, its group, whether it is chosen, its attributes.

    Args:
        collection: n codes; columns for names and groups are left out where it has none.
        axes: Names of the plane's axes.
        points: n × 2.
        values: n × attributes; None leaves them out.
        chosen: n; None leaves the column out.

    Returns:
        UTF-8 with a header line; bytes of file names that are no UTF-8 as they are.
    """
    header = ["code"]
    columns: list[list[object]] = [list(range(1, len(points) + 1))]
    if collection.titles:
        header.append("name")
        columns.append(list(collection.titles))
    header += axes
    columns += [[f"{value:.6g}" for value in column] for column in points.T.tolist()]
    if collection.member is not None:
        header.append("group")
        columns.append([collection.groups[number].name for number in collection.member])
    if chosen is not None:
        header.append("chosen")
        columns.append([int(flag) for flag in chosen])
    if values is not None:
        header += collection.names
        columns += [[f"{value:.4g}" for value in column] for column in values.T.tolist()]
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(header)
    writer.writerows(zip(*columns, strict=True))
    return text.getvalue().encode("utf-8", "surrogateescape")
