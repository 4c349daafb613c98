"""Checkpoints of TensorFlow 1 under the official names."""

import numpy as np

from tests.models.builders import SPECIAL

V, E, H, N, K, WIDE, LAYERS, POSITIONS = 13, 14, 24, 4, 5, 32, 2, 23


WORDS = [*SPECIAL, *"abcdefgh"]


SIZES = {
    "vocabulary_size": V,
    "num_layers": LAYERS,
    "num_heads": N,
    "hidden_dim": H,
    "intermediate_dim": WIDE,
    "embedding_dim": E,
    "kernel_size": K,
    "max_sequence_length": POSITIONS,
}


def write_checkpoint(directory, arrays):
    """Writes arrays under their names, and returns the prefix."""
    import tensorflow as tf

    directory.mkdir(parents=True, exist_ok=True)
    prefix = directory / "model.ckpt-77"
    names = sorted(arrays)
    tf.raw_ops.SaveV2(
        prefix=str(prefix),
        tensor_names=names,
        shape_and_slices=[""] * len(names),
        tensors=[tf.constant(arrays[name]) for name in names],
    )
    (directory / "vocab.txt").write_text("".join(f"{w}\n" for w in WORDS))
    return prefix


def dense(name, inputs, outputs):
    return {f"{name}/kernel": (inputs, outputs), f"{name}/bias": (outputs,)}


def norm(name, width):
    return {
        f"{name}/LayerNorm/gamma": (width,),
        f"{name}/LayerNorm/beta": (width,),
    }


def embedding_shapes():
    words = "electra/embeddings"
    return {
        f"{words}/word_embeddings": (V, E),
        f"{words}/token_type_embeddings": (2, E),
        f"{words}/position_embeddings": (POSITIONS, E),
        **norm(words, E),
    }


def tower_shapes(tower, hidden, heads, ratio, wide, groups=1):
    """The shapes of an encoder by the official rule of heads."""
    width, count = hidden // heads, max(heads // ratio, 1)
    inside = count * width
    shapes = dense(f"{tower}/embeddings_project", E, hidden)
    for index in range(LAYERS):
        layer = f"{tower}/encoder/layer_{index}"
        mixer = f"{layer}/attention/self"
        for name in ("query", "key", "value", "conv_attn_point"):
            shapes |= dense(f"{mixer}/{name}", hidden, inside)
        key = f"{mixer}/conv_attn_key"
        shapes |= {
            f"{key}/depthwise_kernel": (K, hidden, 1),
            f"{key}/pointwise_kernel": (1, hidden, inside),
            f"{key}/bias": (inside,),
        }
        shapes |= dense(f"{mixer}/conv_attn_kernel", inside, count * K)
        shapes |= dense(f"{layer}/attention/output/dense", 2 * inside, hidden)
        shapes |= norm(f"{layer}/attention/output", hidden)
        for scope, inputs, outputs in (
            ("intermediate", hidden, wide),
            ("output", wide, hidden),
        ):
            if groups == 1:
                shapes |= dense(f"{layer}/{scope}/dense", inputs, outputs)
            else:
                shapes |= {
                    f"{layer}/{scope}/g_dense/kernel": (
                        groups,
                        inputs // groups,
                        outputs // groups,
                    ),
                    f"{layer}/{scope}/g_dense/bias": (outputs,),
                }
        shapes |= norm(f"{layer}/output", hidden)
    return shapes


def masked_lm_shapes(hidden):
    head = "generator_predictions"
    return {
        **dense(f"{head}/dense", hidden, E),
        **norm(head, E),
        f"{head}/output_bias": (V,),
    }


def discriminator_shapes(hidden):
    head = "discriminator_predictions"
    return {
        **dense(f"{head}/dense", hidden, hidden),
        **dense(f"{head}/dense_1", hidden, 1),
    }


def random_variables(shapes, seed=1):
    rng = np.random.default_rng(seed)
    return {
        name: rng.normal(0.0, 0.3, shape).astype("float32")
        for name, shape in shapes.items()
    }


def with_slots(variables):
    """Adds what the optimizer and the training loop keep."""
    slots = {
        f"{name}/{slot}": array
        for name, array in variables.items()
        for slot in ("adam_m", "adam_v")
    }
    return {**variables, **slots, "global_step": np.int64(77)}


def fine_tuned(directory, task, shapes):
    variables = random_variables(
        {
            **embedding_shapes(),
            **tower_shapes("electra", H, N, 2, WIDE),
            **{f"task_specific/{task}/{k}": v for k, v in shapes.items()},
        }
    )
    return write_checkpoint(directory, with_slots(variables)), variables
