"""Classes of atoms against simulated truth."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score
from species_images import Truth, honeycomb, two_sublattices

from paretoscope.contract import Classes, SegmentPolicy, StreamMemory
from paretoscope.core.classes import segment
from paretoscope.core.patches import MOST_SAMPLES, cut_patches, patch_side_px


def sort(
    truth: Truth, classes=2, memory: StreamMemory | None = None, **options
) -> tuple[Classes, StreamMemory]:
    policy = SegmentPolicy(classes=classes, **options)
    memory = memory or StreamMemory()
    return segment(truth.image, truth.y_px, truth.x_px, truth.neighbour_px, policy, memory, "f", 0, 0)


def agreement(document: Classes, truth: Truth) -> float:
    classed = document.labels >= 0
    return adjusted_rand_score(truth.species[classed], document.labels[classed])


@pytest.mark.parametrize("noise", [0.05, 0.2, 0.4])
def test_two_sublattices_come_out_as_two_classes(noise):
    truth = two_sublattices(noise)
    assert agreement(sort(truth)[0], truth) > 0.97


@pytest.mark.parametrize("noise", [0.1, 0.4])
def test_rare_dopants_and_both_sublattices_come_out_as_three_classes(noise):
    truth = honeycomb(noise)
    document, _ = sort(truth, classes=3)
    assert agreement(document, truth) > 0.97
    assert document.classes[0].count < 0.08 * sum(item.count for item in document.classes)


def test_the_information_criterion_finds_the_number_of_species():
    document, _ = sort(two_sublattices(0.2), classes="bic")
    assert len(document.classes) == 2
    assert document.chosen_by == "bic"


def test_the_brightest_class_of_a_first_frame_has_id_zero():
    truth = two_sublattices()
    document, _ = sort(truth)
    assert [item.class_id for item in document.classes] == [0, 1]
    classed = document.labels >= 0
    assert np.mean(document.labels[classed] == truth.species[classed]) > 0.99


def test_centroids_and_dispersions_are_the_mean_and_spread_of_the_patches():
    truth = two_sublattices(0.2)
    document, _ = sort(truth)
    patches = cut_patches(truth.image, truth.y_px, truth.x_px, document.patch_px)
    for row, item in enumerate(document.classes):
        members = patches.pixels[document.labels[patches.kept] == item.class_id]
        assert len(members) == item.count
        np.testing.assert_allclose(document.centroids[row], members.mean(axis=0), atol=1e-5)
        np.testing.assert_allclose(document.dispersions[row], members.std(axis=0), atol=1e-5)


def test_ids_stay_while_frames_drift_and_their_contrast_changes():
    memory = StreamMemory()
    for frame in range(6):
        truth = two_sublattices(0.2, seed=frame, shift_px=(0.7 * frame, -1.3 * frame))
        if frame >= 3:
            dimmed = Truth(0.5 * truth.image + 0.2, truth.y_px, truth.x_px, truth.species, truth.neighbour_px)
            truth = dimmed
        document, memory = sort(truth, memory=memory)
        classed = document.labels >= 0
        assert np.mean(document.labels[classed] == truth.species[classed]) > 0.98


def test_ids_stay_although_the_magnification_changes():
    first, memory = sort(two_sublattices(cell_px=16.0))
    truth = two_sublattices(cell_px=22.0, seed=3)
    document, _ = sort(truth, memory=memory)
    assert document.centroids.shape != first.centroids.shape
    classed = document.labels >= 0
    assert np.mean(document.labels[classed] == truth.species[classed]) > 0.98


def test_a_name_stays_with_its_class_and_comes_back_after_an_absence():
    bare, doped = honeycomb(share=0.0, seed=1), honeycomb(share=0.04, seed=2)
    document, memory = sort(doped, classes=3)
    dopant = document.classes[0].class_id
    memory = memory.model_copy(update={"class_names": {dopant: "Si"}})
    document, memory = sort(bare, classes=2, memory=memory)
    assert "Si" not in [item.name for item in document.classes]
    truth = honeycomb(share=0.03, seed=5)
    document, memory = sort(truth, classes=3, memory=memory)
    named = next(item for item in document.classes if item.name == "Si")
    assert named.class_id == dopant
    found = document.labels == dopant
    assert np.mean(truth.species[found] == 2) > 0.95


def test_a_kind_never_seen_before_gets_a_new_id():
    _, memory = sort(honeycomb(share=0.0, seed=1), classes=2)
    truth = honeycomb(share=0.04, seed=2)
    document, _ = sort(truth, classes=3, memory=memory)
    ids = {item.class_id for item in document.classes}
    assert ids == {0, 1, 2}
    assert np.all(truth.species[document.labels == 2] == 2)


def test_atoms_at_the_border_are_not_classed_and_all_others_are():
    truth = two_sublattices()
    document, _ = sort(truth)
    half = (document.patch_px - 1) / 2
    y, x = truth.y_px, truth.x_px
    inside = (np.minimum(y, x) >= half) & (np.maximum(y, x) <= len(truth.image) - 1 - half)
    assert np.array_equal(document.labels >= 0, inside)
    assert np.array_equal(np.isnan(document.components[:, 0]), ~inside)
    assert np.all(document.probability[~inside] == 0)


def test_the_same_seed_gives_the_same_classes():
    truth = honeycomb(0.4)
    first, again = (sort(truth, classes=3)[0] for _ in range(2))
    assert np.array_equal(first.labels, again.labels)


@settings(max_examples=40, deadline=None)
@given(
    atoms=st.integers(0, 30),
    classes=st.one_of(st.integers(1, 12), st.just("bic")),
    neighbour=st.floats(0.5, 90.0),
    seed=st.integers(0, 99),
)
def test_any_handful_of_atoms_gives_a_document_of_the_right_lengths(atoms, classes, neighbour, seed):
    rng = np.random.default_rng(seed)
    image = rng.random((64, 48)).astype(np.float32)
    y, x = rng.random(atoms) * 63, rng.random(atoms) * 47
    document, memory = segment(
        image, y, x, neighbour, SegmentPolicy(classes=classes), StreamMemory(), "f", 0, seed
    )
    assert document.labels.shape == document.probability.shape == (atoms,)
    assert sum(item.count for item in document.classes) == np.count_nonzero(document.labels >= 0)
    assert len(document.centroids) == len(document.dispersions) == len(document.classes)
    assert {item.class_id for item in document.classes} == set(document.labels.tolist()) - {-1}
    assert document.classes or document.note
    assert len(memory.class_ids) == (0 if memory.class_centroids is None else len(memory.class_centroids))


def test_fewer_atoms_than_classes_give_fewer_classes_and_a_note():
    truth = two_sublattices(size=60)
    document, _ = sort(truth, classes=12)
    assert 0 < len(document.classes) < 12
    assert "of 12 classes" in document.note


def test_a_constant_image_gives_one_class():
    y, x = np.mgrid[10:90:10, 10:90:10].reshape(2, -1).astype(float)
    document, _ = segment(
        np.zeros((100, 100), np.float32), y, x, 10.0, SegmentPolicy(classes=3), StreamMemory(), "f", 0, 0
    )
    assert len(document.classes) == 1


def test_patches_are_centred_on_their_atoms_to_a_fraction_of_a_pixel():
    truth = two_sublattices(noise=0.0)
    patches = cut_patches(truth.image, truth.y_px, truth.x_px, 7)
    bright = patches.pixels[truth.species[patches.kept] == 0]
    grid = np.arange(-3, 4)
    weight = bright - bright.min(axis=(1, 2), keepdims=True)
    total = weight.sum(axis=(1, 2))
    assert np.abs((weight * grid[:, None]).sum(axis=(1, 2)) / total).max() < 0.12
    assert np.abs((weight * grid).sum(axis=(1, 2)) / total).max() < 0.12


@given(st.floats(0.1, 500), st.floats(0.1, 6), st.integers(6, 400), st.integers(6, 400))
def test_a_patch_is_odd_and_fits_into_the_image(neighbour, share, rows, columns):
    side = patch_side_px(neighbour, share, (rows, columns))
    assert side % 2 == 1
    assert 5 <= side <= max(5, min(rows, columns))


def test_large_patches_are_sampled_coarser():
    image = np.random.default_rng(0).random((300, 300)).astype(np.float32)
    patches = cut_patches(image, np.array([150.0]), np.array([150.0]), 101)
    assert patches.pixels.shape == (1, MOST_SAMPLES, MOST_SAMPLES)
