"""The contract with clients is frozen.

When a change is meant, write the file anew with
`python -m tests.serving.test_contract`, and say so in the changelog.
"""

import json
import pathlib

from keras_mixattn.serving.contract import CONTRACT
from keras_mixattn.serving.static_checks import Export
from tests.serving.tasks import KINDS

GOLDEN = pathlib.Path(__file__).parents[1] / "golden"
GOLDEN = GOLDEN / "serving_contract.json"


def as_json():
    return json.dumps(CONTRACT, indent=1, sort_keys=True) + "\n"


def test_the_contract_is_the_golden_one():
    assert as_json() == GOLDEN.read_text(encoding="utf-8")


def test_every_kind_of_task_has_one(exported_task):
    found = {Export(exported_task(n)[1]).manifest["kind"] for n in KINDS}
    assert found == set(CONTRACT)


if __name__ == "__main__":
    GOLDEN.write_text(as_json(), encoding="utf-8")
