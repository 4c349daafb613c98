"""AdamW in one operation a weight."""

import keras

if keras.config.backend() == "tensorflow":
    import tensorflow as tf


@keras.saving.register_keras_serializable(package="keras_mixattn")
class FusedAdamW(keras.optimizers.AdamW):
    """`keras.optimizers.AdamW` with TensorFlow's own Adam operation.

    It makes the same step as Keras' AdamW, in one pass over a weight and
    with fewer temporary copies. On other backends it is Keras' AdamW; with
    `amsgrad` the update is Keras'.

    Where it differs, on TensorFlow, with `amsgrad` too: the gradient of an
    embedding is sparse, one row for each occurrence of a token. Keras squares
    those rows one by one; here the rows of a token are added up first, as for
    a dense gradient and as PyTorch does, for the second moment and for the
    clipping alike.

    Args:
        *args, **kwargs: Those of `keras.optimizers.AdamW`.

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

    @property
    def _is_fused(self):
        return keras.config.backend() == "tensorflow" and not self.amsgrad

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
            learning_rate: Scalar.
        """
        if not self._is_fused:
            super().update_step(gradient, variable, learning_rate)
            return
        index = self._get_variable_index(variable)
        dtype = variable.dtype
        if self.weight_decay and self._use_weight_decay(variable):
            share = tf.cast(self.weight_decay * learning_rate, dtype)
            with tf.control_dependencies([gradient]):
                variable.assign_sub(variable * share)
        step = tf.cast(self.iterations + 1, dtype)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[index].value.handle,
            v=self._velocities[index].value.handle,
            beta1_power=tf.cast(self.beta_1, dtype) ** step,
            beta2_power=tf.cast(self.beta_2, dtype) ** step,
            lr=tf.cast(learning_rate, dtype),
            beta1=tf.cast(self.beta_1, dtype),
            beta2=tf.cast(self.beta_2, dtype),
            epsilon=tf.cast(self.epsilon, dtype),
            grad=tf.cast(gradient, dtype),
        )

    def _apply_weight_decay(self, variables):
        """Leaves the decay to `update_step`, where the gradient is known.

        TensorFlow would decay a weight during the forward pass and, since
        the backward pass still needs the old values, keep them too.
        """
        if not self._is_fused:
            super()._apply_weight_decay(variables)

    def _all_reduce_sum_gradients(self, grads_and_vars):
        """Leaves out the all-reduce of a single replica.

        It would add nothing, yet TensorFlow makes it wait for all gradients
        and so keeps all of them in memory.
        """
        if tf.distribute.get_strategy().num_replicas_in_sync == 1:
            return grads_and_vars
        return super()._all_reduce_sum_gradients(grads_and_vars)


def _sum_repeated_rows(gradient):
    """Makes a sparse gradient of TensorFlow dense."""
    if keras.config.backend() != "tensorflow":
        return gradient
    if isinstance(gradient, tf.IndexedSlices):
        return tf.convert_to_tensor(gradient)
    return gradient
