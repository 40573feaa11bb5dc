"""`fastnn demo`: trains a small network on real images and shows what it learnt; also an example of the library."""

import os

import numpy as np

from fastnn import Input, Sequential, config, datasets, layers, optimizers, utils

FASHION = ("T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "boot")
DIGITS = tuple("0123456789")

# {name: (module, brightest pixel, class names, epochs, batch size)}
DATA = {
    "digits": (lambda: datasets.digits, 16, DIGITS, 20, 32),
    "fashion_mnist": (lambda: datasets.fashion_mnist, 255, FASHION, 5, 128),
    "mnist": (lambda: datasets.mnist, 255, DIGITS, 5, 128),
}
MODELS = ("cnn", "mlp")


def load(data: str):
    """`(x_train, y_train), (x_test, y_test)`: images float32 (n, h, w, 1) in [0, 1], labels (n,)."""
    module, brightest, *_ = DATA[data]
    (x_train, y_train), (x_test, y_test) = module().load_data()
    x_train, x_test = ((x[..., None] / brightest).astype("float32") for x in (x_train, x_test))
    return (x_train, y_train), (x_test, y_test)


def build(model: str, image_shape: tuple[int, int, int], classes: int):
    """A compiled classifier of images of shape (h, w, 1)."""
    if model == "mlp":
        hidden = [layers.Flatten(), layers.Dense(128, activation="relu"), layers.Dense(64, activation="relu")]
    else:
        # Padding keeps the little digits from vanishing at their edges; the 28x28 images can afford to lose a border.
        padding = "same" if image_shape[0] < 16 else "valid"
        hidden = [
            layers.Conv2D(32, 3, padding=padding, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, padding=padding, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dropout(0.5),
        ]
    network = Sequential([Input(image_shape), *hidden, layers.Dense(classes, activation="softmax")])
    network.compile(
        optimizer=optimizers.Adam(learning_rate=0.001), loss="sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    return network


def run(data="digits", model="cnn", epochs=None, seed=1, threads=None, output="demo-output") -> float:
    """Trains `model` on `data`, prints and saves what came out, and returns the accuracy on the test images.

    Args:
        data: a name of `DATA`.
        model: "cnn" or "mlp".
        epochs: passes over the training images; a number that suits `data` if None.
        seed: seed of weights, shuffling and dropout. The same seed gives the same bits for any thread count.
        threads: as for `fastnn.config.set_threads`; unchanged if None.
        output: folder for the weights and the picture of the curves.
    """
    *_, class_names, default_epochs, batch_size = DATA[data]
    os.makedirs(output, exist_ok=True)
    utils.set_random_seed(seed)
    if threads is not None:
        config.set_threads(threads)
    (x_train, y_train), (x_test, y_test) = load(data)
    print(f"{data}: {len(x_train)} training and {len(x_test)} test images of shape {x_train.shape[1:]}")

    network = build(model, x_train.shape[1:], len(class_names))
    network.summary()
    history = network.fit(
        x_train, y_train, batch_size=batch_size, epochs=epochs or default_epochs, validation_split=0.1
    )
    predicted = network.predict(x_test, batch_size=batch_size, verbose=0).argmax(axis=1)

    print_epochs(history.history)
    print_confusion(y_test, predicted, class_names)
    save(network, history.history, output)
    accuracy = float(np.mean(predicted == y_test))
    print(f"test accuracy: {accuracy:.3f}")
    return accuracy


def print_epochs(history: dict[str, list[float]]):
    """One line an epoch: training and validation loss and accuracy."""
    print("\nepoch    loss  accuracy  val_loss  val_accuracy")
    columns = (history[name] for name in ("loss", "accuracy", "val_loss", "val_accuracy"))
    for epoch, row in enumerate(zip(*columns, strict=True), start=1):
        print(f"{epoch:5d}  {row[0]:6.4f}  {row[1]:8.4f}  {row[2]:8.4f}  {row[3]:12.4f}")


def confusion(y_true, y_predicted, classes: int) -> np.ndarray:
    """Counts (classes, classes): row the true class, column the predicted one."""
    counts = np.zeros((classes, classes), int)
    np.add.at(counts, (y_true, y_predicted), 1)
    return counts


def print_confusion(y_true, y_predicted, class_names):
    """The confusion matrix, with a dot for zero."""
    width = max(6, *(len(name) + 1 for name in class_names))
    print("\nconfusion matrix (row: true class, column: predicted)")
    print(" " * width + "".join(f"{name:>{width}}" for name in class_names))
    for name, row in zip(class_names, confusion(y_true, y_predicted, len(class_names)), strict=True):
        print(f"{name:>{width}}" + "".join(f"{count or '.':>{width}}" for count in row))


def save(network, history, output):
    """The model as `model.keras`, and `curves.png` where matplotlib is installed."""
    path = os.path.join(output, "model.keras")
    network.save(path)
    print(f"\nsaved {path}")
    try:
        from matplotlib.figure import Figure
    except ImportError:
        print("no picture of the curves: matplotlib is not installed")
        return
    figure = Figure(figsize=(9, 3.5), layout="constrained")
    for axes, name in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        epochs = range(1, len(history[name]) + 1)
        axes.plot(epochs, history[name], label="training")
        axes.plot(epochs, history[f"val_{name}"], label="validation")
        axes.set(xlabel="epoch", ylabel=name)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.3)
        axes.legend()
    path = os.path.join(output, "curves.png")
    figure.savefig(path, dpi=120)
    print(f"saved {path}")
