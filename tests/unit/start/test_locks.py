"""The lock files."""

import re
from types import ModuleType

from tests.unit.start.conftest import ROOT


def packages(lock: str) -> dict[str, set[str]]:
    """Each package of a lock file with its versions; every one must be exact and hashed."""
    found: dict[str, set[str]] = {}
    text = "\n".join(line for line in (ROOT / lock).read_text().splitlines() if not line.startswith("#"))
    for entry in re.split(r"\n(?=\S)", text.strip()):
        match = re.match(r"([a-z0-9-]+)==(\S+)( ; [^\\]+)? \\\n", entry)
        assert match, entry[:80]
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", entry), entry[:80]
        found.setdefault(match[1], set()).add(match[2])
    return found


def test_the_locks_are_exact_hashed_and_without_torch_or_addresses() -> None:
    run, test = packages("requirements.lock"), packages("requirements-dev.lock")
    assert run.items() <= test.items()
    assert {"numpy", "pyside6-essentials", "sympy", "jinja2", "setuptools"} <= run.keys()
    assert {"pytest", "ruff", "mypy"} <= test.keys() - run.keys()
    assert not [name for name in test if re.match(r"(torch|triton|nvidia|cuda)(-|$)", name)]
    for lock in ("requirements.lock", "requirements-dev.lock"):
        assert not re.search(r"://|file:|--index|--find-links| /", (ROOT / lock).read_text())


def test_the_locks_hold_what_the_project_asks_for(start: ModuleType) -> None:
    import tomllib

    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    with (ROOT / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)
    test = packages("requirements-dev.lock")
    for text in project["project"]["dependencies"] + project["dependency-groups"]["dev"]:
        asked = Requirement(text)
        if asked.name == "torch":
            assert asked.specifier.contains(start.TORCH)
            continue
        versions = test[canonicalize_name(asked.name)]
        assert all(asked.specifier.contains(version) for version in versions), text
