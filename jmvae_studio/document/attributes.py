"""CelebA's attributes as a person would look for them: headings and names for the eye."""

from __future__ import annotations

GROUPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Expression", ("Smiling", "Mouth_Slightly_Open", "High_Cheekbones", "Narrow_Eyes")),
    ("Person", ("Male", "Young", "Attractive", "Pale_Skin")),
    (
        "Hair",
        (
            "Black_Hair",
            "Blond_Hair",
            "Brown_Hair",
            "Gray_Hair",
            "Bald",
            "Bangs",
            "Receding_Hairline",
            "Straight_Hair",
            "Wavy_Hair",
        ),
    ),
    ("Beard", ("No_Beard", "5_o_Clock_Shadow", "Goatee", "Mustache", "Sideburns")),
    ("Eyes and brows", ("Eyeglasses", "Bags_Under_Eyes", "Arched_Eyebrows", "Bushy_Eyebrows")),
    ("Face and features", ("Big_Lips", "Big_Nose", "Pointy_Nose", "Oval_Face", "Chubby", "Double_Chin")),
    ("Make-up", ("Heavy_Makeup", "Wearing_Lipstick", "Rosy_Cheeks")),
    ("Worn", ("Wearing_Hat", "Wearing_Earrings", "Wearing_Necklace", "Wearing_Necktie")),
    ("Picture", ("Blurry",)),
)
"""Headings in the order of use, and the attributes under each."""

_TITLES = {"5_o_Clock_Shadow": "5 o’clock shadow", "No_Beard": "No beard"}


def title(name: str) -> str:
    """An attribute's name for the eye: ``Mouth_Slightly_Open`` → “Mouth slightly open”."""
    return _TITLES.get(name) or name.replace("_", " ").capitalize()


def group(names: tuple[str, ...]) -> list[tuple[str, tuple[str, ...]]]:
    """Sort a model's attributes under `GROUPS`; names of other data sets come last, under one heading."""
    known = [(heading, tuple(name for name in members if name in names)) for heading, members in GROUPS]
    grouped = {name for _, members in known for name in members}
    others = tuple(name for name in names if name not in grouped)
    return [(heading, members) for heading, members in [*known, ("Attributes", others)] if members]
