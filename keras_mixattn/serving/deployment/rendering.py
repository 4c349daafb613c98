"""Templates of text files, filled in."""

import string
from collections.abc import Mapping
from pathlib import Path

_TEMPLATES = Path(__file__).with_name("templates")


class Template(string.Template):
    """Text with placeholders `@@{name}`, as `$` has a meaning in most of them.

    Example:

    ```python
    assert Template("cp $from @@{to}").substitute(to="b") == "cp $from b"
    ```
    """

    delimiter = "@@"


def render(values: Mapping[str, object], directory: Path) -> None:
    """Writes every file below `templates`, filled in, into a directory.

    They lose the suffix `.template`; those named `*.sh` may be executed.

    Args:
        values: What stands for each placeholder.
        directory: An existing directory.
    """
    for template in sorted(_TEMPLATES.rglob("*.template")):
        path = directory / template.relative_to(_TEMPLATES).with_suffix("")
        path.parent.mkdir(parents=True, exist_ok=True)
        text = Template(template.read_text(encoding="utf-8"))
        path.write_text(text.substitute(values), encoding="utf-8")
        if path.suffix == ".sh":
            path.chmod(0o755)
