"""Where the released Keras fetches its data sets from."""

KERAS_FILES = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
