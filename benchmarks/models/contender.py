"""One contender in a process of its own: `python -m benchmarks.models.contender ROW CONTENDER EPOCHS`.

Prints one JSON line: seconds of each epoch after a warm-up epoch, and the last loss, by which the caller sees that the
contenders did the same work.
"""

import json
import os
import sys
import time
import warnings

from benchmarks.models import networks


def keras_epochs(name, k, epochs):
    """Seconds of each epoch of `fit`, and the last loss, for fastnn or Keras."""
    x, y = networks.data(name)
    model = networks.build(name, k)
    batch_size = networks.ROWS[name].batch_size
    seconds = []
    for _ in range(epochs + 1):
        start = time.perf_counter()
        history = model.fit(x, y, batch_size=batch_size, epochs=1, verbose=0)
        seconds.append(time.perf_counter() - start)
    return seconds[1:], history.history["loss"][-1]


def fastnn(name, epochs):
    import fastnn

    return keras_epochs(name, fastnn, epochs)


def keras_jax(name, epochs):
    os.environ["KERAS_BACKEND"] = "jax"
    import keras

    return keras_epochs(name, keras, epochs)


def keras_torch(name, epochs):
    os.environ["KERAS_BACKEND"] = "torch"
    import keras

    return keras_epochs(name, keras, epochs)


def torch(name, epochs):
    """A plain eager loop, channels_last for images, the data as one tensor: what a careful user writes."""
    import torch
    from torch import nn

    row = networks.ROWS[name]
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count()))
    x, y = map(torch.from_numpy, networks.data(name))
    if name == "tiny":
        model, loss_of = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 1)), nn.BCEWithLogitsLoss()
        y = y[:, None]
    else:
        loss_of = nn.CrossEntropyLoss()
        if name == "mlp":
            hidden = [nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU()]
            model = nn.Sequential(*hidden, nn.Linear(64, 10))
        else:
            x = x.permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)
            model = nn.Sequential(
                nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2),
                nn.Flatten(), nn.Dropout(0.5), nn.Linear(1600, 10),
            ).to(memory_format=torch.channels_last)  # fmt: skip
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
    seconds = []
    for _ in range(epochs + 1):
        start = time.perf_counter()
        total, right = torch.zeros(()), torch.zeros(())
        for rows in torch.randperm(row.rows).split(row.batch_size):
            optimizer.zero_grad(set_to_none=True)
            logits = model(x[rows])
            loss = loss_of(logits, y[rows])
            loss.backward()
            optimizer.step()
            total += loss.detach() * len(rows)
            guess = (logits > 0).float() if name == "tiny" else logits.argmax(1)
            right += (guess == y[rows]).sum()
        seconds.append(time.perf_counter() - start)
    return seconds[1:], float(total) / row.rows


def sklearn(name, epochs):
    from sklearn.neural_network import MLPClassifier

    sizes = {"tiny": (16,), "mlp": (128, 64)}
    if name not in sizes:
        raise ImportError("scikit-learn has no convolution")
    x, y = networks.data(name)
    model = MLPClassifier(sizes[name], batch_size=networks.ROWS[name].batch_size, alpha=0.0)
    seconds = []
    for _ in range(epochs + 1):
        start = time.perf_counter()
        model.partial_fit(x, y, classes=sorted(set(y.tolist())))
        seconds.append(time.perf_counter() - start)
    return seconds[1:], model.loss_


CONTENDERS = {"fastnn": fastnn, "jax": keras_jax, "keras-torch": keras_torch, "torch": torch, "sklearn": sklearn}


def main():
    """Exit status 3 says that the contender is not installed or cannot run this row."""
    name, contender, epochs = sys.argv[1:]
    warnings.simplefilter("ignore")
    try:
        seconds, loss = CONTENDERS[contender](name, int(epochs))
    except ImportError as error:
        print(error, file=sys.stderr)
        sys.exit(3)
    print(json.dumps({"seconds": seconds, "loss": float(loss)}))


if __name__ == "__main__":
    main()
