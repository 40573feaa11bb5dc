"""Galleries: many images in one figure, by matplotlib."""

import math

import numpy as np

from fastnn import config
from fastnn.visualization.drawing import draw_bounding_boxes, draw_segmentation_masks


def _pyplot():
    try:
        from matplotlib import pyplot
    except ImportError as error:
        raise ImportError("Galleries are drawn by matplotlib: install fastnn's extra `plot`.") from error
    return pyplot


def _bytes_of(images, value_range, data_format):
    """Images whose values lie in `value_range` as bytes, channels last."""
    images = np.asarray(images)
    if images.ndim != 4:
        raise ValueError(f"A gallery needs a batch of images, of rank 4; got shape {images.shape}.")
    if (data_format or config.image_data_format()) == "channels_first":
        images = np.moveaxis(images, 1, -1)
    low, high = value_range
    return np.clip((images.astype(np.float32) - low) / (high - low) * 255 + 1e-3, 0, 255).astype(np.uint8)


def plot_image_gallery(
    images, y_true=None, y_pred=None, label_map=None, rows=None, cols=None, value_range=(0, 255), scale=2, path=None,
    show=None, transparent=True, dpi=60, legend_handles=None, data_format=None,
):  # fmt: skip
    """A figure of images, with the names of their classes above them.

    Args:
        images: shape (n, h, w, c), channels first when `data_format` says so.
        y_true, y_pred: numbers of the classes, shape (n,).
        label_map: names of the classes, by number; needed with either.
        rows, cols: of the figure; about a square by default.
        value_range: least and largest value of a pixel.
        scale: of an image, in inches.
        path: where to save the figure; None shows it.
        show: whether to show it; False returns it.
        transparent, dpi: of a saved figure.
        legend_handles: matplotlib patches for a legend.
        data_format: "channels_last" or "channels_first"; that of `fastnn.config` by default.

    Returns:
        The figure, with `show=False` and no path; None otherwise.

    Raises:
        ValueError: for images of another rank, classes without their names, or both `path` and `show`.
        ImportError: without matplotlib.

    Example:
        >>> import matplotlib; matplotlib.use("agg")
        >>> len(plot_image_gallery(np.zeros((4, 8, 8, 3)), show=False).axes)
        4
    """
    pictures = _bytes_of(images, value_range, data_format)
    if path is not None and show:
        raise ValueError("plot_image_gallery: only one of `path` and `show` can be given.")
    if (y_true is not None or y_pred is not None) and label_map is None:
        raise ValueError("plot_image_gallery: `y_true` and `y_pred` need a `label_map`.")
    pyplot = _pyplot()
    n = len(pictures)
    rows = rows or math.ceil(n / (cols or math.ceil(math.sqrt(n))))
    cols = cols or math.ceil(n / rows)
    figure, axes = pyplot.subplots(rows, cols, figsize=(cols * scale, rows * scale), squeeze=False)
    for k, axis in enumerate(axes.flat):
        axis.axis("off")
        if k < n:
            picture = pictures[k]
            axis.imshow(picture.squeeze(-1) if picture.shape[-1] == 1 else picture)
            axis.set_title(_title(k, y_true, y_pred, label_map), fontsize=8)
    if legend_handles is not None:
        figure.legend(handles=legend_handles, loc="lower center")
    if path is not None:
        figure.savefig(path, transparent=transparent, dpi=dpi)
        pyplot.close(figure)
        return None
    if show is False:
        pyplot.close(figure)
        return figure
    pyplot.show()
    pyplot.close(figure)
    return None


def _title(k, y_true, y_pred, label_map):
    named = (("true", y_true), ("pred", y_pred))
    return "\n".join(f"{what}: {label_map[int(np.asarray(y)[k])]}" for what, y in named if y is not None)


def plot_bounding_box_gallery(
    images, bounding_box_format, y_true=None, y_pred=None, value_range=(0, 255), true_color=(0, 188, 212),
    pred_color=(255, 235, 59), line_thickness=2, font_scale=1.0, text_thickness=None, class_mapping=None,
    ground_truth_mapping=None, prediction_mapping=None, legend=False, legend_handles=None, rows=None, cols=None,
    data_format=None, **kwargs,
):  # fmt: skip
    """A figure of images with boxes drawn on them.

    Args:
        images: shape (n, h, w, c), channels first when `data_format` says so.
        bounding_box_format: see `fastnn.utils.bounding_boxes.convert_format`.
        y_true, y_pred: dictionaries of boxes; see `draw_bounding_boxes`.
        value_range: least and largest value of a pixel.
        true_color, pred_color: of the boxes.
        line_thickness, font_scale, text_thickness: see `draw_bounding_boxes`.
        class_mapping: names of the classes, where the next two do not say others.
        ground_truth_mapping, prediction_mapping: names of the classes of `y_true` and `y_pred`.
        legend: whether a legend tells the two colours apart.
        legend_handles: matplotlib patches for another legend.
        rows, cols: of the figure.
        data_format: "channels_last" or "channels_first"; that of `fastnn.config` by default.
        kwargs: for `plot_image_gallery`.

    Example:
        >>> import matplotlib; matplotlib.use("agg")
        >>> boxes = {"boxes": np.array([[[1, 1, 4, 4]]]), "labels": np.array([[0]])}
        >>> len(plot_bounding_box_gallery(np.zeros((1, 8, 8, 3)), "xyxy", y_true=boxes, show=False).axes)
        1
    """
    pictures = _bytes_of(images, value_range, data_format)
    sides = (
        (y_true, true_color, ground_truth_mapping or class_mapping, "Ground truth"),
        (y_pred, pred_color, prediction_mapping or class_mapping, "Prediction"),
    )
    for boxes, color, mapping, _ in sides:
        if boxes is not None:
            pictures = draw_bounding_boxes(
                pictures, boxes, bounding_box_format, mapping, color, line_thickness, text_thickness or line_thickness,
                font_scale, "channels_last",
            )  # fmt: skip
    if legend and legend_handles is None:
        _pyplot()
        from matplotlib.patches import Patch

        legend_handles = [
            Patch(color=np.array(color) / 255, label=label) for boxes, color, _, label in sides if boxes is not None
        ]
    return plot_image_gallery(
        pictures, rows=rows, cols=cols, legend_handles=legend_handles, data_format="channels_last", **kwargs
    )


def plot_segmentation_mask_gallery(
    images, num_classes, value_range=(0, 255), y_true=None, y_pred=None, color_mapping=None, blend=True, alpha=0.8,
    ignore_index=-1, data_format=None, **kwargs,
):  # fmt: skip
    """A figure with each image, and beside it the same with the classes of its pixels.

    Args:
        images: shape (n, h, w, 3), channels first when `data_format` says so.
        num_classes: int.
        value_range: least and largest value of a pixel.
        y_true, y_pred: masks, shape (n, h, w) or (n, h, w, 1).
        color_mapping, blend, alpha, ignore_index: see `draw_segmentation_masks`.
        data_format: "channels_last" or "channels_first"; that of `fastnn.config` by default.
        kwargs: for `plot_image_gallery`.

    Example:
        >>> import matplotlib; matplotlib.use("agg")
        >>> images, masks = np.zeros((3, 8, 8, 3)), np.ones((3, 8, 8), int)
        >>> figure = plot_segmentation_mask_gallery(images, 2, y_true=masks, show=False)
        >>> len(figure.axes)
        6
    """
    pictures = _bytes_of(images, value_range, data_format)
    shown = [pictures]
    for masks in (y_true, y_pred):
        if masks is not None:
            shown.append(
                draw_segmentation_masks(
                    pictures, masks, num_classes, color_mapping, alpha, blend, ignore_index, "channels_last"
                )
            )
    beside = np.stack(shown, axis=1).reshape(-1, *pictures.shape[1:])
    return plot_image_gallery(
        beside, rows=kwargs.pop("rows", len(pictures)), cols=kwargs.pop("cols", len(shown)),
        data_format="channels_last", **kwargs,
    )  # fmt: skip
