"""Tasks that leave the pooled output aside."""


class Unpooled:
    """Takes the pooler out of the training of the task it is mixed into.

    The task reads the vectors of the tokens alone, so a pooler gets no
    gradient, and Keras would warn of that at each `fit`. The pooler of the
    backbone itself stays trainable, for other tasks.
    """

    @property
    def trainable_variables(self):
        return self._but_pooler(super().trainable_variables)

    @property
    def trainable_weights(self):
        return self._but_pooler(super().trainable_weights)

    @property
    def non_trainable_variables(self):
        trained = {id(variable) for variable in self.trainable_variables}
        return [one for one in self.variables if id(one) not in trained]

    @property
    def non_trainable_weights(self):
        trained = {id(weight) for weight in self.trainable_weights}
        return [one for one in self.weights if id(one) not in trained]

    def _but_pooler(self, variables):
        pooler = getattr(self.backbone, "pooled_dense", None)
        if pooler is None:
            return variables
        pooled = {id(variable) for variable in pooler.variables}
        return [one for one in variables if id(one) not in pooled]
