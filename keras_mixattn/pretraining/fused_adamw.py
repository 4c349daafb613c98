"""AdamW in one operation a weight, with a rate of its own for each layer."""

import contextlib

import keras
from keras import ops

if keras.config.backend() == "tensorflow":
    import tensorflow as tf


@keras.saving.register_keras_serializable(package="keras_mixattn")
class FusedAdamW(keras.optimizers.AdamW):
    """`keras.optimizers.AdamW` with TensorFlow's own Adam operation.

    It makes the same step as Keras' AdamW, in one pass over a weight and
    with fewer temporary copies. On other backends, and with `amsgrad`, the
    update is Keras'. Every step of a layer can be scaled by a rate of its
    own, and what is not decayed is part of the configuration.

    Where it differs: on TensorFlow the gradient of an embedding is sparse,
    one row for each occurrence of a token. Keras squares those rows one by
    one; here the rows of a token are added up first, as for a dense gradient
    and as PyTorch does, for the second moment and for the clipping alike.
    Replicas of `tf.distribute` add their gradients up before these are
    clipped; Keras clips those of each replica. With
    `gradient_accumulation_steps` a schedule counts the steps, as `iterations`
    does; Keras' counts the batches.

    Args:
        *args, **kwargs: Those of `keras.optimizers.AdamW`.
        rates: Dict from the name of a layer to what the steps of its weights
            are multiplied by, decay included. Weights in no such layer have
            1; of layers within layers, the outermost counts. Defaults to
            `None`: all have 1.
        not_decayed: Regular expressions; a weight is not decayed if one of
            them is found in its name. Defaults to none.
        bias_correction: Whether the moments, which start at zero, are scaled
            up in the first steps. Defaults to `True`; `False` is how BERT,
            ELECTRA and ConvBERT were pre-trained.

    Raises:
        ValueError: `rates` names no layer that has trained weights, or
            `gradient_accumulation_steps` is given under a `tf.distribute`
            strategy in which Keras cannot accumulate.

    Reference: Loshchilov and Hutter 2019, arXiv 1711.05101, algorithm 2.

    Example:

    ```python
    weight = keras.Variable([1.0, 2.0])
    optimizer = FusedAdamW(0.1, weight_decay=0.0)
    optimizer.apply([keras.ops.convert_to_tensor([3.0, -4.0])], [weight])
    assert abs(float(weight[0]) - 0.9) < 1e-6
    assert abs(float(weight[1]) - 2.1) < 1e-6
    ```
    """

    def __init__(
        self,
        *args,
        rates: dict[str, float] | None = None,
        not_decayed: tuple[str, ...] = (),
        bias_correction: bool = True,
        **kwargs,
    ):
        super().__init__(*args, **kwargs)
        self.bias_correction = bias_correction
        if self.gradient_accumulation_steps:
            _check_accumulation()
        self.rates = dict(rates or {})
        self.not_decayed = tuple(not_decayed)
        self.exclude_from_weight_decay(var_names=self.not_decayed)

    def build(self, variables):
        """Creates the moments and looks up rates and decay.

        Args:
            variables: The variables to be trained.

        Raises:
            ValueError: `rates` is given but scales none of them.
        """
        if self.built:
            return
        self._rate_of_index = [self._rate(variable) for variable in variables]
        # Each replica has another name for its copy of a weight.
        self._is_decayed_of_index = [
            self._use_weight_decay(variable) for variable in variables
        ]
        if self.rates and set(self._rate_of_index) == {None}:
            raise ValueError(
                "`rates` must name layers with trained weights; leave it out "
                "where those are frozen. Received: rates for "
                f"{', '.join(self.rates)}"
            )
        super().build(variables)

    def _rate(self, variable):
        layers = getattr(variable, "path", "").split("/")[:-1]
        named = [self.rates[name] for name in layers if name in self.rates]
        return named[0] if named else None

    def apply(self, grads, trainable_variables=None):
        """Makes one step.

        Args:
            grads: A gradient, or None, for each variable.
            trainable_variables: The variables; may be left out when the
                optimizer is built.
        """
        grads = [_sum_repeated_rows(gradient) for gradient in grads]
        super().apply(grads, trainable_variables)

    def update_step(self, gradient, variable, learning_rate):
        """Updates one variable and its two moments.

        Args:
            gradient: Dense tensor of the variable's shape.
            variable: The variable.
            learning_rate: Scalar, the same for all variables.
        """
        index = self._get_variable_index(variable)
        rate = self._rate_of_index[index]
        if rate is not None:
            learning_rate = learning_rate * rate
        if self.weight_decay and self._is_decayed_of_index[index]:
            share = ops.cast(self.weight_decay * learning_rate, variable.dtype)
            with _after(gradient):
                self.assign_sub(variable, variable * share)
        if keras.config.backend() == "tensorflow" and not self.amsgrad:
            self._fused_step(gradient, variable, learning_rate)
            return
        if not self.bias_correction:
            # Keras multiplies the rate by what it is divided by here.
            power_1, power_2 = self._powers("float32")
            learning_rate *= (1 - power_1) / ops.sqrt(1 - power_2)
        super().update_step(gradient, variable, learning_rate)

    def _powers(self, dtype):
        """Returns the shares of the two moments that are still zeros."""
        step = ops.cast(self.iterations + 1, dtype)
        betas = (self.beta_1, self.beta_2)
        return [ops.power(ops.cast(beta, dtype), step) for beta in betas]

    def _fused_step(self, gradient, variable, learning_rate):
        index = self._get_variable_index(variable)
        dtype = variable.dtype
        powers = [tf.zeros((), dtype)] * 2
        if self.bias_correction:
            powers = self._powers(dtype)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[index].value.handle,
            v=self._velocities[index].value.handle,
            beta1_power=powers[0],
            beta2_power=powers[1],
            lr=tf.cast(learning_rate, dtype),
            beta1=tf.cast(self.beta_1, dtype),
            beta2=tf.cast(self.beta_2, dtype),
            epsilon=tf.cast(self.epsilon, dtype),
            grad=tf.cast(gradient, dtype),
        )

    def _apply_weight_decay(self, variables):
        """Leaves the decay to `update_step`, which knows rate and gradient.

        TensorFlow would decay a weight during the forward pass and, since
        the backward pass still needs the old values, keep them too.
        """

    def _get_current_learning_rate(self):
        schedules = keras.optimizers.schedules
        if isinstance(self._learning_rate, schedules.LearningRateSchedule):
            return self._learning_rate(self.iterations)
        return super()._get_current_learning_rate()

    def _clip_gradients(self, grads):
        return super()._clip_gradients(_sum_over_replicas(grads))

    def _all_reduce_sum_gradients(self, grads_and_vars):
        """Leaves out what `_clip_gradients` has done."""
        return grads_and_vars

    def get_config(self):
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "rates": dict(self.rates),
            "not_decayed": list(self.not_decayed),
            "bias_correction": self.bias_correction,
        }


def _check_accumulation():
    """Refuses what would fail in the first step, in a dark sentence."""
    if keras.config.backend() != "tensorflow":
        return
    if not tf.__internal__.distribute.strategy_supports_no_merge_call():
        strategy = type(tf.distribute.get_strategy()).__name__
        raise ValueError(
            "Keras cannot accumulate gradients under this strategy; leave "
            "`gradient_accumulation_steps` out and enlarge the batch, or "
            f"train without a strategy. Received: {strategy}"
        )


def _sum_repeated_rows(gradient):
    """Makes a sparse gradient of TensorFlow dense."""
    if keras.config.backend() != "tensorflow":
        return gradient
    if isinstance(gradient, tf.IndexedSlices):
        return tf.convert_to_tensor(gradient)
    return gradient


def _sum_over_replicas(grads):
    """Adds up the gradients of the replicas of `tf.distribute`.

    Those of a single replica are left alone: adding them up would change
    nothing, yet TensorFlow makes it wait for all of them and so keeps all of
    them in memory.
    """
    if keras.config.backend() != "tensorflow":
        return grads
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return grads
    return context.all_reduce(tf.distribute.ReduceOp.SUM, grads)


def _after(gradient):
    if keras.config.backend() == "tensorflow":
        return tf.control_dependencies([gradient])
    return contextlib.nullcontext()
