"""`tf_model.h5`: damaged, oversized or borrowed arrays are refused."""

import h5py
import numpy as np
import pytest

from keras_mixattn.conversion.h5_file import read_h5
from keras_mixattn.errors import InputError

NAME = "embeddings.LayerNorm.bias"
KEY = f"embeddings/model/{NAME.replace('.bias', '/beta').replace('.', '/')}:0"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "tf_model.h5"


def test_a_tied_array_is_compared_when_it_is_read(path):
    with h5py.File(path, "w") as file:
        file[KEY] = np.ones(7, "f4")
        file[KEY.replace("model", "head/x", 1)] = np.ones(7, "f4")
        file[f"lm/{KEY.partition('/')[2]}"] = np.arange(7, dtype="f4")
    array = read_h5(path)[NAME]
    with pytest.raises(InputError, match="two different arrays"):
        np.asarray(array)


def test_tied_arrays_of_different_shapes(path):
    with h5py.File(path, "w") as file:
        file[KEY] = np.ones(7, "f4")
        file[f"lm/{KEY.partition('/')[2]}"] = np.ones(8, "f4")
    with pytest.raises(InputError, match="two different arrays"):
        read_h5(path)


def test_arrays_that_no_file_can_hold(path):
    with h5py.File(path, "w") as file:
        file.create_dataset(KEY, (10**13,), "f4", chunks=(1024,))
    with pytest.raises(InputError, match="claims 40000000000000 bytes"):
        read_h5(path)
    with h5py.File(path, "w") as file:  # as small as compression makes it
        zeros = np.zeros((1000, 1000), "f4")
        file.create_dataset(KEY, data=zeros, compression="gzip")
    assert read_h5(path)[NAME].shape == (1000, 1000)


def test_arrays_of_other_files(path, tmp_path):
    np.ones(7, "f4").tofile(tmp_path / "secret")
    with h5py.File(path, "w") as file:
        file.create_dataset(
            KEY, (7,), "f4", external=[(str(tmp_path / "secret"), 0, 28)]
        )
    with pytest.raises(InputError, match="lies in other files"):
        read_h5(path)
    layout = h5py.VirtualLayout((7,), "f4")
    layout[:] = h5py.VirtualSource(str(tmp_path / "other.h5"), "x", (7,))
    with h5py.File(path, "w") as file:
        file.create_virtual_dataset(KEY, layout)
    with pytest.raises(InputError, match="lies in other files"):
        read_h5(path)


def test_damage_in_the_body_of_an_array(path):
    values = np.arange(1000, dtype="f4")
    with h5py.File(path, "w") as file:
        file.create_dataset(KEY, data=values, fletcher32=True, chunks=(100,))
    content = path.read_bytes()
    start = content.index(values[:100].tobytes())
    path.write_bytes(content[: start + 9] + b"x" + content[start + 10 :])
    array = read_h5(path)[NAME]
    with pytest.raises(InputError, match="not a whole HDF5 file"):
        np.asarray(array)


def test_arrays_of_another_rank(path):
    with h5py.File(path, "w") as file:
        file["a/b/c/depthwise_kernel:0"] = np.ones((2, 3), "f4")
    with pytest.raises(InputError, match="not a whole HDF5 file"):
        read_h5(path)
