"""Sizes that a configuration claims, proved by the arrays of the source."""

from collections.abc import Iterable
from collections.abc import Mapping

from keras_mixattn.conversion.heads import TOKEN_EMBEDDING
from keras_mixattn.conversion.stored_array import StoredArray
from keras_mixattn.conversion.weight_map import Rule
from keras_mixattn.conversion.weight_map import foreign_shape
from keras_mixattn.errors import InputError
from keras_mixattn.errors import first_line
from keras_mixattn.models.encoder import check_mixers

_BLOCK = "encoder_block_{layer}"
_OUTPUT = f"{_BLOCK}/mixed_attention/output_dense"
_DEPTHWISE = f"{_BLOCK}/mixed_attention/span_conv/span_depthwise"
# Whether the layer is cut into groups -> its bias.
_WIDE = {
    False: f"{_BLOCK}/feed_forward/intermediate_dense/bias",
    True: f"{_BLOCK}/feed_forward/intermediate_dense/dense/bias",
}


def count_layers(rules: Iterable[Rule], arrays: Mapping) -> int:
    """Counts the layers of an encoder.

    Args:
        rules: Rules of the format, with `{layer}`.
        arrays: Dict whose keys are the names of arrays.

    Returns:
        How many layers the arrays have, from the first one on.
    """
    name = {rule.ours: rule.theirs for rule in rules}[f"{_OUTPUT}/bias"]
    layers = 0
    while name.format(layer=layers) in arrays:
        layers += 1
    return layers


def check_sizes(
    cls: type,
    arguments: dict,
    rules: Iterable[Rule],
    arrays: Mapping[str, StoredArray],
    said_by: str,
) -> None:
    """Refuses sizes that no array has, before anything is allocated.

    The number of layers must be right.

    Args:
        cls: Class of the backbone.
        arguments: Its constructor arguments.
        rules: Rules of the format, with `{layer}`.
        arrays: Arrays of the source.
        said_by: Who says so, for messages.

    Raises:
        InputError: If an array has another shape, or a size is missing.
    """
    rules = {rule.ours: rule for rule in rules}
    try:
        shapes = _shapes(cls, arguments, _WIDE[True] in rules)
    except KeyError as error:
        raise InputError(
            f"`architecture` lacks {error}; give all sizes of the backbone."
        ) from error
    except (ValueError, TypeError, AttributeError, ArithmeticError) as error:
        raise InputError(
            f"The encoder that {said_by} describes cannot be built: "
            f"{first_line(error)}; correct its arguments."
        ) from error
    for path, layer, shape in shapes:
        rule = rules.get(path)
        if rule is None:  # the format has no place for it, as is said later
            continue
        name = rule.theirs.format(layer=layer)
        if path == _DEPTHWISE and name not in arrays:  # nothing convolves
            continue
        if path != _WIDE[True]:  # of their bias the groups are not seen
            shape = foreign_shape(rule, shape)
        found = arrays[name].shape if name in arrays else "nothing"
        if found != shape:
            raise InputError(
                f"By {said_by} the tensor '{name}' should have the shape "
                f"{shape}. Received: {found}; give the sizes that the weights "
                "were trained with."
            )


def _shapes(cls, arguments, has_groups):
    """Returns paths of weights, their layer and their shape with us."""
    hidden = arguments["hidden_dim"]
    embedding = arguments.get("embedding_dim") or hidden
    layers, heads = arguments["num_layers"], arguments["num_heads"]
    is_grouped = has_groups and arguments.get("num_groups", 1) > 1
    sizes = {
        TOKEN_EMBEDDING: arguments["vocabulary_size"],
        "embeddings/position_embedding": arguments.get(
            "max_sequence_length", 512
        ),
        "embeddings/segment_embedding/embeddings": arguments.get(
            "num_segments", 2
        ),
    }
    mixers = arguments.get("mixers") or cls.default_mixers(layers, heads)
    return [
        *((path, 0, (rows, embedding)) for path, rows in sizes.items()),
        (f"{_OUTPUT}/bias", 0, (hidden,)),
        (_WIDE[is_grouped], 0, (arguments["intermediate_dim"],)),
        (_DEPTHWISE, 0, (arguments.get("kernel_size", 9), hidden, 1)),
        *(
            (
                f"{_OUTPUT}/kernel",
                layer,
                (sum(allocation.values()) * (hidden // heads), hidden),
            )
            for layer, allocation in enumerate(check_mixers(mixers, layers))
        ),
    ]
