"""Columns of attributes: whose they are, and what they are called."""

from jmvae_studio.document.columns import single_labels, turned


def test_each_chosen_attribute_is_turned_to_its_other_side_alone() -> None:
    base = (0.7, -0.9, 0.1)
    columns = turned(("Male", "Bald", "Young"), base, ["Bald", "Unknown", "Male"])
    assert columns == [("Bald", (0.7, 1, 0.1)), ("not male", (-1, -0.9, 0.1))]


def test_labels_exclude_each_other() -> None:
    assert single_labels(("0", "1")) == [("0", (1, 0)), ("1", (0, 1))]
