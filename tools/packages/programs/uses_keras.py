"""A fit in Keras."""

import keras  # type: ignore[import-untyped]
import numpy as np

import momo_keras

model = keras.Sequential(
    [keras.Input((3,)), keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros")]
)
model.compile(optimizer=momo_keras.Momo(learning_rate=1.0), loss="mse")
x, y = np.eye(3, dtype="float32"), np.ones((3, 1), dtype="float32")
before = model.evaluate(x, y, verbose=0)
model.fit(x, y, batch_size=3, epochs=1, verbose=0)
assert before == 1.0
assert model.evaluate(x, y, verbose=0) < before
