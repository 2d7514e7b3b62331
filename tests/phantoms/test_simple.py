import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suffice.core import GeometryError, Grid
from suffice.phantoms import ball, discs, picture_of_cells

spacings = st.tuples(*[st.floats(0.7, 2.5)] * 3)


@settings(max_examples=15, deadline=None)
@given(spacing=spacings, radius=st.floats(9.0, 13.0))
def test_partial_volumes_of_a_ball_add_up_to_its_volume(
    spacing: tuple[float, float, float], radius: float
) -> None:
    shape = tuple(int(np.ceil(2 * (radius + 3) / s)) for s in spacing)
    phantom = ball(radius, Grid.from_spacing(shape, spacing))
    voxel_ml = phantom.image.grid.voxel_volume_ml or 0.0
    true = 4 / 3 * np.pi * radius**3 / 1000
    assert phantom.volumes_ml["ball"] == pytest.approx(true)
    assert float(phantom.image.array.sum()) * voxel_ml == pytest.approx(true, rel=0.005)


def test_discs_and_cells_show_what_their_mask_says() -> None:
    rng = np.random.default_rng(0)
    picture = discs(rng, (64, 80))
    inside = picture.truth.array == 1
    assert picture.image.array.shape == (1, 64, 80)
    assert picture.image.array[0][inside].mean() > picture.image.array[0][~inside].mean() + 0.8
    cells = picture_of_cells(rng, (96, 96))
    nuclei = cells.truth.array == 1
    assert cells.image.array.dtype == np.uint8 and cells.image.n_channels == 3
    assert cells.image.array[0][nuclei].mean() < cells.image.array[0][~nuclei].mean() - 50
    with pytest.raises(GeometryError, match="32 pixels"):
        picture_of_cells(rng, (16, 16))
