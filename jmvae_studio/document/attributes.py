"""CelebA's attributes as a person would look for them: headings and names for the eye."""

from __future__ import annotations

from jmvae_studio.language import mark, tr

GROUPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (mark("Expression"), ("Smiling", "Mouth_Slightly_Open", "High_Cheekbones", "Narrow_Eyes")),
    (mark("Person"), ("Male", "Young", "Attractive", "Pale_Skin")),
    (
        mark("Hair"),
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
    (mark("Beard"), ("No_Beard", "5_o_Clock_Shadow", "Goatee", "Mustache", "Sideburns")),
    (mark("Eyes and brows"), ("Eyeglasses", "Bags_Under_Eyes", "Arched_Eyebrows", "Bushy_Eyebrows")),
    (
        mark("Face and features"),
        ("Big_Lips", "Big_Nose", "Pointy_Nose", "Oval_Face", "Chubby", "Double_Chin"),
    ),
    (mark("Make-up"), ("Heavy_Makeup", "Wearing_Lipstick", "Rosy_Cheeks")),
    (mark("Worn"), ("Wearing_Hat", "Wearing_Earrings", "Wearing_Necklace", "Wearing_Necktie")),
    (mark("Picture"), ("Blurry",)),
)
"""Headings in the order of use, in English, and the attributes under each."""

_TITLES = {
    "Smiling": mark("Smiling"),
    "Mouth_Slightly_Open": mark("Mouth slightly open"),
    "High_Cheekbones": mark("High cheekbones"),
    "Narrow_Eyes": mark("Narrow eyes"),
    "Male": mark("Male"),
    "Young": mark("Young"),
    "Attractive": mark("Attractive"),
    "Pale_Skin": mark("Pale skin"),
    "Black_Hair": mark("Black hair"),
    "Blond_Hair": mark("Blond hair"),
    "Brown_Hair": mark("Brown hair"),
    "Gray_Hair": mark("Gray hair"),
    "Bald": mark("Bald"),
    "Bangs": mark("Bangs"),
    "Receding_Hairline": mark("Receding hairline"),
    "Straight_Hair": mark("Straight hair"),
    "Wavy_Hair": mark("Wavy hair"),
    "No_Beard": mark("No beard"),
    "5_o_Clock_Shadow": mark("5 o’clock shadow"),
    "Goatee": mark("Goatee"),
    "Mustache": mark("Mustache"),
    "Sideburns": mark("Sideburns"),
    "Eyeglasses": mark("Eyeglasses"),
    "Bags_Under_Eyes": mark("Bags under eyes"),
    "Arched_Eyebrows": mark("Arched eyebrows"),
    "Bushy_Eyebrows": mark("Bushy eyebrows"),
    "Big_Lips": mark("Big lips"),
    "Big_Nose": mark("Big nose"),
    "Pointy_Nose": mark("Pointy nose"),
    "Oval_Face": mark("Oval face"),
    "Chubby": mark("Chubby"),
    "Double_Chin": mark("Double chin"),
    "Heavy_Makeup": mark("Heavy makeup"),
    "Wearing_Lipstick": mark("Wearing lipstick"),
    "Rosy_Cheeks": mark("Rosy cheeks"),
    "Wearing_Hat": mark("Wearing hat"),
    "Wearing_Earrings": mark("Wearing earrings"),
    "Wearing_Necklace": mark("Wearing necklace"),
    "Wearing_Necktie": mark("Wearing necktie"),
    "Blurry": mark("Blurry"),
}


def title(name: str) -> str:
    """An attribute's name for the eye: ``Mouth_Slightly_Open`` → “Mouth slightly open”."""
    if name in _TITLES:
        return tr(_TITLES[name])
    return name.replace("_", " ").capitalize()


def group(names: tuple[str, ...]) -> list[tuple[str, tuple[str, ...]]]:
    """Sort a model's attributes under `GROUPS`; those that it was taught beside them come first."""
    known = [(heading, tuple(name for name in members if name in names)) for heading, members in GROUPS]
    known = [(heading, members) for heading, members in known if members]
    grouped = {name for _, members in known for name in members}
    others = tuple(name for name in names if name not in grouped)
    heading = mark("Own attributes") if known else mark("Attributes")
    return [(heading, others), *known] if others else known
