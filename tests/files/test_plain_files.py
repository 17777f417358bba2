"""TIFF, HDF5, npy, npz, png and jpeg, written by the libraries that users write them with."""

from __future__ import annotations

import json

import h5py
import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from paretoscope.adapters.files import SUFFIXES, read_image
from paretoscope.adapters.files.units import to_nm
from paretoscope.errors import BadFile, TooLarge

PIXELS = np.random.default_rng(2).integers(0, 60000, (3, 24, 32)).astype(np.uint16)
GREY = (PIXELS[0] >> 8).astype(np.uint8)


def code_of(path) -> str:
    with pytest.raises((BadFile, TooLarge)) as caught:
        list(read_image(path).frames())
    assert caught.value.hint
    return caught.value.code


@pytest.mark.parametrize(
    ("unit", "nm"),
    [("pm", 1e-3), ("nm", 1), ("um", 1e3), ("µm", 1e3), ("μm", 1e3), ("micron", 1e3), ("Å", 0.1), ("m", 1e9)],
)
def test_every_unit_of_length_becomes_nm(unit, nm):
    assert to_nm(2.5, unit) == pytest.approx(2.5 * nm)


@pytest.mark.parametrize("unit", ["1/nm", "nm^-1", "1 / Å", "mrad", "1/m"])
def test_reciprocal_units_are_a_diffraction_pattern(unit):
    with pytest.raises(BadFile, match="diffraction"):
        to_nm(1.0, unit)


@pytest.mark.parametrize("unit", ["", None, "px", "<undefined>", "s", "eV", "a b c", "))(", "9**9**9**9*nm"])
def test_units_that_are_no_length_mean_unknown(unit):
    assert to_nm(1.0, unit) is None


def test_an_imagej_tiff_gives_its_step(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, PIXELS[0], imagej=True, resolution=(1 / 0.02, 1 / 0.03), metadata={"unit": "nm"})
    found = read_image(path)
    assert found.pixel_size_nm == pytest.approx((0.03, 0.02))
    assert np.array_equal(found.image, PIXELS[0])


def test_a_printers_resolution_is_no_pixel_size(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", PIXELS[0], resolution=(300, 300), resolutionunit="INCH")
    assert read_image(tmp_path / "a.tif").pixel_size_nm is None


def test_a_resolution_in_centimetres_fine_enough_is_a_pixel_size(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", PIXELS[0], resolution=(5e8, 5e8), resolutionunit="CENTIMETER")
    assert read_image(tmp_path / "a.tif").pixel_size_nm == pytest.approx((0.02, 0.02))


def test_an_ome_tiff_gives_its_step(tmp_path):
    facts = {"axes": "YX", "PhysicalSizeX": 10.0, "PhysicalSizeXUnit": "pm", "PhysicalSizeY": 0.011}
    tifffile.imwrite(tmp_path / "a.ome.tif", PIXELS[0], metadata=facts | {"PhysicalSizeYUnit": "nm"})
    assert read_image(tmp_path / "a.ome.tif").pixel_size_nm == pytest.approx((0.011, 0.010))


@pytest.mark.parametrize("options", [{"imagej": True}, {}, {"compression": "zlib"}, {"byteorder": ">"}])
def test_a_tiff_stack_gives_its_frames_in_order(tmp_path, options):
    tifffile.imwrite(tmp_path / "s.tif", PIXELS, photometric="minisblack", **options)
    found = read_image(tmp_path / "s.tif")
    assert found.frame_count == 3
    assert np.array_equal(np.stack(list(found.frames())), PIXELS)


def test_a_colour_tiff_becomes_grey(tmp_path):
    tifffile.imwrite(tmp_path / "c.tif", np.repeat(GREY[..., None], 3, axis=2), photometric="rgb")
    assert np.array_equal(read_image(tmp_path / "c.tif").image, GREY)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA", "P"])
def test_a_picture_of_any_mode_becomes_the_same_grey(tmp_path, mode):
    Image.fromarray(GREY).convert(mode).save(tmp_path / "p.png")
    assert np.array_equal(read_image(tmp_path / "p.png").image, GREY)


def test_a_sixteen_bit_png_keeps_its_depth(tmp_path):
    Image.fromarray(PIXELS[0]).save(tmp_path / "p.png")
    found = read_image(tmp_path / "p.png").image
    assert found.dtype == np.uint16
    assert np.array_equal(found, PIXELS[0])


@settings(max_examples=25, deadline=None)
@given(
    kind=st.sampled_from(["?", "i1", "u1", ">i2", "<u2", ">f4", "f2", "f8", "i8", "u4"]),
    order=st.sampled_from("CF"),
)
def test_npy_pixels_of_any_real_dtype_arrive_unchanged_and_native(tmp_path_factory, kind, order):
    path = tmp_path_factory.mktemp("npy") / "a.npy"
    pixels = np.asarray(PIXELS[0] % 100, dtype=kind, order=order)
    np.save(path, pixels)
    found = read_image(path).image
    assert np.array_equal(found, pixels)
    assert found.flags.c_contiguous
    assert found.dtype.isnative


def test_a_sidecar_gives_the_field_of_view(tmp_path):
    np.save(tmp_path / "a.npy", PIXELS[0])
    spatial = {"field_of_view_x": 640, "field_of_view_y": 480, "field_of_view_units": "pm"}
    (tmp_path / "a.json").write_text(json.dumps({"experimental_details": {"spatial_info": spatial}}))
    assert read_image(tmp_path / "a.npy").pixel_size_nm == pytest.approx((0.02, 0.02))


def test_the_files_own_step_wins_over_its_sidecar(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", PIXELS[0], imagej=True, resolution=(50, 50), metadata={"unit": "nm"})
    (tmp_path / "a.json").write_text('{"pixel_size_nm": 7}')
    assert read_image(tmp_path / "a.tif").pixel_size_nm == pytest.approx((0.02, 0.02))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[1]",
        "{",
        '{"pixel_size_nm": -1}',
        '{"spatial_info": 3}',
        '{"pixel_size_nm": NaN}',
        '{"pixel_size_nm": 1' + "0" * 400 + "}",
    ],
)
def test_a_broken_sidecar_is_as_good_as_none(tmp_path, text):
    np.save(tmp_path / "a.npy", PIXELS[0])
    (tmp_path / "a.json").write_text(text)
    assert read_image(tmp_path / "a.npy").pixel_size_nm is None


def test_plain_hdf5_takes_the_image_by_name_and_its_pixel_size(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["first"] = np.zeros((40, 40))
        file["MainImage"] = PIXELS[0]
        file["MainImage"].attrs["pixel_size_nm"] = 0.02
    found = read_image(tmp_path / "a.h5")
    assert np.array_equal(found.image, PIXELS[0])
    assert found.pixel_size_nm == (0.02, 0.02)
    assert "MainImage" in found.notes[0]


def test_a_hyperspy_stack_gives_its_frames_and_a_spectrum_image_is_refused(tmp_path):
    for name, navigated in (("stack", [True, False, False]), ("spectra", [True, True, False])):
        with h5py.File(tmp_path / f"{name}.hspy", "w") as file:
            group = file.create_group("Experiments/it")
            group["data"] = PIXELS
            for index, navigate in enumerate(navigated):
                axis = group.create_group(f"axis-{index}")
                axis.attrs.update({"navigate": navigate, "scale": 0.02, "units": "nm", "size": 1})
    found = read_image(tmp_path / "stack.hspy")
    assert np.array_equal(np.stack(list(found.frames())), PIXELS)
    assert found.pixel_size_nm == (0.02, 0.02)
    assert code_of(tmp_path / "spectra.hspy") == "not-an-image"


def test_objects_are_never_unpickled(tmp_path):
    np.save(tmp_path / "evil.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    np.savez(tmp_path / "evil.npz", image=np.array([[{}] * 9] * 9, dtype=object))
    assert code_of(tmp_path / "evil.npy") == "unreadable-file"
    assert code_of(tmp_path / "evil.npz") in ("unreadable-file", "not-an-image")


def test_what_is_no_image_is_refused_with_a_hint(tmp_path):
    for name, array in {
        "4d": np.zeros((2, 2, 9, 9)),
        "0d": np.array(1.0),
        "table": np.zeros((99, 2)),
    }.items():
        np.save(tmp_path / f"{name}.npy", array)
        assert code_of(tmp_path / f"{name}.npy") == "not-an-image"
    np.save(tmp_path / "complex.npy", np.zeros((9, 9), complex))
    assert code_of(tmp_path / "complex.npy") == "not-an-image"
    h5py.File(tmp_path / "none.h5", "w").close()
    assert code_of(tmp_path / "none.h5") == "not-an-image"


def test_missing_folder_empty_and_unknown_files_each_have_their_code(tmp_path):
    (tmp_path / "empty.tif").touch()
    (tmp_path / "text.csv").write_text("1,2")
    assert code_of(tmp_path / "none.tif") == "no-such-file"
    assert code_of(tmp_path) == "not-a-file"
    assert code_of(tmp_path / "empty.tif") == "empty-file"
    assert code_of(tmp_path / "text.csv") == "unknown-format"


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_noise_under_any_ending_is_a_bad_file(tmp_path, suffix):
    path = tmp_path / f"noise{suffix}"
    path.write_bytes(np.random.default_rng(3).bytes(4000))
    assert code_of(path) in ("unreadable-file", "not-an-image", "truncated-file", "file-too-large")


@pytest.mark.parametrize("suffix", [".tif", ".npy", ".npz", ".png", ".jpg", ".h5"])
@pytest.mark.parametrize("share", [0.03, 0.6])
def test_a_truncated_file_is_a_bad_file(tmp_path, suffix, share):
    path = tmp_path / f"cut{suffix}"
    if suffix == ".tif":
        tifffile.imwrite(path, PIXELS)
    elif suffix == ".npy":
        np.save(path, PIXELS)
    elif suffix == ".npz":
        np.savez(path, image=PIXELS)
    elif suffix == ".h5":
        with h5py.File(path, "w") as file:
            file["image"] = PIXELS
    else:
        Image.fromarray(GREY).save(path)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    assert code_of(path) in ("unreadable-file", "truncated-file")


def test_a_frame_beyond_the_limit_is_refused_before_it_is_read(tmp_path):
    with h5py.File(tmp_path / "huge.h5", "w") as file:
        file.create_dataset("image", shape=(40000, 40000), dtype="f4", chunks=(100, 100))
    assert code_of(tmp_path / "huge.h5") == "file-too-large"
    shape = (20000, 20000)
    huge = np.memmap(tmp_path / "raw", dtype="u1", mode="w+", shape=shape)
    del huge
    header = np.lib.format.header_data_from_array_1_0(np.broadcast_to(np.uint8(0), shape))
    with open(tmp_path / "huge.npy", "wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        file.truncate(file.tell() + shape[0] * shape[1])
    assert code_of(tmp_path / "huge.npy") == "file-too-large"
