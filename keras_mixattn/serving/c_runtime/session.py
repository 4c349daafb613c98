"""A SavedModel in TensorFlow's C++ runtime."""

import ctypes
import os
import time
from pathlib import Path

import c_library
from c_library import RuntimeFailure
from signature_map import read_signatures
from tensors import new_tensor
from tensors import read_tensor


class Session:
    """A SavedModel in the C++ runtime, ready to run its signatures.

    Args:
        directory: A SavedModel, or the directory that holds its versions, of
            which the highest is taken, as a server does.
        text_libraries: Names of the tf.text libraries to load.

    Raises:
        RuntimeFailure: The libraries or the SavedModel cannot be loaded.
    """

    def __init__(self, directory, text_libraries=c_library.TEXT_LIBRARIES):
        self.directory = newest_version(Path(directory))
        self._c = c_library.load_tensorflow()
        # TensorFlow Serving does the same unless a flag asks for XLA.
        disable = getattr(
            self._c, "_ZN10tensorflow21DisableXlaCompilationEv", None
        )
        self.xla_disabled = disable is not None
        if disable is not None:
            disable()
        self._status = self._c.TF_NewStatus()
        folder = c_library.package_folder("tensorflow_text") / "python" / "ops"
        for library in text_libraries:
            self._c.TF_LoadLibrary(os.fsencode(folder / library), self._status)
            self._check()
        start = time.perf_counter()
        self._load()
        self.load_seconds = time.perf_counter() - start

    def _load(self):
        self._graph = self._c.TF_NewGraph()
        meta_graph = c_library.Buffer()
        self._session = self._c.TF_LoadSessionFromSavedModel(
            self._c.TF_NewSessionOptions(),
            None,
            os.fsencode(self.directory),
            (ctypes.c_char_p * 1)(b"serve"),
            1,
            self._graph,
            ctypes.byref(meta_graph),
            self._status,
        )
        self._check()
        self.signatures = read_signatures(
            ctypes.string_at(meta_graph.data, meta_graph.length)
        )

    def run(self, signature, inputs):
        """Runs a signature.

        Args:
            signature: Its name, such as `"serving_default"`.
            inputs: Dict from input name to nested list.

        Returns:
            Dict from output name to nested list.

        Raises:
            RuntimeFailure: The runtime's status, or an unknown name.
        """
        if signature not in self.signatures:
            raise RuntimeFailure(
                "NOT_FOUND",
                f"Signature {signature!r}; there are {list(self.signatures)}",
            )
        expected, answered = self.signatures[signature]
        if set(inputs) != set(expected):
            raise RuntimeFailure(
                "INVALID_ARGUMENT",
                f"Inputs are {sorted(expected)}; received {sorted(inputs)}",
            )
        tensors, alive = [], []
        results = (ctypes.c_void_p * len(answered))()
        try:
            for name, (_, dtype) in expected.items():
                tensor, buffers = new_tensor(self._c, inputs[name], dtype, name)
                tensors.append(tensor)
                alive.append(buffers)
            self._run(expected, tensors, answered, results)
            return {
                name: read_tensor(self._c, tensor)
                for name, tensor in zip(answered, results, strict=True)
            }
        finally:
            for tensor in filter(None, [*tensors, *results]):
                self._c.TF_DeleteTensor(tensor)

    def _run(self, expected, tensors, answered, results):
        self._c.TF_SessionRun(
            self._session,
            None,
            self._outputs(expected),
            (ctypes.c_void_p * len(tensors))(*tensors),
            len(tensors),
            self._outputs(answered),
            results,
            len(results),
            None,
            0,
            None,
            self._status,
        )
        self._check()

    def _outputs(self, tensors):
        outputs = (c_library.Output * len(tensors))()
        for output, (name, _) in zip(outputs, tensors.values(), strict=True):
            operation, index = name.rsplit(":", 1)
            output.operation = self._c.TF_GraphOperationByName(
                self._graph, operation.encode()
            )
            output.index = int(index)
        return outputs

    def _check(self):
        code = self._c.TF_GetCode(self._status)
        if code:
            raise RuntimeFailure(
                c_library.CODES[code],
                self._c.TF_Message(self._status).decode("utf-8", "replace"),
            )


def newest_version(directory):
    """Returns the SavedModel itself, or the highest version below it."""
    versions = []
    if directory.is_dir() and not (directory / "saved_model.pb").exists():
        versions = [p for p in directory.iterdir() if p.name.isdigit()]
    return max(versions, key=lambda path: int(path.name), default=directory)
