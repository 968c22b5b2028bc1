"""How well faces are found and squared, as a table: ``python -m benchmarks.faces [--data DIR]``.

Needs the LFW photographs, the two portraits and CelebA's aligned pictures (see CONTRIBUTING). With ``--calibrate``
the constants of :mod:`trainer.data.face_detection` are fitted on CelebA's training partition instead.
"""

from __future__ import annotations

import argparse
import math
import os
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from trainer.data.face_crop import (
    ALIGNED_CENTER,
    ALIGNED_SIDE,
    ALIGNED_SIZE,
    FaceCrop,
    Pixels,
    aligned_crop,
    extract,
)
from trainer.data.face_detection import Face, find_faces
from trainer.data.images import list_images, open_image, open_image_bytes

ENLARGED = 4


def main() -> None:
    """Print the table, or the constants."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=os.environ.get("JMVAE_DATA", "../shared/data"))
    parser.add_argument("--count", type=int, default=400, help="CelebA pictures of each kind")
    parser.add_argument("--sheets", type=Path, help="folder for contact sheets of the crops")
    parser.add_argument("--calibrate", action="store_true", help="fit the constants and print them")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    if options.calibrate:
        calibrate(options.data)
        return
    photos = [open_image(path).pixels for path in list_images(options.data / "photos" / "lfw")]
    for turn in (0, 20, -20):
        row_lfw(photos, turn, options.sheets)
    for label, names in aligned_names(options.data, options.count).items():
        row_aligned(options.data, label, names, options.sheets)
    row_portraits(options.data, options.sheets)
    row_large(photos)


def show(what: str, value: str, goal: str = "") -> None:
    """One row of the table."""
    print(f"{what:<80} {value:>14}  {goal}", flush=True)


def first_face(photo: Pixels) -> tuple[Face | None, float]:
    """The first face, and the processor's seconds it took."""
    start = time.process_time()
    faces = find_faces(photo)
    return (faces[0] if faces else None), time.process_time() - start


def row_lfw(photos: list[Pixels], turn: int, sheets: Path | None) -> None:
    """The main face of an LFW picture is at its centre, also when the picture is turned."""
    hits, errors, seconds, crops = 0, [], [], []
    for photo in photos:
        side = photo.shape[0]
        turned = extract(photo, FaceCrop(side / 2, side / 2, side, -turn), side) if turn else photo
        face, took = first_face(turned)
        seconds.append(took)
        if face is None:
            continue
        left, top, width, height = face.box
        if left <= side / 2 <= left + width and top <= side / 2 <= top + height:
            hits += 1
            errors.append(face.crop.roll - turn)
            crops.append(extract(turned, face.crop, 96))
    wrong = np.abs(errors)
    label = f"LFW turned by {turn}°" if turn else "LFW"
    show(f"{label}: first face holds the centre", f"{hits / len(photos):.1%}", "" if turn else ">= 98 %")
    show(f"{label}: mean |roll error|", f"{wrong.mean():.1f}°")
    show(f"{label}: roll within 10°", f"{(wrong <= 10).mean():.1%}")
    show(f"{label}: processor time, median and largest", f"{np.median(seconds):.3f} {max(seconds):.3f} s")
    save_sheet(sheets, f"lfw{turn}", crops)


def aligned_names(data: Path, count: int) -> dict[str, list[str]]:
    """CelebA pictures that took no part in the calibration."""
    small, _, test = partitions(data)
    rng = np.random.default_rng(0)
    return {
        "CelebA test partition": list(rng.permutation(test)[:count]),
        "CelebA ids <= 10000, not calibrated on": small[-count:],
    }


def partitions(data: Path) -> tuple[list[str], list[str], list[str]]:
    """Names with ids up to 10000 (shuffled), other training names and test names that are in the archive."""
    lines = (data / "celeba" / "list_eval_partition.txt").read_text().split("\n")
    part = dict(line.split() for line in lines if line)
    with zipfile.ZipFile(data / "celeba" / "img_align_celeba.zip") as archive:
        names = sorted(Path(name).name for name in archive.namelist() if name.endswith(".jpg"))
    small = [name for name in names if int(name[:6]) <= 10000 and part[name] == "0"]
    train = [name for name in names if int(name[:6]) > 10000 and part[name] == "0"]
    test = [name for name in names if part[name] == "2"]
    return list(np.random.default_rng(1).permutation(small)), train, test


def aligned(data: Path, names: list[str]) -> Iterator[Pixels]:
    """The aligned pictures, enlarged for the detector."""
    with zipfile.ZipFile(data / "celeba" / "img_align_celeba.zip") as archive:
        for name in names:
            pixels = open_image_bytes(archive.read(f"img_align_celeba/{name}"), name).pixels
            size = (pixels.shape[1] * ENLARGED, pixels.shape[0] * ENLARGED)
            yield np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_CUBIC), np.uint8)


def row_aligned(data: Path, label: str, names: list[str], sheets: Path | None) -> None:
    """Detection's square against the proportional one, in shares of the latter's side."""
    found, agree, sides, turned, crops = 0, 0, [], 0, []
    for picture in aligned(data, names):
        height, width = picture.shape[:2]
        face, _ = first_face(picture)
        if face is None:
            continue
        found += 1
        wanted, crop = aligned_crop(width, height), face.crop
        signs = np.array([-1, 1]) / 2
        edges = np.concatenate(
            [
                crop.center_x + signs * crop.side - wanted.center_x - signs * wanted.side,
                crop.center_y + signs * crop.side - wanted.center_y - signs * wanted.side,
            ]
        )
        agree += bool((np.abs(edges) <= 0.1 * wanted.side).all())
        turned += crop.roll != 0
        sides.append(crop.side * ALIGNED_SIZE[0] / width)
        crops.append(extract(picture, crop, 96))
    show(f"{label} ({len(names)}): found", f"{found / len(names):.1%}")
    show(f"{label}: all edges within 10 % (a miss counts)", f"{agree / len(names):.1%}", ">= 90 %")
    show(f"{label}: median side of 178", f"{np.median(sides):.1f}", "148")
    show(f"{label}: upright pictures levelled", f"{turned / len(names):.1%}")
    save_sheet(sheets, label.split()[1], crops)


def row_portraits(data: Path, sheets: Path | None) -> None:
    """Pictures whose face is known: the papers' two portraits and scikit-image's astronaut."""
    from skimage.data import astronaut

    crops = []
    for name, eyes in (("mona_lisa", (181, 139)), ("mozart", (66, 89)), ("astronaut", (224, 102))):
        if name == "astronaut":
            photo = np.ascontiguousarray(astronaut())
        else:
            photo = open_image(data / "photos" / f"{name}.jpg").pixels
        face, took = first_face(photo)
        right = False
        if face is not None:
            left, top, width, height = face.box
            right = left < eyes[0] < left + width and top < eyes[1] < top + height
            crops.append(extract(photo, face.crop, 192))
        show(f"{name}: right face first", f"{'yes' if right else 'NO'} {took:.3f} s", "yes")
    save_sheet(sheets, "portraits", crops)


def row_large(photos: list[Pixels]) -> None:
    """A portrait of 12 megapixels, and a group of 2000 pixels' width with small faces."""
    portrait = np.asarray(cv2.resize(photos[3], (4000, 3000), interpolation=cv2.INTER_CUBIC), np.uint8)
    find_faces(photos[0])  # the classifiers are loaded
    start = time.process_time()
    count = len(find_faces(portrait))
    show("12 MP portrait: processor time", f"{time.process_time() - start:.3f} s", "<= 0.150 s")
    show("12 MP portrait: faces", str(count), "1")
    group = np.full((1333, 2000, 3), 127, np.uint8)
    places = [(x, y) for y in (300, 800) for x in range(120, 1800, 290)]
    for photo, (x, y) in zip(photos, places, strict=False):
        group[y : y + 150, x : x + 150] = cv2.resize(photo, (150, 150), interpolation=cv2.INTER_AREA)
    start = time.process_time()
    boxes = [face.box for face in find_faces(group)]
    took = time.process_time() - start
    hits = sum(
        any(b[0] < x + 75 < b[0] + b[2] and b[1] < y + 75 < b[1] + b[3] for b in boxes) for x, y in places
    )
    show("2000 px group, faces 60 px: found", f"{hits} of {len(places)}", f"{len(boxes) - hits} false")
    show("2000 px group: processor time", f"{took:.3f} s")


def save_sheet(folder: Path | None, name: str, crops: list[Pixels]) -> None:
    """A contact sheet of the crops."""
    if folder is None or not crops:
        return
    from PIL import Image

    side, columns = crops[0].shape[0], 20
    rows = math.ceil(len(crops) / columns)
    sheet = np.zeros((rows * side, min(columns, len(crops)) * side, 3), np.uint8)
    for index, crop in enumerate(crops):
        row, column = divmod(index, columns)
        sheet[row * side : (row + 1) * side, column * side : (column + 1) * side] = crop
    folder.mkdir(parents=True, exist_ok=True)
    Image.fromarray(sheet).save(folder / f"{name}.png")


def calibrate(data: Path) -> None:
    """Fit the square to 500 + 250 pictures of the training partition and print the constants."""
    small, train, _ = partitions(data)
    names = small[:500] + list(np.random.default_rng(2).permutation(train)[:250])
    rows = []
    for picture in aligned(data, names):
        face, _ = first_face(picture)
        if face is not None and abs(face.crop.roll) < 10:
            left, top, width, _ = face.box
            eyes = np.mean(face.eyes, axis=0) if face.eyes else (np.nan, np.nan)
            apart = math.dist(*face.eyes) if face.eyes else np.nan
            scale = ALIGNED_SIZE[0] / picture.shape[1]
            rows.append(np.array([left + width / 2, top + width / 2, width, *eyes, apart]) * scale)
    x, y, width, eyes_x, eyes_y, apart = np.array(rows).T
    per_width, per_eyes = np.median(ALIGNED_SIDE / width), np.nanmedian(ALIGNED_SIDE / apart)
    down = np.median((ALIGNED_CENTER[1] - y) / width)
    eyes_down = np.nanmedian((ALIGNED_CENTER[1] - eyes_y) / apart)
    shares = (
        share(x, eyes_x),
        share(y + down * width, eyes_y + eyes_down * apart),
        share(np.log(width), np.log(apart)),
    )
    print(f"pictures {len(rows)} of {len(names)}, with eyes {int(np.isfinite(apart).sum())}")
    print(f"_SIDE_PER_WIDTH = {per_width:.3f}\n_DOWN_PER_WIDTH = {down:.3f}")
    print(f"_SIDE_PER_EYES = {per_eyes:.2f}\n_DOWN_PER_EYES = {eyes_down:.3f}")
    print("_TRUST_IN_EYES = (" + ", ".join(f"{value:.2f}" for value in shares) + ")")


def share(box: npt.NDArray[np.float64], eyes: npt.NDArray[np.float64]) -> float:
    """The share of the eyes in the mixture of two estimates that spreads least, outliers left out."""
    both = np.isfinite(eyes)
    pair = np.stack([box[both], eyes[both]])
    pair -= np.median(pair, axis=1, keepdims=True)
    pair = pair[:, (np.abs(pair) < 6 * np.median(np.abs(pair), axis=1, keepdims=True)).all(axis=0)]
    change = pair[1] - pair[0]
    return float(-(pair[0] @ change) / (change @ change))


if __name__ == "__main__":
    main()
