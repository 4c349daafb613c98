"""What stands for the placeholders of the templates."""

import json
import math
import shlex
from collections.abc import Mapping

from keras_mixattn.serving.deployment.saved_versions import SavedVersions
from keras_mixattn.serving.signature_info import Signature

# Copies of the model in memory while a release loads: stable, canary and the
# next, since a server loads a version before it unloads another.
_COPIES = 3
_MEMORY_OF_REQUESTS = 1 << 30
# Versions that the volume holds.
_KEPT_VERSIONS = 10
# Host names that YAML would read as something else than text.
_YAML_WORDS = {"true", "false", "yes", "no", "on", "off", "y", "n", "null"}


def template_values(
    versions: SavedVersions,
    signatures: Mapping[str, Signature],
    texts: dict[str, str],
    *,
    images: dict[str, str],
    model_path: str,
    requests: list[str],
    cpus: int,
    max_batch_size: int,
) -> dict[str, object]:
    """Returns the value of each placeholder.

    Args:
        versions: The versions to serve.
        signatures: Their signatures, by name.
        texts: An example of each string of `serving_default`.
        images: The values of `image` and `proxy_image`.
        model_path: Path from the kit to the directory of the versions.
        requests: Names of the files in `examples`.
        cpus: CPUs of one server.
        max_batch_size: Most rows of a batch.

    Returns:
        Dict from the name of a placeholder to its value.
    """
    largest = max(versions.sizes.values())
    if not model_path.startswith(".."):
        model_path = f"./{model_path}"  # else Compose takes it for a volume
    return {
        "name": versions.name,
        "name_pattern": versions.name.replace(".", r"\."),
        "host": host_name(versions.name),
        **images,
        "stable": versions.stable,
        "canary": versions.canary,
        "next": max(versions.stable, versions.canary) + 1,
        "cpus": cpus,
        "max_batch_size": max_batch_size,
        "allowed_batch_sizes": "\n".join(
            f"allowed_batch_sizes: {size}" for size in _sizes(max_batch_size)
        ),
        "warm_up": _warm_up(versions.warmed_up, _sizes(max_batch_size)),
        "memory_mib": memory_mib(largest),
        "memory_reason": (
            f"Memory: {_COPIES} x {_megabytes(largest)} MB (stable, canary and "
            "the next), 1 GiB for requests."
        ),
        "megabytes": _megabytes(largest),
        "volume_gib": math.ceil(_KEPT_VERSIONS * largest / (1 << 30)),
        "model_path": model_path,
        "shell_model_path": shlex.quote(model_path),
        "compose_model_path": json.dumps(model_path.replace("$", "$$")),
        "texts": repr(texts),
        **_of_versions(versions, shlex.quote(model_path)),
        **_of_signatures(signatures, requests, versions.name),
    }


def host_name(name: str) -> str:
    """Returns a model's name as networks and Kubernetes allow it.

    Args:
        name: Name of the model.

    Returns:
        Small letters, digits and hyphens, a letter first.
    """
    host = name.lower().replace(".", "-").replace("_", "-").strip("-")
    if host[0].isdigit() or host in _YAML_WORDS:
        host = f"model-{host}"
    return host


def memory_mib(size: int) -> int:
    """Returns the memory of a server.

    Args:
        size: Bytes of a version of the model.

    Returns:
        Mebibytes, a multiple of 64.
    """
    needed = _COPIES * size + _MEMORY_OF_REQUESTS
    return 64 * math.ceil(needed / (64 << 20))


def _sizes(most):
    """Returns the powers of two below the largest batch, and that."""
    return [1 << power for power in range((most - 1).bit_length())] + [most]


def _warm_up(warmed_up, sizes):
    """Returns which batches are slow at first, as a comment."""
    if warmed_up is None:
        return "# The export does not say for which sizes it warms up."
    cold = [str(size) for size in sizes if size not in warmed_up]
    if not cold:
        return "# The export warms up for all of them."
    return f"# Not warmed up by the export: {', '.join(cold)}."


def _megabytes(size):
    return math.ceil(size / 1e6)


def _of_versions(versions, model_path):
    numbers = sorted(versions.sizes, reverse=True)
    folder = f"/models/{versions.name}"
    pod = f"{host_name(versions.name)}-copy"
    return {
        "versions_text": " and ".join(
            f"{number} (stable)"
            if number == versions.stable
            else f"{number} (canary)"
            for number in reversed(numbers)
        ),
        "version_lines": "\n".join(
            f"        versions: {number}" for number in numbers
        ),
        "version_copies": "\n".join(
            "# hadolint ignore=DL3022\n"
            f"COPY --from=model --chown=1000:1000 {number} {folder}/{number}"
            for number in numbers
        ),
        "kubectl_copies": "\n".join(
            f"kubectl cp {model_path}/{number} {pod}:{folder}/.copy-{number}\n"
            f"kubectl exec {pod} -- mv {folder}/.copy-{number} "
            f"{folder}/{number}"
            for number in numbers
        ),
    }


def _of_signatures(signatures, requests, model):
    def listed(specs):
        return ", ".join(
            f"`{name}`: {spec.dtype} `{_shape(spec)}`"
            for name, spec in specs.items()
        )

    return {
        "signature_rows": "\n".join(
            f"| `{name}` | `:{one.verb}` | {listed(one.inputs)} | "
            f"{listed(one.outputs)} |"
            for name, one in signatures.items()
        ),
        "curl_examples": "\n".join(
            f"curl --data @examples/{name} \\\n    http://localhost:8501/v1/"
            f"models/{model}/labels/stable:{name.split('.')[-2]}"
            for name in requests
        ),
    }


def _shape(spec):
    if spec.shape is None:
        return "of any rank"
    return "[" + ", ".join(str(size) for size in spec.shape) + "]"
