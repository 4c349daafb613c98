"""The versions of a model on disk, and which of them is served."""

import contextlib
import dataclasses
import logging
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from keras_mixattn.errors import InputError
from keras_mixattn.errors import first_line
from keras_mixattn.serving.codes import ServingError
from keras_mixattn.serving.local_server import errors
from keras_mixattn.serving.local_server.batching import Batcher
from keras_mixattn.serving.local_server.batching import BatchingOptions
from keras_mixattn.serving.local_server.loaded_model import LoadedModel
from keras_mixattn.serving.local_server.warm_up_replay import warm_up
from keras_mixattn.serving.versions import existing_versions

_LOG = logging.getLogger(__name__)

# As TensorFlow Serving: how often a version is tried, and how far apart.
_ATTEMPTS = 6
_SECONDS_BETWEEN_ATTEMPTS = 60.0


@dataclasses.dataclass
class VersionState:
    """What became of a version.

    Attributes:
        state: `"LOADING"`, `"AVAILABLE"`, `"UNLOADING"` or `"END"`.
        error: Why it could not be loaded.
        attempts: How often it was tried.
        next_attempt: Not before this moment.
    """

    state: str = "LOADING"
    error: ServingError | None = None
    attempts: int = 0
    next_attempt: float = 0.0


class Servable:
    """A version that answers requests.

    Args:
        version: Its number.
        path: Its directory.
        options: How requests are run together.

    Raises:
        ServingError: It cannot be loaded, or a warm-up request failed.
    """

    def __init__(self, version: int, path: Path, options: BatchingOptions):
        self.version = version
        self.path = path
        self.model = LoadedModel(path)
        try:
            self.warm_up_requests = warm_up(self.model, path)
        except BaseException:
            self.model.close()
            raise
        self.batcher = Batcher(self.model.run, self.model.signatures, options)
        self.users = 0

    def close(self) -> None:
        """Ends it; nobody may be using it."""
        self.batcher.close()
        self.model.close()


class ModelVersions:
    """Serves the newest version of a directory.

    A new version is loaded and warmed up while the old one answers; then
    requests go to the new one, and the old one is unloaded once the last
    request to it is answered.

    Args:
        directory: Holds the versions.
        options: How requests are run together.
        poll_seconds: How often the directory is looked at.
    """

    def __init__(
        self,
        directory: Path,
        options: BatchingOptions,
        poll_seconds: float = 1.0,
    ):
        self.directory = directory
        self._options = options
        self._poll_seconds = poll_seconds
        self._states = {}
        self._servables = {}
        self._changed = threading.Condition()
        self._is_ending = threading.Event()
        self._poller = threading.Thread(target=self._poll, daemon=True)

    def start(self) -> None:
        """Loads the newest version and looks for newer ones from now on.

        Raises:
            InputError: There is none, or it cannot be loaded.
        """
        self.update()
        if not self._servables:
            if not self._states:
                raise InputError(
                    f"No versions of servable found under '{self.directory}'; "
                    "give a directory such as saved_models/demo, which holds "
                    "a directory 1."
                )
            version, state = max(self._states.items())
            raise InputError(
                f"Version {version} of '{self.directory}' did not become "
                f"available: {first_line(state.error)}."
            )
        self._poller.start()

    def close(self) -> None:
        """Unloads all versions, each after its last request."""
        self._is_ending.set()
        if self._poller.is_alive():
            self._poller.join()
        for version in list(self._servables):
            self._unload(version)

    def states(self) -> dict[int, VersionState]:
        """Returns the state of each version ever loaded, newest first."""
        with self._changed:
            return dict(sorted(self._states.items(), reverse=True))

    @contextlib.contextmanager
    def use(self, name: str, version: int | None) -> Iterator[Servable]:
        """Lends a version, which is not unloaded meanwhile.

        Args:
            name: Name of the model in the request, for the error.
            version: The version, or `None` for the newest available.

        Raises:
            ServingError: It is not served, NOT_FOUND.
        """
        with self._changed:
            available = [
                one
                for one, state in self._states.items()
                if state.state == "AVAILABLE"
            ]
            if version is None and available:
                version = max(available)
            if version not in available:
                raise errors.servable_not_found(name, version)
            servable = self._servables[version]
            servable.users += 1
        try:
            yield servable
        finally:
            with self._changed:
                servable.users -= 1
                self._changed.notify_all()

    def update(self) -> None:
        """Serves the newest version on disk, if it can be loaded."""
        on_disk = existing_versions(self.directory)
        # TensorFlow Serving keeps what it has when all are gone.
        if not on_disk:
            return
        newest = max(on_disk)
        if newest not in self._servables and self._may_try(newest):
            self._load(newest, on_disk[newest])
        if newest in self._servables:
            for version in set(self._servables) - {newest}:
                self._unload(version)

    def _poll(self):
        while not self._is_ending.wait(self._poll_seconds):
            try:
                self.update()
            except Exception:  # the next look may see more
                _LOG.exception("Looking for versions failed")

    def _may_try(self, version):
        state = self._states.get(version)
        if state is None or state.error is None:
            return True
        return (
            state.attempts < _ATTEMPTS
            and time.monotonic() >= state.next_attempt
        )

    def _load(self, version, path):
        attempts = 1
        if version in self._states:
            attempts += self._states[version].attempts
        self._set(version, VersionState("LOADING"))
        start = time.perf_counter()
        try:
            servable = Servable(version, path, self._options)
        except Exception as error:  # a file that is no protocol buffer, say
            _LOG.warning("Version %d cannot be loaded: %s", version, error)
            if not isinstance(error, ServingError):
                error = ServingError("UNKNOWN", str(error))
            again = time.monotonic() + _SECONDS_BETWEEN_ATTEMPTS
            self._set(version, VersionState("END", error, attempts, again))
            return
        with self._changed:
            self._servables[version] = servable
        self._set(version, VersionState("AVAILABLE"))
        _LOG.info(
            "Version %d is available after %.1f s, %d warm-up requests",
            version,
            time.perf_counter() - start,
            servable.warm_up_requests,
        )

    def _unload(self, version):
        self._set(version, VersionState("UNLOADING"))
        servable = self._servables[version]
        with self._changed:
            self._changed.wait_for(lambda: not servable.users)
            del self._servables[version]
        servable.close()
        self._set(version, VersionState("END"))
        _LOG.info("Version %d is unloaded", version)

    def _set(self, version, state):
        with self._changed:
            self._states[version] = state
