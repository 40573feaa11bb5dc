"""The rows in PyTorch, as a careful user writes them: logits out."""

from torch import nn
from torch.nn import functional

from benchmarks.models.networks import ROWS


def build(name: str) -> nn.Module:
    """The network of the row; it gives logits."""
    if name == "tiny":
        return nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 1))
    if name == "mlp":
        return nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10))
    if name == "cnn":
        return nn.Sequential(
            nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Dropout(0.5), nn.Linear(1600, 10),
        )  # fmt: skip
    if name == "resnet":
        return _ResNet()
    return _Recurrent() if name == "lstm" else _Transformer()


class _Block(nn.Module):
    def __init__(self, before, channels, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(before, channels, 3, stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(channels, eps=1e-3)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(channels, eps=1e-3)
        self.shortcut = nn.Identity()
        if stride == 2:
            self.shortcut = nn.Sequential(
                nn.Conv2d(before, channels, 1, 2, bias=False), nn.BatchNorm2d(channels, eps=1e-3)
            )

    def forward(self, x):
        y = functional.relu(self.norm1(self.conv1(x)))
        return functional.relu(self.norm2(self.conv2(y)) + self.shortcut(x))


class _ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16, eps=1e-3), nn.ReLU())
        blocks, before = [], 16
        for stage, channels in enumerate((16, 32, 64)):
            for block in range(3):
                blocks.append(_Block(before, channels, 2 if stage and not block else 1))
                before = channels
        self.blocks = nn.Sequential(*blocks)
        self.last = nn.Linear(64, ROWS["resnet"].classes)

    def forward(self, x):
        return self.last(self.blocks(self.first(x)).mean((2, 3)))


class _Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(ROWS["lstm"].words, 128)
        self.lstm = nn.LSTM(128, 64, batch_first=True)
        self.last = nn.Linear(64, 1)

    def forward(self, x):
        return self.last(self.lstm(self.embedding(x))[0][:, -1])


class _Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention = nn.MultiheadAttention(64, 4, batch_first=True)
        self.norm1, self.norm2 = nn.LayerNorm(64, eps=1e-3), nn.LayerNorm(64, eps=1e-3)
        self.wide = nn.Sequential(nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 64))

    def forward(self, x):
        x = self.norm1(x + self.attention(x, x, x, need_weights=False)[0])
        return self.norm2(x + self.wide(x))


class _Transformer(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(ROWS["tfm"].words, 64)
        self.blocks = nn.Sequential(_Encoder(), _Encoder())
        self.last = nn.Linear(64, 2)

    def forward(self, x):
        return self.last(self.blocks(self.embedding(x)).mean(1))
