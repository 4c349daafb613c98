"""A server for trying out an export; it is not TensorFlow Serving.

It speaks both protocols of TensorFlow Serving, with its error texts and codes,
batches requests, replays warm-up, and takes up a new version without a failed
request. Its modules need the packages of `keras_mixattn[serving]` and are
imported by `serve` alone.
"""
