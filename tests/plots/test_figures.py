"""The figures hold what they should: markers, labels, outlines; and they become PNG files."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from paretoscope.adapters.plots import (
    plot_choices,
    plot_classes,
    plot_front,
    plot_overlay,
    plot_parameters,
    save,
)
from paretoscope.adapters.plots.style import PALETTE, colour_of, round_length
from paretoscope.contract import (
    AtomClass,
    AtomMap,
    Classes,
    ExpectedCount,
    FrontPoint,
    LogParams,
    ParameterMap,
    ParetoFront,
    WindowResult,
)

RNG = np.random.default_rng(4)
IMAGE = RNG.random((60, 80)).astype(np.float32)
PARAMS = LogParams(sigma_min=1.0, sigma_max=3.0, threshold=0.1, overlap=0.3)


def atom_map(count=30, mask=None, step_nm=(0.02, 0.02)) -> AtomMap:
    y, x = RNG.random(count) * 59, RNG.random(count) * 79
    columns = {"y_px": y, "x_px": x, "sigma_px": np.full(count, 2.0), "class_id": np.full(count, -1)}
    return AtomMap(
        frame_id="f",
        columns={name: column.astype(np.float32) for name, column in columns.items()},
        pixel_size_nm=step_nm,
        shape=(60, 80),
        mask=mask,
        mask_step_px=10,
    )


def classes(atoms: AtomMap, name="Mo") -> Classes:
    labels = np.arange(atoms.count, dtype=np.int32) % 4 - 1
    components = RNG.normal(size=(atoms.count, 2)).astype(np.float32)
    components[labels < 0] = np.nan
    listed = [(0, name), (1, None), (2, None)]
    return Classes(
        frame_id="f",
        classes=[
            AtomClass(class_id=i, name=n, count=int((labels == i).sum()), weight=0.3) for i, n in listed
        ],
        labels=labels,
        probability=np.ones(atoms.count, np.float32),
        centroids=RNG.random((3, 9, 9)).astype(np.float32),
        dispersions=RNG.random((3, 9, 9)).astype(np.float32),
        components=components,
        explained_variance=np.array([0.6, 0.2, 0.1], np.float32),
        patch_px=9,
    )


def front(rewards=((0.0, 0.2), (0.1, 0.1), (0.3, 0.0)), chosen: int | None = 1) -> ParetoFront:
    points = [FrontPoint(params=PARAMS, qc=qc, er=er, n_found=100, n_close=3) for qc, er in rewards]
    expected = ExpectedCount(value=120.0, source="lattice-occupied-area")
    return ParetoFront(
        frame_id="f", points=points, chosen=chosen if points else None, n_expected=expected, evaluations=64
    )


def offsets(figure: Figure, gid: str) -> int:
    """How many markers are drawn under `gid`, over all axes."""
    drawn = [c for axes in figure.axes for c in axes.collections if c.get_gid() == gid]
    return sum(len(collection.get_offsets()) for collection in drawn)


def texts(figure: Figure) -> str:
    found = figure.findobj(Text)
    return "\n".join(artist.get_text() for artist in found)


def test_the_overlay_rings_every_atom_in_the_colour_of_its_class():
    atoms = atom_map()
    figure = plot_overlay(IMAGE, atoms, classes(atoms), "a title")
    assert [offsets(figure, f"class-{i}") for i in (-1, 0, 1, 2)] == [8, 8, 7, 7]
    ring = next(c for axes in figure.axes for c in axes.collections if c.get_gid() == "class-1")
    assert tuple(ring.get_edgecolor()[0][:3]) == pytest.approx((0x56 / 255, 0xB4 / 255, 0xE9 / 255))
    assert "Mo: 8" in texts(figure)
    assert "30 atoms" in texts(figure)


def test_the_overlay_outlines_vacuum_and_disorder_and_says_which_is_which():
    mask = np.ones((6, 8), np.uint8)
    mask[:2, :2], mask[4:, 5:] = 0, 2
    figure = plot_overlay(IMAGE, atom_map(mask=mask))
    gids = {c.get_gid() for axes in figure.axes for c in axes.collections}
    assert {"mask-0", "mask-2"} <= gids
    assert "vacuum" in texts(figure)
    assert "disordered" in texts(figure)


@pytest.mark.parametrize("kind", [0, 1, 2])
def test_a_mask_of_one_kind_has_no_outline(kind):
    figure = plot_overlay(IMAGE, atom_map(mask=np.full((6, 8), kind, np.uint8)))
    assert not {c.get_gid() for axes in figure.axes for c in axes.collections} & {"mask-0", "mask-2"}


@pytest.mark.parametrize(("step", "unit"), [((0.02, 0.02), "200 pm"), ((0.5, 0.5), "5 nm"), (None, "10 px")])
def test_the_scale_bar_is_a_round_length_in_the_unit_that_is_known(step, unit):
    assert unit in texts(plot_overlay(IMAGE, atom_map(step_nm=step)))


@given(st.floats(1e-6, 1e6))
def test_a_round_length_is_at_most_what_was_asked_and_more_than_a_third_of_it(length):
    found = round_length(length)
    assert length / 2.6 < found <= length * 1.00001


def test_the_front_marks_its_points_the_choice_and_both_ends():
    figure = plot_front(front())
    assert offsets(figure, "front") == 3
    assert [offsets(figure, gid) for gid in ("chosen", "least-qc", "least-er")] == [1, 1, 1]
    assert "N expected 120 (lattice-occupied-area)" in texts(figure)


@pytest.mark.parametrize("rewards", [(), ((0.0, 0.0),), ((0.5, 0.0), (0.5, 0.0))])
def test_a_front_of_no_or_one_or_equal_points_is_drawn(rewards, tmp_path):
    figure = plot_front(front(rewards, chosen=0))
    save(figure, tmp_path / "front.png")
    assert offsets(figure, "front") == len(rewards)
    assert ("nothing was found" in texts(figure)) == (not rewards)


def test_the_classes_figure_has_a_centroid_and_a_dispersion_a_class_and_every_classed_atom():
    atoms = atom_map()
    figure = plot_classes(IMAGE, atoms, classes(atoms))
    pictures = [picture.get_gid() for axes in figure.axes for picture in axes.images]
    assert pictures.count("centroid") == pictures.count("dispersion") == 3
    scatter = figure.axes[-1]
    assert sum(len(c.get_offsets()) for c in scatter.collections) == 22
    assert "principal component 1 (60%)" in texts(figure)


def test_the_parameter_map_has_a_window_outline_a_map_a_parameter_and_the_counts(tmp_path):
    results = [
        WindowResult(y_px=8 * row, x_px=8 * column, params=PARAMS, qc=0.1, er=0.0, n_found=9, n_expected=10.0)
        for row in range(3)
        for column in range(4)
    ]
    results[5] = WindowResult(y_px=8, x_px=8, params=None, reason="vacuum")
    windows = ParameterMap(frame_id="f", window_px=32, step_px=8, grid=(3, 4), windows=results)
    figure = plot_parameters(IMAGE, windows, (0.02, 0.02))
    save(figure, tmp_path / "map.png")
    maps = {p.get_gid(): p for axes in figure.axes for p in axes.images if p.get_gid()}
    assert set(maps) == {"sigma_min", "sigma_max", "threshold", "overlap", "qc", "er"}
    assert maps["threshold"].get_array().mask.sum() == 1
    outlines = [p for p in figure.axes[0].patches if str(p.get_gid()).startswith("window-")]
    assert len(outlines) == 12
    assert "N expected" in texts(figure)


def test_the_comparison_shows_two_detections_and_where_they_lie_on_the_front():
    few, many = atom_map(10), atom_map(50)
    figure = plot_choices(IMAGE, front(), (0, many), (2, few))
    assert "A: 50 atoms, QC 0.000, ER 0.200" in texts(figure)
    assert "B: 10 atoms, QC 0.300, ER 0.000" in texts(figure)
    assert sum(offsets(figure, f"class-{i}") for i in (-1, 0, 1, 2)) == 60


def test_a_frame_without_atoms_is_drawn(tmp_path):
    save(plot_overlay(IMAGE, atom_map(0)), tmp_path / "none.png")
    assert (tmp_path / "none.png").stat().st_size > 1000


def test_a_saved_figure_is_a_png_and_leaves_nothing_else(tmp_path):
    atoms = atom_map()
    save(plot_classes(IMAGE, atoms, classes(atoms)), tmp_path / "c.png")
    with Image.open(tmp_path / "c.png") as picture:
        assert picture.format == "PNG"
        assert picture.width > 1000
    assert [path.name for path in tmp_path.iterdir()] == ["c.png"]


def test_colours_go_by_id_and_the_unclassed_are_grey():
    assert [colour_of(i) for i in range(8)] == list(PALETTE)
    assert colour_of(-1) not in PALETTE
