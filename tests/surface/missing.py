"""The reviewed list of what Keras has and fastnn has not, with the reason. `test_surface.py` fails on any other name.

A name ending in ".*" stands for all that is missing in that namespace.
"""

MISSING = {
    "layers.FlaxLayer": "wraps a module of Flax, which needs JAX",
    "layers.JaxLayer": "wraps a function of JAX",
    "layers.TFSMLayer": "runs a TensorFlow SavedModel",
    "layers.TorchModuleWrapper": "wraps a module of PyTorch",
    "export.ExportArchive": "writes TensorFlow SavedModels",
}

OTHER_SIGNATURES = {
    "KerasTensor": "Keras takes any further arguments and ignores them",
    "Variable": "`layout` places a variable on several devices; Keras hands any further arguments to its backend",
}
