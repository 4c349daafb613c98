"""Writes the figures of this folder's documents from `training/measured`.

    python -m training.documents

`MIXERS.md` and its pictures from `mixers.json`, which is the `report.json` of
`training.compare_mixers`; `PRETRAINING.md`, `RESULTS.md` and their pictures
from `detection.json` and `tasks.json`, those of `training.compare_tasks` by
study.
"""

import json
from pathlib import Path

from benchmarks.readme import rendered
from training import mixer_report
from training import task_report

ROOT = Path(__file__).parents[1]


def mixers() -> str:
    """Returns `MIXERS.md` with today's figures."""
    return _document("MIXERS.md", "mixers.json", mixer_report.tables)


def pretraining() -> str:
    """Returns `PRETRAINING.md` with today's figures."""
    return _document("PRETRAINING.md", "detection.json", task_report.tables)


def results() -> str:
    """Returns `RESULTS.md` with today's figures."""
    return _document("RESULTS.md", "tasks.json", task_report.tables)


def _document(name, measured, tables) -> str:
    text = (ROOT / "training" / name).read_text(encoding="utf-8")
    return rendered(text, {"comparison": lambda: tables(_read(measured))})


def _read(name) -> dict:
    path = ROOT / "training" / "measured" / name
    return json.loads(path.read_text(encoding="utf-8"))


# Document -> what returns it.
DOCUMENTS = {
    "training/MIXERS.md": mixers,
    "training/PRETRAINING.md": pretraining,
    "training/RESULTS.md": results,
}


def main() -> None:
    """Writes all documents and their pictures."""
    for name, document in DOCUMENTS.items():
        (ROOT / name).write_text(document(), encoding="utf-8")
    pictures = ROOT / "docs"
    found = _read("mixers.json")
    mixer_report.draw_losses(found, pictures / "mixers_losses.png")
    mixer_report.draw_accuracies(found, pictures / "mixers_accuracies.png")
    for measured, picture in (
        ("detection.json", "pretraining_losses.png"),
        ("tasks.json", "tasks_losses.png"),
    ):
        task_report.draw_losses(_read(measured), pictures / picture)


if __name__ == "__main__":
    main()
