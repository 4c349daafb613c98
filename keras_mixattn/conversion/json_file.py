"""JSON files: read without trust, written the same way everywhere."""

import json
from pathlib import Path

from keras_mixattn.errors import InputError
from keras_mixattn.errors import first_line


def read_json(path: Path) -> dict:
    """Returns the object that a file holds.

    Args:
        path: A JSON file.

    Returns:
        A dict.

    Raises:
        InputError: If the file is missing, unreadable or holds no object.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(
            f"File '{path}' cannot be read: {error.strerror or error}."
        ) from error
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"File '{path}' is no JSON ({first_line(error)}); fetch it anew."
        ) from error
    if not isinstance(content, dict):
        raise InputError(f"File '{path}' holds no JSON object; fetch it anew.")
    return content


def write_json(path: Path, content: dict) -> None:
    """Writes an object as UTF-8, indented.

    Args:
        path: The file to write.
        content: A dict.
    """
    text = json.dumps(content, ensure_ascii=False, indent=2) + "\n"
    path.write_text(text, encoding="utf-8", newline="\n")
