"""Writes the figures of this folder's documents from `training/measured`.

    python -m training.documents

`MIXERS.md` from `mixers.json`, which is the `report.json` of
`training.compare_mixers`, and its pictures into `docs`.
"""

import json
from pathlib import Path

from benchmarks.readme import rendered
from training import mixer_report

ROOT = Path(__file__).parents[1]
_MEASURED = ROOT / "training" / "measured"


def mixers() -> str:
    """Returns `MIXERS.md` with today's figures."""
    text = (ROOT / "training" / "MIXERS.md").read_text(encoding="utf-8")
    tables = {"comparison": lambda: mixer_report.tables(_mixers())}
    return rendered(text, tables)


def _mixers() -> dict:
    return json.loads((_MEASURED / "mixers.json").read_text(encoding="utf-8"))


# Document -> what returns it.
DOCUMENTS = {"training/MIXERS.md": mixers}


def main() -> None:
    """Writes all documents and their pictures."""
    for name, document in DOCUMENTS.items():
        (ROOT / name).write_text(document(), encoding="utf-8")
    pictures = ROOT / "docs"
    mixer_report.draw_losses(_mixers(), pictures / "mixers_losses.png")
    mixer_report.draw_accuracies(_mixers(), pictures / "mixers_accuracies.png")


if __name__ == "__main__":
    main()
