"""What a kit must know of an exported model: name, versions, sizes."""

import json
import os
import re
from pathlib import Path
from typing import NamedTuple

from keras_mixattn.errors import InputError
from keras_mixattn.serving.model_directory import check_model_directory
from keras_mixattn.serving.names import EXTRA_ASSETS
from keras_mixattn.serving.versions import existing_versions

_MANIFEST = Path(EXTRA_ASSETS) / "manifest.json"


class SavedVersions(NamedTuple):
    """The versions of a model that a server is to load.

    Attributes:
        name: Name of the model, that of its directory.
        directory: The directory that holds the versions.
        stable: The version that answers requests.
        canary: The version that is tried out; often the same.
        sizes: Dict from each of these versions to its bytes.
        warmed_up: Batch sizes that the requests of every one of them warm up;
            `None` if a manifest does not say.
    """

    name: str
    directory: Path
    stable: int
    canary: int
    sizes: dict[int, int]
    warmed_up: tuple[int, ...] | None

    def path(self, version: int) -> Path:
        """Returns the directory of a version.

        Args:
            version: One of the model's versions.
        """
        return self.directory / str(version)

    def empty_text(self) -> list[int]:
        """Returns the tokens of an empty text, `[CLS]` and `[SEP]`.

        Raises:
            InputError: The settings of the tokenizer are damaged.
        """
        return _read_json(
            self.path(self.stable) / EXTRA_ASSETS / "tokenizer.json",
            lambda content: [
                int(content["special_token_ids"][name])
                for name in ("cls", "sep")
            ],
        )


def read_saved_versions(
    directory: str | Path,
    stable: int | None = None,
    canary: int | None = None,
) -> SavedVersions:
    """Reads the versions below `saved_models/NAME`.

    Args:
        directory: The directory that holds the versions of a model.
        stable: The version that is to answer requests. Defaults to the
            highest.
        canary: The version to try out. Defaults to `stable`.

    Returns:
        The `SavedVersions`.

    Raises:
        InputError: The directory holds no such versions, or one is damaged.
    """
    # Not that of the target, if it is a link.
    name = Path(os.path.abspath(directory)).name
    directory = Path(directory).resolve()
    check_model_directory(directory)
    _check_name(name)
    versions = existing_versions(directory)
    if not versions:
        raise InputError(
            f"'{directory}' holds no version; write one there by `python -m "
            "keras_mixattn.serving export`."
        )
    stable = max(versions) if stable is None else stable
    canary = stable if canary is None else canary
    for role, version in (("stable", stable), ("canary", canary)):
        if version not in versions:
            found = ", ".join(str(number) for number in versions)
            raise InputError(
                f"{role} is {version}, but '{directory}' holds the versions "
                f"{found}; choose one of them."
            )
    for version in (stable, canary):
        if versions[version].name != str(version):
            raise InputError(
                f"'{versions[version]}' has a name with leading zeros; rename "
                f"it to {version}."
            )
    sizes = {
        version: _size(versions[version])
        for version in sorted({stable, canary})
    }
    warmed_up = _warmed_up([versions[version] for version in sizes])
    return SavedVersions(name, directory, stable, canary, sizes, warmed_up)


def _check_name(name):
    # It becomes part of addresses, regular expressions and file names.
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,47}", name):
        raise InputError(
            f"'{name}' cannot be a model's name everywhere: it may "
            "have at most 48 letters, digits, '.', '_' and '-', a letter or "
            "digit first; rename the directory."
        )


def _warmed_up(versions):
    """Returns the batch sizes that all versions warm up."""
    sizes = [
        _read_json(
            version / _MANIFEST,
            lambda content: set(map(int, content.get("batch_sizes", []))),
        )
        for version in versions
    ]
    return tuple(sorted(set.intersection(*sizes))) if all(sizes) else None


def _size(version):
    """Returns the bytes of a version whose files are those of its manifest."""
    sizes = _read_json(
        version / _MANIFEST,
        lambda content: {
            name: int(file["bytes"]) for name, file in content["files"].items()
        },
    )
    for name, size in ({"saved_model.pb": None} | sizes).items():
        file = version / name
        found = file.stat().st_size if file.is_file() else None
        if found is None or found != size:
            raise InputError(
                f"'{file}' is not the file that the manifest lists; export "
                "the model again."
            )
    return sum(sizes.values())


def _read_json(path, read):
    """Returns what `read` makes of the content of a file."""
    try:
        return read(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"'{path}' is missing or damaged; export the model again by "
            "`python -m keras_mixattn.serving export`."
        ) from error
