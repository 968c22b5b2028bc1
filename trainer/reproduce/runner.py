"""From a description to its result: train what is missing, measure, draw, write."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from trainer.checkpoint_header import read_checkpoint
from trainer.config import load_config
from trainer.errors import ConfigError, TrainerError
from trainer.events import Progress
from trainer.reproduce.experiment import Budget, Experiment, Measured, Trained, Training
from trainer.reproduce.report import Amount, to_json, to_markdown, trained_amounts
from trainer.reproduce.runs import Job, setting, train_all

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Request:
    """What the user asked for.

    Attributes:
        budget: How much to train and evaluate.
        data: Folder of the data set.
        out: Folder of the runs; other experiments find theirs in it too.
        results: Folder of the result.
        seed: Of training and evaluation.
        workers: Runs trained at a time.
        train: Whether to train; without, the runs are evaluated as they stand.
        changes: Settings that win over the experiment's, in all runs.
        photos: Photographs whose faces the figures show; pictures of the test partition if empty.
        replace: Whether a result of more training, or a damaged one, may be written over.
    """

    budget: Budget
    data: Path
    out: Path
    results: Path
    seed: int = 0
    workers: int = 1
    train: bool = True
    changes: Mapping[str, Any] = field(default_factory=dict)
    photos: tuple[Path, ...] = ()
    replace: bool = False


def reproduce(experiment: Experiment, request: Request, progress: Progress) -> dict[str, Any]:
    """Bring ``experiment`` to its budget and write ``NAME.json``, ``NAME.md`` and its pictures.

    Returns:
        What ``NAME.json`` holds.

    Raises:
        TrainerError: Nothing is trained and nothing shall be; there is a result of more training; or a run, the data or
            a photograph cannot be used.
        KeyboardInterrupt: Training was stopped; its runs are saved, nothing is written.
    """
    jobs = {training: _job(experiment, training, request) for training in experiment.trainings}
    photographs = _photographs(experiment, request, next(iter(jobs.values())).config.image_size)
    if not request.train:
        for job in jobs.values():
            job.check()
        if not any(job.epochs for job in jobs.values()):
            raise TrainerError(f"No run of “{experiment.name}” in {request.out} has finished an epoch yet.")
    if not request.replace:
        _check_replaced(experiment, request, jobs)
    if request.train:
        train_all(list(jobs.values()), request.workers, request.out / "logs", progress)
    trained = _trained(experiment, request, jobs, photographs)
    measured: dict[str, Measured] = {}
    for number, run in enumerate(trained):
        progress("measuring", number, len(trained), run.training.name)
        measured.setdefault(run.training.row, {}).update(_measure(experiment, run))
    progress("drawing", 0, 1, "")
    pictures = experiment.draw(trained, measured) if experiment.draw else []
    result = _result(experiment, request, trained, measured)
    result["missing"] = [t.name for t in jobs if t not in {run.training for run in trained}]
    result["pictures"] = [
        {"file": f"{experiment.name}-{picture.name}", "caption": picture.caption} for picture in pictures
    ]
    from trainer.files import write_beside

    request.results.mkdir(parents=True, exist_ok=True)
    for picture in pictures:
        write_beside(request.results / f"{experiment.name}-{picture.name}", picture.content)
    write_beside(request.results / f"{experiment.name}.json", to_json(result))
    write_beside(request.results / f"{experiment.name}.md", to_markdown(result))
    return result


def _job(experiment: Experiment, training: Training, request: Request) -> Job:
    config = experiment.config(training, request.budget, request.data, request.seed, request.changes)
    return Job(request.out.absolute() / experiment.run_name(training, config), config)


def _check_replaced(experiment: Experiment, request: Request, jobs: Mapping[Training, Job]) -> None:
    """See before anything is trained that no result of more training would be lost."""
    path = request.results / f"{experiment.name}.json"
    if not path.exists():
        return
    here = {training.name: job for training, job in jobs.items()}
    for name, there in trained_amounts(path).items():
        now = _amount(here.get(name), request.train, there.pictures)
        if there.epochs > now.epochs or there.pictures > now.pictures:
            raise TrainerError(
                f"{path} holds a result of more training ({name} has {there.epochs} epochs of {there.pictures} "
                f"pictures there, {now.epochs} of {now.pictures} here): "
                "give another folder with --results, or --replace."
            )


def _amount(job: Job | None, train: bool, pictures: int) -> Amount:
    """What a run is going to have learned from, if its data hold ``pictures``."""
    if job is None:
        return Amount(0, 0)
    return Amount(
        job.config.total_epochs if train else job.epochs, min(pictures, job.config.limit or pictures)
    )


def _photographs(experiment: Experiment, request: Request, size: int) -> Mapping[str, Pixels]:
    """Seen to before anything is trained."""
    if not request.photos:
        return {}
    if not experiment.photographs:
        raise ConfigError(f"The figures of “{experiment.name}” show no photographs: leave out --photo.")
    from trainer.reproduce.photographs import crop_photographs

    return crop_photographs(request.photos, size)


def _trained(
    experiment: Experiment,
    request: Request,
    jobs: Mapping[Training, Job],
    photographs: Mapping[str, Pixels],
) -> list[Trained]:
    """The runs that have published weights, one or more, with the data they share."""
    from trainer.data.loading import load_dataset

    ready = {training: job for training, job in jobs.items() if job.epochs}
    dataset = load_dataset(next(iter(ready.values())).config)
    effort = experiment.efforts[request.budget]
    return [
        Trained(
            training,
            job.folder,
            load_config(job.folder / "config.json"),
            dataset,
            effort,
            request.seed,
            photographs,
        )
        for training, job in ready.items()
    ]


def _measure(experiment: Experiment, run: Trained) -> Measured:
    """What the experiment measures of one run, kept beside it until the weights or the effort change."""
    if experiment.measure is None:
        return {}
    from trainer.files import write_beside

    path = run.folder / "measured" / f"{experiment.name}.json"
    effort = {"rows": run.effort.rows, "k": run.effort.k, "seed": run.seed, "data": str(run.config.data)}
    key = {"digest": run.digest, "columns": list(experiment.columns), "code": _code_digest(), **effort}
    measured = _kept(path, key) if path.is_file() else None
    if measured is None:
        measured = experiment.measure(run)
        path.parent.mkdir(exist_ok=True)
        write_beside(path, json.dumps({"key": key, "measured": measured}).encode())
    return measured


def _kept(path: Path, key: Mapping[str, Any]) -> Measured | None:
    """What was measured under the same ``key``; None if it was under another one, or the file is damaged."""
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        if kept["key"] != key:
            return None
        numbers = {
            column: {"value": cell["value"], "standard_error": cell.get("standard_error")}
            for column, cell in kept["measured"].items()
        }
    except (ValueError, LookupError, TypeError, AttributeError):
        return None
    found = [number for cell in numbers.values() for number in cell.values()]
    return numbers if all(number is None or isinstance(number, float | int) for number in found) else None


@cache
def _code_digest() -> str:
    """Of what measures, the judge of edits too, so that nothing is kept that another version of it has measured."""
    from trainer.cli_common import JUDGE

    package, digest = Path(__file__).parents[1], hashlib.sha256()
    folders = ("models", "evaluation", "reproduce", "data")
    modules = [path for folder in folders for path in sorted((package / folder).rglob("*.py"))]
    for path in (*modules, package / "objectives.py", JUDGE):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _result(
    experiment: Experiment, request: Request, trained: list[Trained], measured: Mapping[str, Measured]
) -> dict[str, Any]:
    rows = list(dict.fromkeys(run.training.row for run in trained))
    short = {run.training.row for run in trained if not run.finished}
    first = trained[0]
    return {
        "experiment": experiment.name,
        "title": experiment.title,
        "source": experiment.source,
        "budget": request.budget,
        "command": f"python -m trainer reproduce {experiment.name} --budget {request.budget} --data DATA --out RUNS"
        + (f" --seed {request.seed}" if request.seed else "")
        + "".join(f" --photo {photo.name}" for photo in request.photos)
        + "".join(f" --set {setting(name, value)}" for name, value in request.changes.items()),
        "dataset": first.config.dataset,
        "seed": request.seed,
        "evaluation": {"pictures": len(first.rows()), **asdict(first.effort)},
        "columns": dict(experiment.columns),
        "table": [
            {
                "name": row,
                "unfinished": row in short,
                "measured": measured.get(row, {}),
                "paper": dict(experiment.papers.get(row, {})),
            }
            for row in rows
        ],
        "notes": list(experiment.notes),
        "runs": [_run(run) for run in trained],
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("torch", "numpy", "lightning-fabric")},
        },
    }


def _run(run: Trained) -> dict[str, Any]:
    header = read_checkpoint(run.checkpoint)[0]
    return {
        "name": run.training.name,
        "row": run.training.row,
        "system": run.training.system,
        "settings": {
            name: getattr(run.config, name) for name in {**run.effort.settings, **run.training.settings}
        },
        "epochs": run.epochs,
        "epochs_planned": run.config.total_epochs,
        "finished": run.finished,
        "full_beta_share": round(run.full_beta_share, 4),
        "pictures": header.training["pictures"],
        "seed": run.config.seed,
        "seconds": round(run.seconds(), 3),
        "digest": header.digest,
    }
