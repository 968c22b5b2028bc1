"""A map's table: which columns there are, and what stands in them."""

import numpy as np

from jmvae_studio.explore.collection import Collection, Group
from jmvae_studio.explore.table import to_csv

CODES = np.zeros((2, 3), np.float32)
POINTS = np.array([[1.5, -2], [0.25, 3]], np.float32)
VALUES = np.array([[0.12348, -1], [1, 0.5]], np.float32)


def test_names_groups_and_the_choice_have_columns_where_there_are_any() -> None:
    face = np.zeros((2, 2, 3), np.uint8)
    groups = (Group("Base", CODES[0], face), Group("not, so", CODES[1], face))
    collection = Collection(
        CODES, ("A", "B"), titles=("a.png", "caf\udce9"), groups=groups, member=np.array([1, 0])
    )
    made = to_csv(collection, ("z1", "z2"), POINTS, VALUES, np.array([True, False]))
    assert made.split(b"\r\n") == [
        b"code,name,z1,z2,group,chosen,A,B",
        b'1,a.png,1.5,-2,"not, so",1,0.1235,-1',
        b"2,caf\xe9,0.25,3,Base,0,1,0.5",
        b"",
    ]


def test_places_alone() -> None:
    made = to_csv(Collection(CODES, ("A", "B")), ("PC 1", "PC 2"), POINTS, None)
    assert made.splitlines() == [b"code,PC 1,PC 2", b"1,1.5,-2", b"2,0.25,3"]
