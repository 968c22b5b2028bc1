"""Promises 19, 21 and 22: read-only places, damaged settings and sessions, and equal results every time."""

from __future__ import annotations

import ctypes
import hashlib
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.reliability.harness import Check, Outcome
from benchmarks.reliability.window import copied_samples
from jmvae_studio.document.edit import Edit
from jmvae_studio.document.photo import FaceState, KeptFace, Version
from jmvae_studio.document.records import FaceRecord
from jmvae_studio.document.session import Session
from jmvae_studio.document.session_file import (
    PhotoRecord,
    SessionFileError,
    SessionRecord,
    VersionRecord,
    load,
    restore,
    save,
)
from jmvae_studio.resources import samples
from jmvae_studio.settings import Settings, SettingsFile
from trainer.data.face_crop import FaceCrop
from trainer.data.images import open_image

ROOT = Path(__file__).parents[2]
_BOUNDING_DROP, _HIGHEST_CAPABILITY = 24, 63

# Read-only places ----------------------------------------------------------------------------------


def _obey_permissions() -> None:
    """In a child before it begins: root is bound by permissions too."""
    if os.geteuid() == 0:
        library = ctypes.CDLL(None)
        for capability in range(_HIGHEST_CAPABILITY):
            library.prctl(_BOUNDING_DROP, capability, 0, 0, 0)


def _run(arguments: list[str], install: Path, home: Path) -> subprocess.CompletedProcess[str]:
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "JMVAE_", "PYTHON"))
    }
    environment |= {"HOME": str(home), "QT_QPA_PLATFORM": "offscreen", "PYTHONPATH": str(install)}
    before: Callable[[], None] | None = _obey_permissions if sys.platform == "linux" else None
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=install,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        preexec_fn=before,
    )


def _lock(folder: Path) -> None:
    for path in [folder, *folder.rglob("*")]:
        if not path.is_symlink():
            path.chmod(0o555 if path.is_dir() else 0o444)


def _unlock(folder: Path) -> None:
    folder.chmod(0o755)
    for path in folder.rglob("*"):
        if path.is_dir():
            path.chmod(0o755)


def read_only_trial(number: int, folder: Path) -> Outcome:
    """With the program, the photographs and the home read-only: the window edits, an export says where else."""
    outcome = Outcome()
    install, home, photos, out = (folder / name for name in ("install", "home", "photos", "out"))
    for package in ("jmvae_studio", "trainer", "resources"):
        shutil.copytree(ROOT / package, install / package, ignore=shutil.ignore_patterns("__pycache__"))
    home.mkdir()
    out.mkdir()
    photo = copied_samples(photos, 1)[0]
    for place in (install, home, photos):
        _lock(place)
    edit = ["-m", "jmvae_studio", "edit", "--set", "Smiling=1", "--device", "cpu"]
    try:
        window = _run(
            ["-m", "jmvae_studio", "--screenshot", str(out / "w.png"), "--set", "Smiling=1", str(photo)],
            install,
            home,
        )
        outcome.expect(window.returncode == 0, f"the window: {window.stderr[-300:]}")
        refused = _run([*edit, "--out", str(photos / "result.png"), str(photo)], install, home)
        outcome.expect(refused.returncode == 1, f"an export into a read-only folder: {refused.returncode}")
        told = " ".join(refused.stderr.split())
        outcome.expect("Try another folder" in told, f"the refusal offers no other place: {told[-300:]}")
        elsewhere = _run([*edit, "--out", str(out / "result.png"), str(photo)], install, home)
        outcome.expect(elsewhere.returncode == 0, f"an export elsewhere: {elsewhere.stderr[-300:]}")
        outcome.expect((out / "result.png").is_file(), "the export elsewhere is not there")
        for name, done in (("window", window), ("refusal", refused), ("export", elsewhere)):
            outcome.expect("Traceback" not in done.stderr, f"{name}: {done.stderr[-500:]}")
    finally:
        for place in (install, home, photos):
            _unlock(place)
    return outcome


# Damaged files -------------------------------------------------------------------------------------


def _damaged(data: bytes, chance: random.Random) -> bytes:
    changed = bytearray(data)
    kind = chance.randrange(6)
    if kind == 0:
        return bytes(changed[: chance.randrange(len(changed))])
    if kind == 1:
        return chance.randbytes(chance.randrange(400))
    if kind == 2:
        return bytes(len(changed))
    for _ in range(chance.randrange(1, 8)):
        place = chance.randrange(len(changed))
        if kind == 3:
            changed[place] = chance.randrange(256)
        elif kind == 4:
            del changed[place : place + chance.randrange(1, 30)]
        else:
            digit = chance.choice((b"-1", b"1e999", b"null", b"[]", b'"x"', b"NaN", b"{}"))
            changed[place:place] = digit
    return bytes(changed)


def _rich_session() -> SessionRecord:
    edit = Edit().with_values({"Smiling": 1.5, "Male": -2}).with_state("Young", "locked", 0.25)
    face = FaceState(FaceCrop(40, 40, 60, 5), (1, 2, 60, 60), edit)
    version = VersionRecord.of(Version("One", (KeptFace.of(face),)))
    photo = PhotoRecord(
        path="photo.png", bytes=9, searched=True, faces=[FaceRecord.of(face)], versions=[version]
    )
    return SessionRecord(photos=[photo, photo.model_copy(update={"path": "other.png"})], shown=1)


def damage_trial(number: int, folder: Path) -> Outcome:
    """Damage a settings file and a session's file: each is read, or set aside (or refused) with a sentence."""
    outcome = Outcome()
    chance = random.Random(number)
    file = SettingsFile(folder / "settings.json")
    file.save(Settings(theme="dark", favourites=["Smiling"], export_quality=80, recent_files=["/a", "/b"]))
    data = _damaged(file.path.read_bytes(), chance)
    file.path.write_bytes(data)
    settings, told = file.load()
    if told is None:
        outcome.expect(isinstance(settings, Settings), "no settings came of the file")
    else:
        outcome.expect(settings == Settings(), "damaged settings are not the defaults")
        kept = folder / "settings.bad"
        outcome.expect(kept.is_file() and kept.read_bytes() == data, "the damaged settings were not kept")
        outcome.expect("\n" not in told, f"more than a sentence: {told!r}")
    path = folder / "work.jmvae"
    save(path, _rich_session())
    path.write_bytes(_damaged(path.read_bytes(), chance))
    try:
        restore(Session(), load(path), path)
    except SessionFileError as error:
        outcome.expect("\n" not in str(error), f"more than a sentence: {error!s:.200}")
    return outcome


# The same every time -------------------------------------------------------------------------------


def same_trial(number: int, folder: Path) -> Outcome:
    """One edit in two processes of its own, with the wishes of trial ``number``: equal to the bit."""
    outcome = Outcome()
    photo = samples()[number % len(samples())]
    mode = ("latent", "residual", "generate")[number % 3]
    digests, pictures = set(), []
    for run in range(2):
        out = folder / f"{run}.png"
        command = [sys.executable, "-m", "jmvae_studio", "edit", "--device", "cpu", "--mode", mode]
        command += ["--set", f"Smiling={1 + number % 5 / 4}", "--out", str(out), str(photo)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
        if done.returncode:
            outcome.faults.append(done.stderr[-300:])
            return outcome
        digests.add(hashlib.sha256(out.read_bytes()).hexdigest())
        pictures.append(open_image(out).pixels.astype(int))
    outcome.measure("largest difference, of 255", float(np.abs(pictures[0] - pictures[1]).max()))
    outcome.expect(len(digests) == 1, "the files differ")
    return outcome


READ_ONLY = Check(
    "19", "read-only", "everything read-only but the place of the results", 5, "round", read_only_trial
)
DAMAGE = Check("21", "damage", "damaged settings and sessions", 1000, "pair of files", damage_trial)
SAME = Check(
    "22",
    "same",
    "the same edit in two processes",
    10,
    "pair of runs",
    same_trial,
    {"largest difference, of 255": 0},
)
