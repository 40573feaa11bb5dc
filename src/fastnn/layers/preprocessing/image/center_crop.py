"""CenterCrop: the middle of images."""

from fastnn import ops
from fastnn.layers.preprocessing.image.base_image_layer import BaseImagePreprocessingLayer
from fastnn.ops.record import shape_of


class CenterCrop(BaseImagePreprocessingLayer):
    """The middle of images, in training and without. Images that are smaller in one direction are resized, after what
    does not fit the ratio of the results is cut off.

    Args:
        height, width: of the results.
        data_format: "channels_last" or "channels_first"; that of `fastnn.config` by default.
        bounding_box_format: of the boxes of a dictionary.

    Input shape: (n, h, w, c) or (h, w, c), channels first when `data_format` says so.
    Output shape: the same with `height` and `width`; floats come out.

    Example:
        >>> fastnn.layers.CenterCrop(1, 2)(np.arange(12.0).reshape(3, 4, 1))[:, :, 0]
        array([[5., 6.]], dtype=float32)
    """

    config_names = ("height", "width")
    active_in_inference = True
    is_random = False

    def __init__(self, height, width, data_format=None, **kwargs):
        super().__init__(data_format=data_format, **kwargs)
        self.height, self.width = height, width

    def draw(self, sizes, seed):
        return {"input_shape": sizes.shape}

    def without_training(self, sizes):
        return {"input_shape": sizes.shape}

    def _window(self, height: int, width: int) -> tuple[int, int, int, int]:
        """Top, left, height and width of what is cut out of images."""
        size = (self.height, self.width)
        if height < self.height or width < self.width:
            size = (
                max(min(height, int(width * self.height / self.width)), 1),
                max(min(width, int(height * self.width / self.height)), 1),
            )
        return (height - size[0]) // 2, (width - size[1]) // 2, *size

    def transform_images(self, images, transformation=None, training=True):
        """Images, (n, h, w, c) or (h, w, c), cropped."""
        return super().transform_images(images, transformation, training)

    def augment(self, images, transformation):
        top, left, height, width = self._window(*shape_of(images)[1:3])
        window = images[:, top : top + height, left : left + width]
        if (height, width) == (self.height, self.width):
            return window
        return ops.image.resize(window, (self.height, self.width), data_format="channels_last")

    def move_masks(self, masks, transformation):
        return self.augment(masks, transformation)

    def output_size(self, height, width):
        return self.height, self.width

    def move_boxes(self, corners, transformation, height, width):
        top, left, inner_height, inner_width = self._window(height, width)
        starts, scales = (left, top), (self.width / inner_width, self.height / inner_height)
        return tuple((x - starts[k % 2]) * scales[k % 2] for k, x in enumerate(corners))
