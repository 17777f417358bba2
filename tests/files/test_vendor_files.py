"""EMD, DM3 and SER."""

from __future__ import annotations

import numpy as np
import pytest
from vendor_writers import write_dm3, write_ser, write_velox

from paretoscope.adapters.files import read_image
from paretoscope.errors import BadFile

PIXELS = np.random.default_rng(1).integers(0, 60000, (3, 24, 32)).astype(np.uint16)


def test_a_velox_image_gives_pixels_step_dwell_detector_and_instrument(tmp_path):
    write_velox(tmp_path / "a.emd", {"HAADF": PIXELS[:1]}, 1.5e-11)
    found = read_image(tmp_path / "a.emd")
    assert np.array_equal(found.image, PIXELS[0])
    assert found.pixel_size_nm == pytest.approx((0.015, 0.015))
    assert found.dwell_us == pytest.approx(2.0)
    assert (found.detector, found.instrument) == ("HAADF", "Spectra 300")


def test_of_several_velox_detectors_the_dark_field_is_taken_and_the_note_says_so(tmp_path):
    write_velox(tmp_path / "a.emd", {"BF": PIXELS[1:2], "HAADF": PIXELS[:1]}, 1.5e-11)
    found = read_image(tmp_path / "a.emd")
    assert found.detector == "HAADF"
    assert np.array_equal(found.image, PIXELS[0])
    assert "Of 2 images" in found.notes[0]


def test_a_velox_movie_gives_its_frames_in_order(tmp_path):
    write_velox(tmp_path / "movie.emd", {"HAADF": PIXELS}, 1e-11)
    found = read_image(tmp_path / "movie.emd")
    assert found.frame_count == 3
    assert np.array_equal(np.stack(list(found.frames())), PIXELS)


def test_a_dm3_image_gives_pixels_step_and_dwell(tmp_path):
    tags = {"DigiScan": {"Sample Time": 8.0}, "Microscope Info": {"Name": "ARM 200"}}
    write_dm3(tmp_path / "a.dm3", PIXELS[0], 12.5, "pm", tags)
    found = read_image(tmp_path / "a.dm3")
    assert np.array_equal(found.image, PIXELS[0])
    assert found.pixel_size_nm == pytest.approx((0.0125, 0.0125))
    assert found.dwell_us == pytest.approx(8.0)
    assert (found.title, found.instrument) == ("HAADF", "ARM 200")


def test_a_dm3_stack_gives_its_frames_in_order(tmp_path):
    write_dm3(tmp_path / "stack.dm3", PIXELS, 0.01, "nm")
    assert np.array_equal(np.stack(list(read_image(tmp_path / "stack.dm3").frames())), PIXELS)


def test_a_diffraction_pattern_is_refused(tmp_path):
    write_dm3(tmp_path / "cbed.dm3", PIXELS[0], 0.02, "1/nm")
    with pytest.raises(BadFile) as caught:
        read_image(tmp_path / "cbed.dm3")
    assert caught.value.code == "diffraction"


def test_four_dimensional_data_is_refused(tmp_path):
    write_dm3(tmp_path / "4d.dm3", np.zeros((3, 3, 16, 16), np.uint16), 1.0, "nm")
    with pytest.raises(BadFile) as caught:
        read_image(tmp_path / "4d.dm3")
    assert caught.value.code == "not-an-image"


def test_a_ser_image_gives_pixels_and_step_without_its_emi(tmp_path):
    write_ser(tmp_path / "a.ser", PIXELS[0], 2e-11)
    found = read_image(tmp_path / "a.ser")
    assert found.pixel_size_nm == pytest.approx((0.02, 0.02))
    # TIA stores rows from the bottom up; rosettasciio turns them
    assert sorted(found.image.ravel()) == sorted(PIXELS[0].ravel())


@pytest.mark.parametrize("ending", ["emd", "dm3", "ser"])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.98])
def test_a_truncated_vendor_file_is_a_bad_file_with_a_hint(tmp_path, ending, share):
    path = tmp_path / f"cut.{ending}"
    if ending == "emd":
        write_velox(path, {"HAADF": PIXELS}, 1e-11)
    elif ending == "dm3":
        write_dm3(path, PIXELS, 1.0, "nm")
    else:
        write_ser(path, PIXELS[0], 1e-11)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(BadFile) as caught:
        list(read_image(path).frames())
    assert caught.value.hint
