"""Writes the deployment kit of an exported model."""

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from keras_mixattn.complete_directory import complete_directory
from keras_mixattn.errors import InputError
from keras_mixattn.serving.deployment.example_requests import example_request
from keras_mixattn.serving.deployment.example_requests import example_texts
from keras_mixattn.serving.deployment.json_schemas import request_schema
from keras_mixattn.serving.deployment.json_schemas import response_schema
from keras_mixattn.serving.deployment.rendering import render
from keras_mixattn.serving.deployment.saved_signatures import saved_signatures
from keras_mixattn.serving.deployment.saved_versions import SavedVersions
from keras_mixattn.serving.deployment.saved_versions import read_saved_versions
from keras_mixattn.serving.deployment.values import template_values
from keras_mixattn.serving.names import DEFAULT_SIGNATURE
from keras_mixattn.serving.signature_info import Signature

# The images of all files of a kit.
SERVING_IMAGE = "tensorflow/serving:2.20.0"
PROXY_IMAGE = "nginx:1.28.0"
# Keys and passwords of the proxy, as the kit's README says.
_SECRETS = "secrets"


def deploy(
    saved_model_directory: str | Path,
    output_directory: str | Path | None = None,
    *,
    stable: int | None = None,
    canary: int | None = None,
    cpus: int = 4,
    max_batch_size: int = 32,
    overwrite: bool = False,
) -> Path:
    """Writes what a platform team needs to serve an exported model.

    The kit holds a Dockerfile, a Compose file, Kubernetes manifests, the
    server's configuration, a TLS proxy, a scrape job, scripts to try a server
    and to release a version, JSON schemas of the requests and answers, and a
    README that says how to use them. All of it is made of the export: its
    name, versions, sizes and signatures. The kit appears complete or not at
    all.

    Args:
        saved_model_directory: The directory that holds the versions of one
            model, such as `saved_models/NAME`.
        output_directory: What to write. Defaults to `deploy/NAME`.
        stable: The version that is to answer requests. Defaults to the
            highest.
        canary: The version that is to be tried out beside it. Defaults to
            `stable`.
        cpus: CPUs of one server.
        max_batch_size: Most rows of a request, and of a batch.
        overwrite: Whether an existing `output_directory` is replaced; its
            folder `secrets` stays.

    Returns:
        The path of the kit.

    Raises:
        InputError: There is no such export or version, an argument is not
            what it must be, or the kit exists or cannot be written.

    Example:

    ```python
    from keras_mixattn.serving import export_saved_model

    export_saved_model(classifier, "saved_models/demo", verify=False)
    kit = deploy("saved_models/demo", "deploy/demo", cpus=2)
    assert "tensorflow/serving:" in (kit / "compose.yaml").read_text()
    ```
    """
    for name, value in (("cpus", cpus), ("max_batch_size", max_batch_size)):
        _check_positive(name, value)
    versions = read_saved_versions(saved_model_directory, stable, canary)
    signatures = saved_signatures(versions.path(versions.stable))
    if output_directory is None:
        output_directory = Path("deploy") / versions.name
    kit = Path(output_directory)
    texts = example_texts(signatures[DEFAULT_SIGNATURE])
    requests = _requests(signatures, texts, versions)
    schemas = _schemas(signatures, list(texts))
    values = template_values(
        versions,
        signatures,
        texts,
        images={"image": SERVING_IMAGE, "proxy_image": PROXY_IMAGE},
        model_path=os.path.relpath(versions.directory, kit.resolve()),
        requests=list(requests),
        cpus=cpus,
        max_batch_size=max_batch_size,
    )
    read = [versions.directory]
    with complete_directory(kit, overwrite, read) as temporary:
        render(values, temporary)
        _write_json(temporary / "examples", requests)
        _write_json(temporary / "schemas", schemas)
        _keep_secrets(kit, temporary)
    return kit


def _check_positive(name, value):
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InputError(f"{name} is {value!r}; it must be a positive integer.")


def _requests(
    signatures: Mapping[str, Signature],
    texts: dict[str, str],
    versions: SavedVersions,
) -> dict[str, dict]:
    """Returns a request of each signature that has one, by file name."""
    token_ids = versions.empty_text()
    requests = {}
    for name, signature in signatures.items():
        request = example_request(name, signature, texts, token_ids)
        if request is not None:
            requests[f"{name}.{signature.verb}.json"] = request
    return requests


def _schemas(signatures, features):
    schemas = {}
    for name, signature in signatures.items():
        path = f"{name}.{signature.verb}"
        schemas[f"{path}.request.json"] = request_schema(
            name, signature, features
        )
        schemas[f"{path}.response.json"] = response_schema(name, signature)
    return schemas


def _keep_secrets(kit, temporary):
    """Copies what a person put into a kit that is replaced."""
    if (kit / _SECRETS).is_dir():
        shutil.copytree(kit / _SECRETS, temporary / _SECRETS, symlinks=True)


def _write_json(directory, contents):
    directory.mkdir()
    for name, content in contents.items():
        text = json.dumps(content, indent=2, ensure_ascii=False)
        (directory / name).write_text(text + "\n", encoding="utf-8")
