"""Boxes and masks drawn on images, which are bytes with channels last here."""

import numpy as np

from fastnn import config
from fastnn.ops.bounding_boxes import convert_format

_BOX_KEYS = ("boxes", "labels")


def as_bytes(name, images, data_format):
    """`images` as a new uint8 array (n, h, w, c).

    Raises:
        ValueError: when they are no batch.
    """
    images = np.asarray(images)
    if images.ndim != 4:
        raise ValueError(f"{name}: `images` must be a batch of rank 4; got shape {images.shape}.")
    if (data_format or config.image_data_format()) == "channels_first":
        images = np.moveaxis(images, 1, -1)
    return np.array(images, np.uint8)


def draw_bounding_boxes(
    images, bounding_boxes, bounding_box_format, class_mapping=None, color=(128, 128, 128), line_thickness=2,
    text_thickness=1, font_scale=1.0, data_format=None,
):  # fmt: skip
    """Images with boxes drawn on them. Boxes with the label -1 are not there.

    Args:
        images: bytes, shape (n, h, w, c), channels first when `data_format` says so.
        bounding_boxes: dictionary of `boxes`, shape (n, boxes, 4), `labels`, shape (n, boxes), and maybe
            `confidences`, of the same shape, which are written beside the class.
        bounding_box_format: see `fastnn.utils.bounding_boxes.convert_format`.
        class_mapping: names of the classes, written over their boxes (with Pillow); None writes nothing.
        color: red, green and blue.
        line_thickness: in pixels.
        text_thickness: in pixels, of the outline of letters; 1 is none.
        font_scale: size of letters, in units of 10 pixels.
        data_format: "channels_last" or "channels_first"; that of `fastnn.config` by default.

    Returns:
        uint8, shape (n, h, w, c).

    Raises:
        TypeError: when `bounding_boxes` is no dictionary.
        ValueError: for images of another rank, a missing key, or another format.

    Example:
        >>> boxes = {"boxes": np.array([[[1, 1, 4, 4]]]), "labels": np.array([[0]])}
        >>> image = np.zeros((1, 6, 6, 3), "uint8")
        >>> draw_bounding_boxes(image, boxes, "xyxy", line_thickness=1)[0, :, :, 0] // 128
        array([[0, 0, 0, 0, 0, 0],
               [0, 1, 1, 1, 1, 0],
               [0, 1, 0, 0, 1, 0],
               [0, 1, 0, 0, 1, 0],
               [0, 1, 1, 1, 1, 0],
               [0, 0, 0, 0, 0, 0]], dtype=uint8)
    """
    drawn = as_bytes("draw_bounding_boxes", images, data_format)
    if not isinstance(bounding_boxes, dict):
        raise TypeError(f"draw_bounding_boxes: `bounding_boxes` must be a dictionary, not {type(bounding_boxes)}.")
    if any(key not in bounding_boxes for key in _BOX_KEYS):
        raise ValueError(f"draw_bounding_boxes: `bounding_boxes` has keys {list(bounding_boxes)}, wanted {_BOX_KEYS}.")
    height, width = drawn.shape[1:3]
    corners = convert_format(np.asarray(bounding_boxes["boxes"]), bounding_box_format, "xyxy", height, width)
    labels = np.asarray(bounding_boxes["labels"])
    confidences = bounding_boxes.get("confidences")
    ink = np.resize(np.asarray(color, np.uint8), drawn.shape[-1])
    for k, image in enumerate(drawn):
        for j, box in enumerate(np.asarray(corners[k]).astype(int)):
            if labels[k, j] == -1:
                continue
            _draw_rectangle(image, box, ink, line_thickness)
            if class_mapping is not None and int(labels[k, j]) in class_mapping:
                text = str(class_mapping[int(labels[k, j])])
                text += "" if confidences is None else f": {float(np.asarray(confidences)[k, j]):.2f}"
                drawn[k] = _with_text(image, text, box, color, text_thickness, font_scale)
    return drawn


def _draw_rectangle(image, box, ink, thickness):
    """The outline of a box, in place; the line's middle runs along the box."""
    left, top, right, bottom = box
    before = (thickness - 1) // 2
    for start_y, start_x, end_y, end_x in (
        (top, left, top, right), (bottom, left, bottom, right), (top, left, bottom, left), (top, right, bottom, right),
    ):  # fmt: skip
        rows = slice(max(start_y - before, 0), max(end_y - before + thickness, 0))
        columns = slice(max(start_x - before, 0), max(end_x - before + thickness, 0))
        image[rows, columns] = ink


def _with_text(image, text, box, color, thickness, scale):
    """`image` with text over the upper left corner of a box, or inside where there is no room."""
    from PIL import Image, ImageDraw, ImageFont

    canvas = Image.fromarray(image.squeeze(-1) if image.shape[-1] == 1 else image)
    font = ImageFont.load_default(size=max(int(10 * scale), 1))
    draw = ImageDraw.Draw(canvas)
    text_height = draw.textbbox((0, 0), text, font=font)[3]
    left, top = int(box[0]), int(box[1])
    at = left, top - text_height - 2 if top >= text_height + 2 else top + 2
    fill = tuple(int(c) for c in color) if canvas.mode == "RGB" else int(color[0])
    draw.text(at, text, fill=fill, font=font, stroke_width=max(int(thickness) - 1, 0))
    return np.asarray(canvas).reshape(image.shape)


def draw_segmentation_masks(
    images, segmentation_masks, num_classes=None, color_mapping=None, alpha=0.8, blend=True, ignore_index=-1,
    data_format=None,
):  # fmt: skip
    """Images with the classes of their pixels as colours over them.

    Args:
        images: bytes, shape (n, h, w, 3), channels first when `data_format` says so.
        segmentation_masks: integers, shape (n, h, w) or (n, h, w, 1); -1 is no class.
        num_classes: int; one more than the largest in the masks by default.
        color_mapping: red, green and blue of each class, by its number; 0 is black where it is not there. None takes
            (k, 127 k, 31 k), modulo 255, for class k.
        alpha: weight of the colours, in [0, 1].
        blend: whether the images are seen through the colours.
        ignore_index: a class that is not drawn.
        data_format: "channels_last" or "channels_first"; that of `fastnn.config` by default.

    Returns:
        uint8, shape (n, h, w, 3).

    Raises:
        ValueError: for images of another rank.
        TypeError: for masks that are no integers.

    Example:
        >>> masks = np.array([[[[-1], [1]]]])
        >>> draw_segmentation_masks(np.full((1, 1, 2, 3), 100), masks, blend=False)[0, 0]
        array([[100, 100, 100],
               [  1, 127,  31]], dtype=uint8)
    """
    below = as_bytes("draw_segmentation_masks", images, data_format)
    masks = np.asarray(segmentation_masks)
    if masks.dtype.kind not in "iu":
        raise TypeError(f"draw_segmentation_masks: `segmentation_masks` must be integers, not {masks.dtype.name}.")
    if masks.ndim == 4:
        masks = masks[:, 0] if masks.shape[1] == 1 and masks.shape[-1] != 1 else masks[..., 0]
    count = int(masks.max(initial=0)) + 1 if num_classes is None else int(num_classes)
    if color_mapping is None:
        colours = np.arange(count)[:, None] * np.array([1, 127, 31]) % 255
    else:
        colours = np.array([color_mapping.get(k, (0, 0, 0)) for k in range(count)])
    is_drawn = (masks >= 0) & (masks != ignore_index)
    above = colours[np.where(is_drawn, masks, 0)].astype(np.float32)
    if blend:
        above = below * np.float32(1 - alpha) + above * np.float32(alpha)
    return np.where(is_drawn[..., None], above, below).astype(np.uint8)
