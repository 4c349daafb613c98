"""Padding that is left out changes nothing for real tokens."""

import contextlib

import keras
import numpy as np
import pytest

from keras_mixattn import layers
from keras_mixattn.interpret.layer_calls import replaced_call
from keras_mixattn.layers.unpad import MULTIPLE
from tests.harness import as_numpy
from tests.harness import functional
from tests.harness import normal
from tests.harness import randomise
from tests.layers.pooling_cases import EMPTY_IDS
from tests.layers.pooling_cases import EMPTY_X
from tests.layers.pooling_cases import HEAD_DIM
from tests.layers.pooling_cases import MASKS
from tests.layers.pooling_cases import THREE_WAY
from tests.layers.pooling_cases import TOKEN_IDS
from tests.layers.pooling_cases import X
from tests.layers.pooling_cases import masks_of
from tests.layers.pooling_cases import needs

HOLES = np.array([[1, 0, 1, 1, 0], [0, 0, 0, 0, 0], [0, 1, 0, 0, 1]])


def real_tokens(padding_mask):
    """Where real tokens are, with each row's first."""
    real = padding_mask != 0
    real[:, 0] = True
    return real


@pytest.mark.parametrize("mask", [HOLES, TOKEN_IDS, HOLES[:0]], ids=len)
def test_real_tokens_are_found(mask):
    mask = mask.astype("int32")
    found = layers.Unpad()(mask)
    real = real_tokens(mask)
    numbers = as_numpy(found.real)
    assert len(numbers) == -(-real.sum() // MULTIPLE) * MULTIPLE
    numbers, more = np.split(numbers, [real.sum()])
    np.testing.assert_array_equal(numbers, np.flatnonzero(real))
    assert not np.any(more)
    places = as_numpy(found.places)
    np.testing.assert_array_equal(places[real], np.arange(real.sum()))
    # What stands in for padding is there to be taken.
    assert places.shape == mask.shape
    assert np.all((places >= 0) & (places < max(real.sum(), 1)))


@pytest.mark.parametrize(
    "allocation",
    [{"attention": 2}, {"span_conv": 2}, {"pooling": 2}, THREE_WAY],
    ids=str,
)
@pytest.mark.parametrize(
    "x, masks",
    [(X, MASKS), (X, masks_of(TOKEN_IDS, drop=False))]
    + [(EMPTY_X, masks_of(EMPTY_IDS, drop=False))],
    ids=["sources", "padding", "empty"],
)
def test_a_block_gives_real_tokens_the_same(allocation, x, masks):
    block = layers.EncoderBlock(allocation, HEAD_DIM, intermediate_dim=17)
    block(x)
    randomise(block)
    expected = [as_numpy(one) for one in block(x, **masks, with_first=True)]
    unpadding = layers.Unpad()(masks["padding_mask"])
    found = block(x, **masks, unpadding=unpadding, with_first=True)
    real = masks["padding_mask"] != 0
    assert not np.all(real)
    for one, other in zip(map(as_numpy, found), expected, strict=True):
        where = real[:, : one.shape[1]]
        np.testing.assert_allclose(one[where], other[where], atol=1e-5)
        assert np.all(np.isfinite(one))


@pytest.mark.parametrize("num_groups", [1, 2])
def test_padding_goes_through_no_projection(num_groups):
    mask = MASKS["padding_mask"]
    x = normal(*mask.shape, 14)
    block = layers.EncoderBlock(
        THREE_WAY, HEAD_DIM, intermediate_dim=18, num_groups=num_groups
    )
    block(x)
    rows = {}

    def counted(name):
        def answer(call, inputs, **kwargs):
            rows[name] = inputs.shape[0]
            return call(inputs, **kwargs)

        return answer

    with contextlib.ExitStack() as stack:
        for layer in block._flatten_layers():
            if isinstance(layer, keras.layers.Dense | keras.layers.EinsumDense):
                stack.enter_context(replaced_call(layer, counted(layer.path)))
        block(x, mask, unpadding=layers.Unpad()(mask))
    of_rows = "pooling/global_aggregation"  # projects a summary of each row
    assert len(rows) == 13
    found = {count for path, count in rows.items() if of_rows not in path}
    assert found == {len(layers.Unpad()(mask).real)}
    assert found != {mask.size}


def test_a_row_of_padding_hangs_on_no_other():
    block = layers.EncoderBlock(THREE_WAY, HEAD_DIM, intermediate_dim=17)
    mask = MASKS["padding_mask"].copy()
    mask[1] = 0
    unpadding = layers.Unpad()(mask)
    found = as_numpy(block(X, mask, unpadding=unpadding))
    others = X.copy()
    others[[0, 2]] += normal(*X[:2].shape, seed=5)
    changed = as_numpy(block(others, mask, unpadding=unpadding))
    np.testing.assert_array_equal(changed[1], found[1])
    assert np.all(changed[0] != found[0])


def test_a_compiled_model_leaves_padding_out():
    """Symbolic, with lengths that only the batch knows."""
    block = layers.EncoderBlock(THREE_WAY, HEAD_DIM, intermediate_dim=17)
    unpad = layers.Unpad()

    def unpadded(inputs, padding_mask):
        return block(
            inputs, padding_mask=padding_mask, unpadding=unpad(padding_mask)
        )

    batch = {"inputs": X, "padding_mask": MASKS["padding_mask"]}
    expected = as_numpy(block(**batch))
    model = functional(unpadded, batch)
    assert model.output_shape == (None, None, X.shape[-1])
    model.compile()
    assert not model.jit_compile
    found = model.predict(batch, verbose=0)
    real = real_tokens(MASKS["padding_mask"])
    np.testing.assert_allclose(found[real], expected[real], atol=1e-5)


def test_it_learns_the_same():
    """The step of stochastic descent is the gradient."""
    needs("tensorflow", "torch")  # JAX' trainer traces each step
    target = X[::-1].copy()
    steps = []
    for leaves_out in (False, True):
        block = layers.EncoderBlock(THREE_WAY, HEAD_DIM, intermediate_dim=17)
        batch = {"inputs": X, "padding_mask": MASKS["padding_mask"]}
        block(**batch)
        randomise(block)

        def call(inputs, padding_mask, block=block, leaves_out=leaves_out):
            unpadding = layers.Unpad()(padding_mask) if leaves_out else None
            return block(inputs, padding_mask, unpadding=unpadding)

        model = functional(call, batch)
        model.compile(keras.optimizers.SGD(1.0), loss="mse", run_eagerly=True)
        before = [as_numpy(one) for one in block.weights]
        real = MASKS["padding_mask"].astype("float32")
        model.train_on_batch(batch, target, sample_weight=real)
        after = [as_numpy(one) for one in block.weights]
        steps.append([b - a for a, b in zip(before, after, strict=True)])
    for plain, unpadded in zip(*steps, strict=True):
        assert np.any(plain) or plain.ndim == 1  # such as biases of keys
        np.testing.assert_allclose(unpadded, plain, atol=1e-5)
