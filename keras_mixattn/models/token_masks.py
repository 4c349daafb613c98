"""Who sees whom in an encoder: the masks that all its layers share."""

from keras_mixattn.layers.drop_mask import DropMask
from keras_mixattn.layers.pooling_segments import PoolingSegments

DROP_MASKS = ("none", "keys", "keys_keep_self")


def check_drop_mask(
    drop_mask: str, rate: float, mask_token_id: int | None
) -> str:
    """Returns `drop_mask` if it is legal and the id it needs is given.

    Args:
        drop_mask: One of `DROP_MASKS`.
        rate: Share of the [MASK] tokens that is dropped.
        mask_token_id: Id of [MASK], or `None`.

    Returns:
        The value given.

    Raises:
        ValueError: If it is not.
    """
    if drop_mask not in DROP_MASKS:
        raise ValueError(
            f"`drop_mask` must be one of {', '.join(DROP_MASKS)}. Received: "
            f"drop_mask={drop_mask!r}"
        )
    if not 0 <= rate <= 1:
        raise ValueError(
            "`drop_mask_rate` must lie between 0 and 1. Received: "
            f"drop_mask_rate={rate}"
        )
    if drop_mask != "none" and mask_token_id is None:
        raise ValueError(
            "`drop_mask` needs to know [MASK]; pass `mask_token_id`, such as "
            f"`tokenizer.mask_token_id`. Received: drop_mask={drop_mask!r}"
        )
    return drop_mask


def check_pooling_segments(pooling_segments: str | int) -> str | int:
    """Returns `pooling_segments` if it is legal.

    Args:
        pooling_segments: `"special"`, `"given"` or a number of blocks.

    Returns:
        The value given.

    Raises:
        ValueError: If it is another.
    """
    is_count = isinstance(pooling_segments, int) and pooling_segments > 0
    is_count = is_count and not isinstance(pooling_segments, bool)
    if not is_count and pooling_segments not in ("special", "given"):
        raise ValueError(
            "`pooling_segments` must be 'special' (parted by [CLS] and "
            "[SEP]), 'given' (an input `pooling_segment_ids`) or a positive "
            f"number of blocks. Received: {pooling_segments!r}"
        )
    return pooling_segments


def source_mask(
    inputs: dict, drop_mask: str, rate: float, mask_token_id: int | None
) -> dict:
    """Makes the mask of the tokens that others see.

    Args:
        inputs: The symbolic inputs of an encoder by name.
        drop_mask: One of `DROP_MASKS`.
        rate: Share of the [MASK] tokens that is dropped.
        mask_token_id: Id of [MASK].

    Returns:
        A dict with `source_mask`, empty if it is the padding mask.
    """
    if drop_mask == "none":
        return {}
    layer = DropMask(mask_token_id, rate, dtype="int32", name="drop_mask")
    mask = layer(inputs["token_ids"], padding_mask=inputs["padding_mask"])
    return {"source_mask": mask}


def pooling_masks(
    inputs: dict,
    pooling_segments: str | int,
    special_token_trick: bool,
    special_token_ids: list[int | None],
) -> dict:
    """Makes what pooling heads need to know of the tokens.

    Args:
        inputs: The symbolic inputs of an encoder by name, with
            `pooling_segment_ids` if they are given.
        pooling_segments: `"special"`, `"given"` or a number of blocks.
        special_token_trick: Whether special tokens are marked.
        special_token_ids: Ids of [CLS] and [SEP].

    Returns:
        A dict with `pooling_segment_ids` and, for the trick, `special_mask`.

    Raises:
        ValueError: If an id is needed and not given.
    """
    uses_ids = special_token_trick or pooling_segments == "special"
    if uses_ids and None in special_token_ids:
        raise ValueError(
            "Pooling heads need to know [CLS] and [SEP]; pass `cls_token_id` "
            "and `sep_token_id`, such as the tokenizer's, or "
            "`special_token_trick=False` and other `pooling_segments`. "
            f"Received: ids {special_token_ids}, "
            f"pooling_segments={pooling_segments!r}"
        )
    masks = {}
    if uses_ids or isinstance(pooling_segments, int):
        masks = PoolingSegments(
            special_token_ids if uses_ids else (),
            pooling_segments if isinstance(pooling_segments, int) else None,
            dtype="int32",
            name="pooling_segments",
        )(inputs["token_ids"])
    if not special_token_trick:
        masks.pop("special_mask", None)
    if pooling_segments == "given":
        masks["pooling_segment_ids"] = inputs["pooling_segment_ids"]
    return masks
