"""What all importers share: a folder claimed, jobs in processes, what is told at the end."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

from tqdm import tqdm

from sightsound.errors import DataError
from sightsound.pairs.performances import SPLITS, DatasetInfo, finish_dataset, write_json
from sightsound.shapes import INSTRUMENTS

PLAN = "plan.json"  # what the folder is being filled with, so that a repeated command fits
OUTCOME = "import.json"  # what an import found, kept so that repeating it tells the same

Job = TypeVar("Job")
Result = TypeVar("Result")

_OTHER_NAMES = {"saxophone": "sax", "french_horn": "horn", "doublebass": "double_bass"}


@dataclass(frozen=True)
class ImportOutcome:
    """What an import made, and one line for each thing that was not as it should be."""

    performances: dict[str, str]  # id → split
    seconds: float  # of sound
    failures: tuple[str, ...] = ()  # damaged or unusable: exit code 2, the rest went on
    notes: tuple[str, ...] = ()  # worth knowing, no fault
    counts: dict[str, int] = field(default_factory=dict)  # further figures, by name

    def __str__(self) -> str:
        found = Counter(self.performances.values())
        splits = ", ".join(f"{split} {found[split]}" for split in SPLITS if found[split])
        line = f"{len(self.performances)} performances, {self.seconds:.0f} s: {splits}"
        counts = [f"{count} {name}" for name, count in self.counts.items()]
        return "\n".join([", ".join([line, *counts]), *self.notes])

    def write(self, output: Path) -> None:
        """Keep it in the data set's folder."""
        write_json(
            output / OUTCOME,
            {
                "performances": self.performances,
                "seconds": self.seconds,
                "failures": list(self.failures),
                "notes": list(self.notes),
                "counts": self.counts,
            },
        )

    @classmethod
    def read(cls, output: Path) -> ImportOutcome:
        """What ``write`` kept.

        Raises:
            DataError: it is missing or unreadable.
        """
        path = output / OUTCOME
        try:
            kept = json.loads(path.read_text(encoding="utf-8"))
            return cls(
                performances=dict(kept["performances"]),
                seconds=kept["seconds"],
                failures=tuple(kept["failures"]),
                notes=tuple(kept["notes"]),
                counts=dict(kept["counts"]),
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(
                f"{path}: missing or unreadable; this data set was not made by an import; give "
                "another folder with -o"
            ) from error


def claim(output: Path, plan: Mapping[str, Any]) -> None:
    """Note what a folder is filled with, or refuse to mix two data sets in one.

    Raises:
        DataError: the folder holds something else.
    """
    path = output / PLAN
    wanted = json.loads(json.dumps(plan))
    if path.exists():
        try:
            begun = json.loads(path.read_text(encoding="utf-8"))
        except ValueError:
            begun = None
        if begun != wanted:
            raise DataError(
                f"{output}: another data set, or this one with other settings, was begun here; "
                "repeat its command, or give another folder with -o"
            )
        return
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise DataError(f"{output}: not an empty folder; give a new one with -o")
    output.mkdir(parents=True, exist_ok=True)
    write_json(path, wanted)


class ImportConfig(Protocol):
    """What every importer's config says of the data set."""

    @property
    def image_size(self) -> int: ...  # pixels

    @property
    def frame_rate(self) -> float: ...  # frames a second

    @property
    def seed(self) -> int: ...  # of the splits


def finish_import(
    output: Path,
    outcome: ImportOutcome,
    config: ImportConfig,
    *,
    kind: str,
    labels: Sequence[str | None],
    license: str,
    sources: tuple[str, ...],
    name: str | None = None,
) -> None:
    """Keep an import's outcome and mark its data set finished.

    ``labels``: of its members; ``name``: None = the folder's.
    """
    outcome.write(output)
    finish_dataset(
        output,
        DatasetInfo(
            name=name or output.resolve().name,
            kind=kind,
            classes=classes_of(labels),
            frame_rate=config.frame_rate,
            image_size=config.image_size,
            license=license,
            seed=config.seed,
            sources=sources,
        ),
    )


def class_of(folder: str) -> str:
    """The class that a folder's name means: one of ours where it is one, else the name itself."""
    plain = folder.strip().lower().replace(" ", "_").replace("-", "_")
    plain = _OTHER_NAMES.get(plain, plain)
    return plain if plain in INSTRUMENTS else folder


def classes_of(found: Sequence[str | None]) -> tuple[str, ...]:
    """Classes in label order: all 13 instruments where no other came, else what came, sorted.

    The recipes know the 13 instruments, in their order.
    """
    names = {name for name in found if name is not None}
    if not names:
        return ()
    return INSTRUMENTS if names <= set(INSTRUMENTS) else tuple(sorted(names))


def in_processes(
    work: Callable[[Job], Result],
    jobs: Sequence[Job],
    *,
    workers: int | None,
    title: str,
    unit: str,
    done: int = 0,
    progress: bool = True,
) -> Iterator[tuple[Job, Result | None]]:
    """Results of jobs as they come; None where a process died over one (killed for its memory).

    Args:
        work: a function at the top of a module; refuses nothing (what it cannot do, it returns).
        jobs: its arguments, one a call.
        workers: processes; None = one a processor. 1 = in this process.
        title: of the progress bar.
        unit: of the progress bar.
        done: jobs done earlier, for the progress bar.
        progress: show it.
    """
    bar = tqdm(total=done + len(jobs), initial=done, desc=title, unit=unit, disable=not progress)
    with bar:
        if workers == 1:
            results: Iterator[tuple[Job, Result | None]] = ((job, work(job)) for job in jobs)
        else:
            results = _in_pools(work, jobs, min(workers or os.cpu_count() or 1, max(len(jobs), 1)))
        for result in results:
            bar.update(1)
            yield result


def _leave_stopping_to_the_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _in_pools(
    work: Callable[[Job], Result], jobs: Sequence[Job], workers: int
) -> Iterator[tuple[Job, Result | None]]:
    # Spawned, not forked: decoders' threads may be running in this process.
    context = multiprocessing.get_context("spawn")
    left = dict(enumerate(jobs))
    while left:
        running: dict[Future[Result], int] = {}
        others = multiprocessing.active_children()
        pool = ProcessPoolExecutor(workers, context, _leave_stopping_to_the_parent)
        try:
            running = {pool.submit(work, job): number for number, job in left.items()}
            for future in as_completed(running):
                result = future.result()
                yield left.pop(running[future]), result
        except BrokenProcessPool:
            for future, number in running.items():
                if number in left and future.done() and future.exception() is None:
                    yield left.pop(number), future.result()
            if workers == 1 or len(left) == 1:  # alone, so it was this one: the first not done
                yield left.pop(min(left)), None
            else:
                workers = 1  # one at a time from here, to see over which it dies
        except BaseException:  # stopped: jobs that are running or were handed out end now
            for process in multiprocessing.active_children():
                if process not in others:
                    process.terminate()
            raise
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
