"""One training loop of a user's own in a process of its own: `python -m benchmarks.models.loops ROW CONTENDER`.

The rows: `guide`, the loop of Keras's guide to loops from scratch, with a regularized layer whose loss is added in
place; `actor-critic`, an episode of 200 steps whose gradient is asked at its end, some 2,400 ops on single numbers;
`q-learning`, steps that choose an action and then learn from 32 that were drawn. By fastnn's GradientTape and
TensorFlow's with Keras, op by op on both sides, and by PyTorch. Nothing is compiled by the loops themselves. Prints one
JSON line: the seconds of the first loop, the median of the later ones, and the last loss.
"""

import itertools
import json
import os
import sys
import time
import warnings

import numpy as np

from benchmarks.machine import threads
from benchmarks.pairs import MISSING
from benchmarks.timing import median_of

BATCH, STEPS, STATE, ACTIONS = 64, 100, 4, 2
EPISODE, GAMMA = 200, 0.99
REPLAYED = 32
BUDGET_S = 4.0


class Guide:
    """`STEPS` batches of images by three dense layers, with classes that can be learned: regularized weights that learn
    nothing become numbers so small that PyTorch computes ten times as long with them."""

    def __init__(self):
        rng = np.random.default_rng(0)
        self.x = rng.random((STEPS * BATCH, 784), "float32")
        self.y = np.argmax((self.x - 0.5) @ rng.normal(size=(784, 10)), axis=1)

    def run(self, contender):
        for start in range(0, len(self.x), BATCH):
            loss = contender.learn_classes(self.x[start : start + BATCH], self.y[start : start + BATCH])
        return loss

    sizes = (784, 64, 64), (10,)


class ActorCritic:
    """An episode of an environment whose states and rewards are drawn."""

    def __init__(self):
        rng = np.random.default_rng(0)
        self.states = rng.normal(size=(EPISODE, STATE)).astype("float32")
        rewards, total, returns = rng.random(EPISODE), 0.0, []
        for reward in rewards[::-1]:
            total = reward + GAMMA * total
            returns.append(total)
        returns = np.array(returns[::-1])
        self.returns = ((returns - returns.mean()) / returns.std()).astype("float32")
        self.rng = rng

    def run(self, contender):
        return contender.learn_episode(self.states, self.returns, self.rng)

    sizes = (STATE, 128), (ACTIONS, 1)


class QLearning:
    """`STEPS` steps: the best action for a state, and one update from a batch of what was seen."""

    def __init__(self):
        rng = np.random.default_rng(0)
        self.states = rng.normal(size=(STEPS, STATE)).astype("float32")
        self.actions = rng.integers(0, ACTIONS, STEPS)
        self.rewards = rng.random(STEPS).astype("float32")
        self.rng = rng

    def run(self, contender):
        for state in self.states:
            contender.best_action(state)
            drawn = self.rng.integers(0, STEPS, REPLAYED)
            loss = contender.learn_values(self.states[drawn], self.actions[drawn], self.rewards[drawn])
        return loss

    sizes = (STATE, 64, 64), (ACTIONS,)


ROWS = {"guide": Guide, "actor-critic": ActorCritic, "q-learning": QLearning}


class KerasLike:
    """fastnn, or Keras on TensorFlow, with its tape."""

    def __init__(self, row, k, tape):
        (inputs, *hidden), outputs = row.sizes
        x = h = k.Input((inputs,))
        for units in hidden:
            h = k.layers.Dense(units, activation="relu", kernel_regularizer="l2" if row is Guide else None)(h)
        activations = ["softmax", None] if row is ActorCritic else [None]
        heads = [k.layers.Dense(*head)(h) for head in zip(outputs, activations, strict=True)]
        self.k, self.ops, self.tape, self.model = k, k.ops, tape, k.Model(x, heads if len(heads) > 1 else heads[0])
        self.optimizer = k.optimizers.Adam(1e-3)
        self.class_loss = k.losses.SparseCategoricalCrossentropy(from_logits=True)
        self.huber = k.losses.Huber()

    def _apply(self, tape, loss):
        weights = self.model.trainable_weights
        self.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
        return float(loss)

    def learn_classes(self, x, y):
        with self.tape() as tape:
            loss = self.class_loss(y, self.model(x, training=True))
            loss += sum(self.model.losses)
        return self._apply(tape, loss)

    def learn_episode(self, states, returns, rng):
        ops, taken, values = self.ops, [], []
        with self.tape() as tape:
            for state in states:
                actions, value = self.model(ops.expand_dims(ops.convert_to_tensor(state), 0))
                values.append(value[0, 0])
                chances = np.squeeze(actions)
                action = rng.choice(ACTIONS, p=np.float64(chances) / np.float64(chances).sum())
                taken.append(ops.log(actions[0, action]))
            actor, critic = [], []
            for log_chance, value, expected in zip(taken, values, returns, strict=True):
                actor.append(-log_chance * (expected - value))
                critic.append(self.huber(ops.expand_dims(expected, 0), ops.expand_dims(value, 0)))
            loss = sum(actor) + sum(critic)
        return self._apply(tape, loss)

    def best_action(self, state):
        return int(self.ops.argmax(self.model(state[None], training=False)[0]))

    def learn_values(self, states, actions, rewards):
        ops = self.ops
        with self.tape() as tape:
            values = ops.sum(self.model(states) * ops.one_hot(actions, ACTIONS), axis=1)
            loss = self.huber(rewards, values)
        return self._apply(tape, loss)


class Torch:
    """The same, eager."""

    def __init__(self, row):
        import torch
        from torch import nn

        torch.set_num_threads(threads())
        (inputs, *hidden), outputs = row.sizes
        sizes = [inputs, *hidden]
        layers = [nn.Linear(a, b) for a, b in itertools.pairwise(sizes)]
        self.torch, self.regularized = torch, layers if row is Guide else []
        self.body = nn.Sequential(*[module for layer in layers for module in (layer, nn.ReLU())])
        self.heads = nn.ModuleList([nn.Linear(sizes[-1], units) for units in outputs])
        weights = [*self.body.parameters(), *self.heads.parameters()]
        self.optimizer = torch.optim.Adam(weights, lr=1e-3, eps=1e-7, fused=True)
        self.class_loss, self.huber = nn.CrossEntropyLoss(), nn.HuberLoss()

    def _apply(self, loss):
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        return float(loss)

    def learn_classes(self, x, y):
        loss = self.class_loss(self.heads[0](self.body(self.torch.from_numpy(x))), self.torch.from_numpy(y))
        loss = loss + sum(0.01 * layer.weight.square().sum() for layer in self.regularized)
        return self._apply(loss)

    def learn_episode(self, states, returns, rng):
        torch, taken, values = self.torch, [], []
        for state in states:
            h = self.body(torch.from_numpy(state).unsqueeze(0))
            actions, value = torch.softmax(self.heads[0](h), -1), self.heads[1](h)
            values.append(value[0, 0])
            chances = actions.detach().numpy()[0]
            action = rng.choice(ACTIONS, p=np.float64(chances) / np.float64(chances).sum())
            taken.append(torch.log(actions[0, action]))
        actor, critic = [], []
        for log_chance, value, expected in zip(taken, values, torch.from_numpy(returns), strict=True):
            actor.append(-log_chance * (expected - value))
            critic.append(self.huber(value.unsqueeze(0), expected.unsqueeze(0)))
        return self._apply(sum(actor) + sum(critic))

    def best_action(self, state):
        with self.torch.no_grad():
            return int(self.heads[0](self.body(self.torch.from_numpy(state[None])))[0].argmax())

    def learn_values(self, states, actions, rewards):
        torch = self.torch
        chosen = torch.nn.functional.one_hot(torch.from_numpy(actions), ACTIONS)
        values = (self.heads[0](self.body(torch.from_numpy(states))) * chosen).sum(1)
        return self._apply(self.huber(values, torch.from_numpy(rewards)))


def _fastnn(row):
    import fastnn

    return KerasLike(row, fastnn, fastnn.GradientTape)


def _keras_on_tensorflow(row):
    os.environ["KERAS_BACKEND"] = "tensorflow"
    import keras
    import tensorflow

    tensorflow.config.threading.set_intra_op_parallelism_threads(threads())
    return KerasLike(row, keras, tensorflow.GradientTape)


CONTENDERS = {"fastnn": _fastnn, "keras-tensorflow": _keras_on_tensorflow, "torch": Torch}


def main():
    """The exit status MISSING says that the contender is not installed."""
    name, contender = sys.argv[1:]
    warnings.simplefilter("ignore")
    try:
        contender = CONTENDERS[contender](ROWS[name])
    except ImportError as error:
        print(error, file=sys.stderr)
        sys.exit(MISSING)
    loop, losses, start = ROWS[name](), [], time.perf_counter()
    losses.append(loop.run(contender))
    first = time.perf_counter() - start
    later = median_of(lambda: losses.append(loop.run(contender)), BUDGET_S)
    print(json.dumps({"first_loop": first, "loop": later, "loss": losses[-1]}))


if __name__ == "__main__":
    main()
