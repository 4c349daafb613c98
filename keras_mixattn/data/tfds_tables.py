"""TensorFlow data sets as tables of texts."""

import contextlib
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from multiprocessing.pool import ThreadPool
from multiprocessing.pool import TimeoutError as PoolTimeoutError
from pathlib import Path

from keras_mixattn.data.text_files import Table
from keras_mixattn.errors import InputError
from keras_mixattn.errors import first_line

TFDS_PREFIX = "tfds:"
_TIMEOUT_SECONDS = 5


def is_tfds(
    source: str | Path, split: str | None, data_dir: str | Path | None
) -> bool:
    """Tells a TensorFlow data set from a file.

    Args:
        source: A file, or `tfds:NAME`.
        split: The split that the user chose, if any.
        data_dir: The directory that the user chose, if any.

    Returns:
        Whether `source` is a TensorFlow data set.

    Raises:
        InputError: It is a file, but a split or a directory was chosen.
    """
    if str(source).startswith(TFDS_PREFIX):
        return True
    if split is not None or data_dir is not None:
        raise InputError(
            f"`split` and `data_dir` belong to {TFDS_PREFIX}NAME; '{source}' "
            "is a file, so leave them out."
        )
    return False


def read_tfds_table(
    source: str, split: str, data_dir: str | Path | None = None
) -> Table:
    """Opens a split of a TensorFlow data set, downloading it if need be.

    A data set that was prepared before needs no network. If none of the hosts
    that a download needs can be reached, the error comes within seconds.

    Args:
        source: `tfds:NAME`, for example `tfds:glue/sst2`.
        split: A split, such as `"train"` or `"train[:10%]"`.
        data_dir: Directory of prepared data sets; by default that of TFDS.

    Returns:
        The columns and an iterator of (example number from 1, row by column).
        Bytes become strings and class ids become class names, in lists too.

    Raises:
        InputError: The data set or the split is unknown, cannot be prepared,
            or a package is missing.
    """
    with _packages_of(source):
        builder = _prepared_builder(source.removeprefix(TFDS_PREFIX), data_dir)
    try:
        dataset = builder.as_dataset(split=split)
    except ValueError as error:
        raise InputError(
            f"'{source}' has no split {split!r}; it has: "
            f"{', '.join(sorted(builder.info.splits))}."
        ) from error
    features = builder.info.features
    class_names = {
        column: feature.names
        for column, feature in features.items()
        if getattr(feature, "names", None)  # a list has those of its items
    }
    return Table(sorted(features), _rows(dataset, class_names), class_names)


def tfds_version(source: str, data_dir: str | Path | None = None) -> str:
    """Says which version of a data set `read_documents` and others read.

    Args:
        source: `tfds:NAME`.
        data_dir: Directory of prepared data sets; by default that of TFDS.

    Returns:
        Its name, configuration and version, such as `"glue/sst2/2.0.0"`.

    Raises:
        InputError: The data set is unknown, or a package is missing.
    """
    with _packages_of(source):
        import tensorflow_datasets as tfds

        name = source.removeprefix(TFDS_PREFIX)
        return _builder(tfds, name, data_dir).info.full_name


@contextlib.contextmanager
def _packages_of(source: str) -> Iterator[None]:
    try:
        yield
    except ImportError as error:
        package = error.name or "tensorflow-datasets"
        raise InputError(
            f"Reading '{source}' needs the package {package!r}, which is not "
            f"installed; run `pip install {package}`."
        ) from error


def _rows(
    dataset, class_names: dict[str, list[str]]
) -> Iterator[tuple[int, dict]]:
    for number, example in enumerate(dataset.as_numpy_iterator(), start=1):
        row = {
            column: _plain(value, class_names.get(column))
            for column, value in example.items()
        }
        yield number, row


def _plain(value, names: list[str] | None = None):
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="replace")
    value = getattr(value, "tolist", lambda: value)()
    if isinstance(value, list):
        return [_plain(item, names) for item in value]
    if names is None:
        return value
    return names[value] if value >= 0 else None  # -1: unlabelled


def _prepared_builder(name: str, data_dir: str | Path | None):
    import tensorflow_datasets as tfds
    from tensorflow_datasets.core.download import downloader

    builder = _builder(tfds, name, data_dir)
    if builder.data_path.exists():
        return builder
    hosts = sorted(set(map(_host_url, builder.url_infos)))
    if hosts and not _any_reachable(hosts):
        raise InputError(
            f"The data set '{name}' is not in '{builder.data_path}' and "
            f"cannot be downloaded: no answer from {', '.join(hosts)}; "
            "connect, or give the `data_dir` where it was prepared."
        )
    # Ten retries keep a dead host busy for more than three minutes.
    downloader.MAX_RETRIES = 2
    try:
        builder.download_and_prepare()
    except ImportError:
        raise
    except Exception as error:  # any fault of the generation code
        raise InputError(
            f"The data set '{name}' cannot be prepared: "
            f"{type(error).__name__}: {first_line(error)}; "
            "give a `data_dir` where it was prepared, or use a file."
        ) from error
    return builder


def _builder(tfds, name: str, data_dir: str | Path | None):
    try:
        return tfds.core.read_only_builder.builder_from_files(
            name, data_dir=data_dir
        )
    except tfds.core.DatasetNotFoundError:
        pass
    try:
        return tfds.builder(name, data_dir=data_dir)
    except (tfds.core.DatasetNotFoundError, ValueError) as error:
        raise InputError(
            f"TFDS knows no data set '{name}'; `tfds.list_builders()` lists "
            "the names, and a configuration follows a slash: glue/sst2."
        ) from error


def _any_reachable(host_urls: list[str]) -> bool:
    with ThreadPool(len(host_urls)) as pool:
        answers = pool.map_async(_is_reachable, host_urls)
        try:
            return any(answers.get(timeout=2 * _TIMEOUT_SECONDS))
        except PoolTimeoutError:  # a name server that does not answer
            return False


def _is_reachable(host_url: str) -> bool:
    # A request, not a bare socket: it goes through a proxy if one is set.
    request = urllib.request.Request(host_url, method="HEAD")
    try:
        urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def _host_url(url: str) -> str:
    scheme, host, *_ = urllib.parse.urlsplit(url)
    return f"{scheme}://{host}/"
