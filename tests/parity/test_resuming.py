"""Training that goes on after `model.save` in the other library: the same next losses as without the change."""

import keras
import numpy as np
import pytest

import fastnn

COMPILED = {
    "sgd": lambda k: {"optimizer": k.optimizers.SGD(0.05, momentum=0.9, nesterov=True), "loss": "mse"},
    "adam": lambda k: {
        "optimizer": k.optimizers.Adam(k.optimizers.schedules.ExponentialDecay(0.05, 3, 0.5), amsgrad=True),
        "loss": k.losses.Huber(1.0),
        "metrics": ["mae"],
    },
    "adamw": lambda k: {"optimizer": k.optimizers.AdamW(0.02, weight_decay=0.1, clipnorm=1.0), "loss": "mae"},
    "rmsprop": lambda k: {"optimizer": k.optimizers.RMSprop(0.02, momentum=0.5, centered=True), "loss": "mse"},
    "nadam": lambda k: {"optimizer": k.optimizers.Nadam(0.02), "loss": k.losses.LogCosh()},
    "ema": lambda k: {
        "optimizer": k.optimizers.Adagrad(0.1, use_ema=True, ema_momentum=0.9, ema_overwrite_frequency=2),
        "loss": "mse",
        "weighted_metrics": ["mse"],
    },
}


def build(k, name):
    layers = k.layers
    model = k.Sequential([k.Input((6, 3)), layers.LSTM(5), layers.BatchNormalization(), layers.Dense(2)])
    model.compile(**COMPILED[name](k))
    return model


def losses(model, batches):
    return [
        float(model.train_on_batch(x, y, return_dict=True)["loss"]) for x, y in batches if not model.reset_metrics()
    ]


@pytest.mark.parametrize(("source", "target"), [(keras, fastnn), (fastnn, keras)], ids=["to fastnn", "to keras"])
@pytest.mark.parametrize("name", COMPILED)
def test_the_same_next_losses(name, source, target, tmp_path):
    source.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    batches = [
        (rng.normal(size=(8, 6, 3)).astype("float32"), rng.normal(size=(8, 2)).astype("float32")) for _ in range(8)
    ]
    model = build(source, name)
    losses(model, batches[:4])
    model.save(tmp_path / "model.keras")
    resumed = target.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(losses(resumed, batches[4:]), losses(model, batches[4:]), rtol=1e-4)
    iterations = [int(np.asarray(m.optimizer.iterations)) for m in (model, resumed)]
    assert iterations == [8, 8]
