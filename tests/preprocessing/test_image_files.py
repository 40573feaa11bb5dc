"""Images in files and arrays, against Keras's functions."""

import io

import keras
import numpy as np
import pytest

import fastnn

Image = pytest.importorskip("PIL.Image")
RNG = np.random.default_rng(0)
PIXELS = {channels: RNG.integers(0, 256, (7, 9, channels), dtype=np.uint8) for channels in (1, 3, 4)}


@pytest.fixture
def path(tmp_path):
    Image.fromarray(PIXELS[3]).save(tmp_path / "image.png")
    return tmp_path / "image.png"


@pytest.mark.parametrize("color_mode", ["rgb", "rgba", "grayscale"])
@pytest.mark.parametrize("target_size", [None, (7, 9), (4, 5), (20, 6)])
@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "lanczos"])
@pytest.mark.parametrize("keep_aspect_ratio", [False, True])
def test_load_img(path, color_mode, target_size, interpolation, keep_aspect_ratio):
    arguments = {"color_mode": color_mode, "target_size": target_size, "interpolation": interpolation}
    ours, theirs = (k.utils.load_img(path, **arguments, keep_aspect_ratio=keep_aspect_ratio) for k in (fastnn, keras))
    assert ours.mode == theirs.mode and ours.size == theirs.size
    np.testing.assert_array_equal(np.asarray(ours), np.asarray(theirs))


@pytest.mark.parametrize("kind", [str, lambda p: io.BytesIO(p.read_bytes())])
def test_load_img_of(path, kind):
    np.testing.assert_array_equal(fastnn.utils.img_to_array(fastnn.utils.load_img(kind(path))), PIXELS[3])


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("scale", [True, False])
@pytest.mark.parametrize("dtype", [None, "float64"])
def test_to_and_from_arrays(data_format, channels, scale, dtype):
    x = PIXELS[channels].astype("float32") / 3
    x = x.transpose(2, 0, 1) if data_format == "channels_first" else x
    ours, theirs = (k.utils.array_to_img(x, data_format=data_format, scale=scale, dtype=dtype) for k in (fastnn, keras))
    assert ours.mode == theirs.mode
    np.testing.assert_array_equal(np.asarray(ours), np.asarray(theirs))
    arrays = [k.utils.img_to_array(ours, data_format=data_format, dtype=dtype) for k in (fastnn, keras)]
    np.testing.assert_array_equal(*arrays)
    assert arrays[0].dtype == arrays[1].dtype


def test_deep_grey():
    x = np.array([[[0.0], [70000.0]]])
    assert fastnn.utils.array_to_img(x, scale=False).mode == keras.utils.array_to_img(x, scale=False).mode == "I"


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.jpg"])
def test_save_img(tmp_path, name):
    for k in (fastnn, keras):
        (tmp_path / k.__name__).mkdir(exist_ok=True)
        k.utils.save_img(tmp_path / k.__name__ / name, PIXELS[3], scale=False)
    assert (tmp_path / "fastnn" / name).read_bytes() == (tmp_path / "keras" / name).read_bytes()


def test_save_img_without_alpha(tmp_path):
    with pytest.warns(UserWarning, match="RGBA"):
        fastnn.utils.save_img(tmp_path / "a.jpg", PIXELS[4])
    assert Image.open(tmp_path / "a.jpg").mode == "RGB"


@pytest.mark.parametrize("size", [(5, 5), (3, 9), (14, 6)])
@pytest.mark.parametrize("interpolation", ["bilinear", "nearest", "bicubic"])
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_smart_resize(size, interpolation, data_format):
    x = RNG.normal(size=(2, 7, 9, 3)).astype("float32")
    x = x.transpose(0, 3, 1, 2) if data_format == "channels_first" else x
    for images in (x, x[0]):
        ours, theirs = (
            k.preprocessing.image.smart_resize(images, size, interpolation, data_format) for k in (fastnn, keras)
        )
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    "call",
    [
        lambda k: k.utils.load_img(3),
        lambda k: k.utils.array_to_img(np.zeros((2, 2))),
        lambda k: k.utils.array_to_img(np.zeros((2, 2, 2))),
        lambda k: k.utils.array_to_img(np.zeros((2, 2, 3)), data_format="last"),
        lambda k: k.utils.img_to_array(np.zeros(3)),
        lambda k: k.preprocessing.image.smart_resize(np.zeros((2, 2)), (1, 1)),
        lambda k: k.preprocessing.image.smart_resize(np.zeros((2, 2, 3)), (1, 1, 1)),
        lambda k: k.preprocessing.image.smart_resize(np.zeros((2, 2, 3)), (1, 1), colour=1),
    ],
)
def test_errors(call):
    with pytest.raises((TypeError, ValueError)) as theirs:
        call(keras)
    with pytest.raises(theirs.type):
        call(fastnn)


def test_errors_of_load_img(path):
    with pytest.raises(ValueError, match="color_mode"):
        fastnn.utils.load_img(path, color_mode="cmyk")
    with pytest.raises(ValueError, match="interpolation"):
        fastnn.utils.load_img(path, target_size=(2, 2), interpolation="best")
