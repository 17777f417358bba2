"""The real files beside the project, against the pixel sizes of their catalogue."""

from __future__ import annotations

import pytest

from paretoscope.adapters.files import read_image

CATALOGUE = {
    "real/SciLink_MoS2_stem_Exp-000-2.npy": ((512, 512), 0.0176),
    "real/SciLink_MoS2_stem_Exp-001-5.npy": ((512, 512), 0.0137),
    "real/SciLink_YBCO_tem.tif": ((512, 512), 0.0352),
    "real/openNCEM_16_STOimage_1.ser": ((1024, 1024), 0.0100),
    "real/AtomSegNet_10_dso_8nm_none_none.png": ((1024, 1024), None),
    "real/AtomSegNet_Grain_boundry_gold_512px.png": ((512, 512), None),
    "real/NREL_Ti3C2_MXene_1136_HAADF_reg.tif": ((935, 994), None),
    "real/AISTEM_LLTO.jpg": ((512, 512), None),
    "real/atomap_test_ADF_cropped.hdf5": ((400, 380), None),
    "labelled/HPAI_053_HAADF_15nm_Sample_PtNC_21Oct20.tif": ((512, 512), 0.0293),
    "labelled/Sjeon1_bpy_crop20.tif": ((512, 512), None),
    "labelled/TEMUL_Cropped_PTO-SRO_Aligned.hspy": ((224, 1312), 0.0150),
    "labelled/TEMUL_Au_NP_Atom_Lattice.hdf5": ((479, 504), None),
    "simulated/nsr_test_data_1.npz": ((512, 512), 0.0078125),
    "pfm/DTM_PZT_final0001.h5": ((256, 256), 7.84),
}


@pytest.mark.parametrize("name", CATALOGUE)
def test_a_real_file_reads_with_the_shape_and_pixel_size_of_its_catalogue(shared, name):
    shape, step = CATALOGUE[name]
    found = read_image(shared / "data" / name)
    assert found.image.shape == shape
    if step is None:
        assert found.pixel_size_nm is None
    else:
        assert found.pixel_size_nm == pytest.approx((step, step), rel=0.006)


def test_a_thermo_fisher_tiff_tells_dwell_detector_and_instrument(shared):
    found = read_image(shared / "data/real/SciLink_YBCO_tem.tif")
    assert (found.dwell_us, found.detector, found.instrument) == (
        pytest.approx(10.0),
        "HAADF",
        "Titan Themis",
    )
