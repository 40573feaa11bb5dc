"""The `preprocess_input` of each family: `imagenet_utils.preprocess_input` in the mode of its training."""

from fastnn.applications import imagenet_utils


def caffe(x, data_format=None):
    """Images with values 0 to 255 in BGR, less the mean of ImageNet's channels.

    Args:
        x: array or KerasTensor of RGB images, of three or four dimensions.
        data_format: "channels_last" or "channels_first"; None is `fastnn.config.image_data_format()`.

    Example:
        >>> caffe(np.zeros((1, 1, 3)))
        array([[[-103.939, -116.779, -123.68 ]]])
    """
    return imagenet_utils.preprocess_input(x, data_format, mode="caffe")


def minus_one_to_one(x, data_format=None):
    """Images with values 0 to 255 in the range from -1 to 1.

    Args:
        x: array or KerasTensor of RGB images, of three or four dimensions.
        data_format: "channels_last" or "channels_first"; None is `fastnn.config.image_data_format()`.

    Example:
        >>> minus_one_to_one(np.array([[[0.0, 127.5, 255.0]]]))
        array([[[-1.,  0.,  1.]]])
    """
    return imagenet_utils.preprocess_input(x, data_format, mode="tf")


def standardized(x, data_format=None):
    """Images with values 0 to 255, less the mean and divided by the standard deviation of ImageNet's channels.

    Args:
        x: array or KerasTensor of RGB images, of three or four dimensions.
        data_format: "channels_last" or "channels_first"; None is `fastnn.config.image_data_format()`.

    Example:
        >>> standardized(np.full((1, 1, 3), 255.0)).round(3)
        array([[[2.249, 2.429, 2.64 ]]])
    """
    return imagenet_utils.preprocess_input(x, data_format, mode="torch")


def unchanged(x, data_format=None):
    """The images themselves: the model scales them.

    Args:
        x: anything.
        data_format: is not looked at.

    Example:
        >>> unchanged(np.zeros((1, 1, 3)))
        array([[[0., 0., 0.]]])
    """
    return x
