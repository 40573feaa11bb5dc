"""The example in the README runs as it stands, and learns."""

import re
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"


def test_example(capsys):
    code = re.search(r"```python\n(.*?)```", README.read_text(), re.DOTALL)[1]
    names = {}
    exec(compile(code, str(README), "exec"), names)
    assert len(code.splitlines()) <= 30
    accuracy = names["model"].evaluate(names["x_test"], names["y_test"], verbose=0, return_dict=True)["accuracy"]
    assert accuracy > 0.95
    assert "val_accuracy" in names["history"].history
    capsys.readouterr()
