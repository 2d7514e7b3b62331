import gzip
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from suffice.core import FileFormatError, GeometryError, Grid, LabelMap, Legend
from suffice.io import read_grid, read_image, read_mask, write_mask

LEGEND = Legend.from_names({1: "one", 2: "two", 700: "many"})
KEPT = [
    "pixdim",
    "xyzt_units",
    "dim_info",
    "qform_code",
    "sform_code",
    "srow_x",
    "srow_y",
    "srow_z",
    "quatern_b",
    "quatern_c",
    "quatern_d",
    "qoffset_x",
    "qoffset_y",
    "qoffset_z",
]
QUICK = settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def mask_on(grid: Grid) -> LabelMap:
    values = np.random.default_rng(0).choice([0, 1, 2, 700], size=grid.shape)
    return LabelMap(values, grid, LEGEND)


def assert_kept(scan: Path, mask: Path) -> None:
    before, after = nib.load(scan), nib.load(mask)
    for field in KEPT:
        assert before.header[field].tobytes() == after.header[field].tobytes(), field
    assert before.affine.tobytes() == after.affine.tobytes()


@QUICK
@given(data=st.data())
def test_grid_survives_writing(tmp_path: Path, grids: st.SearchStrategy, data: st.DataObject):
    grid = data.draw(grids)
    write_mask(tmp_path / "m.nii", mask_on(grid), overwrite=True)
    back = read_mask(tmp_path / "m.nii", LEGEND)
    assert np.abs(back.grid.corners_mm() - grid.corners_mm()).max() < 1e-3
    assert np.array_equal(back.array, mask_on(grid).array)
    assert read_grid(tmp_path / "m.nii") == back.grid


@QUICK
@given(data=st.data())
def test_qform_and_other_readers_agree(
    tmp_path: Path, grids: st.SearchStrategy, data: st.DataObject
):
    grid = data.draw(grids)
    write_mask(tmp_path / "m.nii", mask_on(grid), overwrite=True)
    image = sitk.ReadImage(str(tmp_path / "m.nii"))
    far = image.TransformIndexToPhysicalPoint([n - 1 for n in grid.shape])
    expected = grid.to_world_mm([[n - 1 for n in grid.shape]])[0]
    assert np.allclose(np.array(far) * [-1, -1, 1], expected, atol=1e-2)


def test_sheared_grid_survives_in_the_sform(tmp_path: Path):
    affine = np.array([[1, 0, 0.2, 5], [0, 1, 0.4, 6], [0, 0, 3, 7], [0, 0, 0, 1.0]])
    grid = Grid((3, 4, 5), affine=affine)
    write_mask(tmp_path / "m.nii.gz", mask_on(grid))
    assert read_grid(tmp_path / "m.nii.gz").matches(grid)
    assert nib.load(tmp_path / "m.nii.gz").header["qform_code"] == 0


@pytest.mark.parametrize("kind", [nib.Nifti1Image, nib.Nifti2Image])
@pytest.mark.parametrize("codes", [(1, 1), (0, 1), (1, 0), (0, 0), (2, 4)])
@pytest.mark.parametrize("axes", [3, 4])
def test_mask_keeps_its_scans_header_to_the_bit(
    tmp_path: Path, kind: type, codes: tuple[int, int], axes: int
):
    rng = np.random.default_rng(1)
    affine = np.diag([-0.7, 0.8, 2.2, 1.0])
    affine[:3, 3] = rng.normal(size=3) * 100
    scan = kind(rng.normal(size=(4, 5, 6, 2)[:axes]).astype(np.float32), affine)
    scan.header.set_qform(affine, code=codes[0])
    scan.header.set_sform(affine, code=codes[1])
    scan.header["descrip"] = b"Secret Name"
    scan.header["aux_file"] = b"secret"
    scan.header.set_xyzt_units("mm", "sec")
    scan.header["pixdim"][4:] = [2.5, 0, 3, 1]
    scan.header.extensions.append(nib.nifti1.Nifti1Extension("comment", b"secret"))
    nib.save(scan, tmp_path / "scan.nii.gz")
    grid = read_grid(tmp_path / "scan.nii.gz")
    write_mask(tmp_path / "m.nii.gz", mask_on(grid), like=tmp_path / "scan.nii.gz")
    assert_kept(tmp_path / "scan.nii.gz", tmp_path / "m.nii.gz")
    assert read_grid(tmp_path / "m.nii.gz") == grid
    bits = gzip.decompress((tmp_path / "m.nii.gz").read_bytes())
    assert b"ecret" not in bits
    header = nib.load(tmp_path / "m.nii.gz").header
    assert header.get_data_dtype() == np.uint16
    assert header["descrip"] == header["aux_file"] == b""


def test_big_endian_scan_is_read_in_native_order(tmp_path: Path):
    voxels = np.arange(24, dtype=">i2").reshape(2, 3, 4)
    header = nib.Nifti1Header(endianness=">")
    header.set_data_dtype(">i2")
    nib.save(nib.Nifti1Image(voxels, np.eye(4), header), tmp_path / "scan.nii")
    image = read_image(tmp_path / "scan.nii")
    assert image.array.dtype == np.dtype(np.int16) and image.array.dtype.isnative
    assert np.array_equal(image.array[0], voxels)
    write_mask(tmp_path / "m.nii", mask_on(image.grid), like=tmp_path / "scan.nii")
    assert read_grid(tmp_path / "m.nii") == image.grid


def test_real_masks_come_back_to_the_bit(real_data: Callable[[str], Path], tmp_path: Path):
    folder = real_data("hippocampus")
    legend = Legend.from_names({1: "anterior", 2: "posterior"})
    for scan in sorted((folder / "images").glob("*.nii.gz"))[:12]:
        drawn = folder / "labels" / scan.name
        if not drawn.exists():
            continue
        mask = read_mask(drawn, legend)
        assert read_image(scan).grid == mask.grid
        write_mask(tmp_path / scan.name, mask, like=scan)
        assert_kept(scan, tmp_path / scan.name)
        back = read_mask(tmp_path / scan.name, legend)
        assert back.array.dtype == np.uint8
        assert np.array_equal(back.array, np.asarray(nib.load(drawn).dataobj))


def test_whole_numbers_stay_what_they_are(tmp_path: Path):
    nib.save(nib.Nifti1Image(np.full((3, 4, 5), -1000, np.int16), np.eye(4)), tmp_path / "a.nii.gz")
    assert read_image(tmp_path / "a.nii.gz").array.dtype == np.int16


def test_slope_and_intercept_are_applied(tmp_path: Path):
    scan = nib.Nifti1Image(np.arange(8, dtype=np.int16).reshape(2, 2, 2), np.eye(4))
    bits = scan.to_bytes()
    # nibabel would choose the stored integers anew; set the slope in the bytes.
    slope = np.array([0.5, -3], np.float32).tobytes()
    (tmp_path / "a.nii").write_bytes(bits[:112] + slope + bits[120:])
    image = read_image(tmp_path / "a.nii")
    assert image.array.dtype == np.float32
    assert np.array_equal(np.sort(image.array.ravel()), np.arange(8) * 0.5 - 3)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((4, 5), (1, 4, 5, 1)), ((4, 5, 6, 2), (2, 4, 5, 6)), ((4, 5, 6, 1, 3), (3, 4, 5, 6))],
)
def test_axes_beyond_three_are_channels(tmp_path: Path, shape: tuple, expected: tuple):
    nib.save(nib.Nifti1Image(np.zeros(shape, np.float32), np.eye(4)), tmp_path / "a.nii")
    assert read_image(tmp_path / "a.nii").array.shape == expected
    assert read_grid(tmp_path / "a.nii").shape == expected[1:]


def test_colours_are_channels(tmp_path: Path):
    voxels = np.zeros((2, 3, 4), [("R", "u1"), ("G", "u1"), ("B", "u1")])
    voxels["G"] = 7
    nib.save(nib.Nifti1Image(voxels, np.eye(4)), tmp_path / "a.nii")
    assert read_image(tmp_path / "a.nii").array[:, 0, 0, 0].tolist() == [0, 7, 0]


@pytest.mark.parametrize(("unit", "factor"), [("micron", 1e-3), ("meter", 1e3), ("mm", 1.0)])
def test_units_of_length_become_mm(tmp_path: Path, unit: str, factor: float):
    scan = nib.Nifti1Image(np.zeros((2, 3, 4), np.uint8), np.diag([2.0, 2, 2, 1]))
    scan.header.set_xyzt_units(unit)
    nib.save(scan, tmp_path / "a.nii")
    assert np.allclose(read_grid(tmp_path / "a.nii").spacing_mm, 2.0 * factor)


def test_good_qform_replaces_an_empty_sform(tmp_path: Path):
    scan = nib.Nifti1Image(np.zeros((2, 3, 4), np.uint8), np.diag([2.0, 2, 3, 1]))
    bits = scan.to_bytes()
    # nibabel mends the header as it saves: set both codes and empty the sform in the bytes.
    (tmp_path / "a.nii").write_bytes(
        bits[:252] + b"\1\0\1\0" + bits[256:280] + bytes(48) + bits[328:]
    )
    assert read_grid(tmp_path / "a.nii").spacing_mm == (2.0, 2.0, 3.0)


def test_singular_affine_names_the_file(tmp_path: Path):
    scan = nib.Nifti1Image(np.zeros((2, 3, 4), np.uint8), np.eye(4))
    bits = scan.to_bytes()
    (tmp_path / "flat.nii").write_bytes(
        bits[:252] + b"\0\0\1\0" + bytes(24) + bytes(48) + bits[328:]
    )
    with pytest.raises(GeometryError, match=r"flat\.nii.*singular.*Mend the header"):
        read_image(tmp_path / "flat.nii")


def _whole(path: Path) -> bytes:
    voxels = np.random.default_rng(0).integers(0, 1000, (16, 16, 16)).astype(np.int16)
    nib.save(nib.Nifti1Image(voxels, np.eye(4)), path)
    return path.read_bytes()


@pytest.mark.parametrize("name", ["a.nii.gz", "a.nii"])
@pytest.mark.parametrize("kept", [0, 10, 300, 360, 2000])
def test_truncated_files_are_refused_in_one_line(tmp_path: Path, name: str, kept: int):
    (tmp_path / name).write_bytes(_whole(tmp_path / name)[:kept])
    with pytest.raises(FileFormatError, match=r"'.*a\.nii.*(whole NIfTI|empty)") as caught:
        read_image(tmp_path / name)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"not a scan at all", b"x" * 4000, b"\x1f\x8b" + b"x" * 500])
@pytest.mark.parametrize("name", ["a.nii.gz", "a.nii"])
def test_text_named_nifti_is_refused(tmp_path: Path, name: str, content: bytes):
    (tmp_path / name).write_bytes(content)
    for read in (read_image, read_grid):
        with pytest.raises(FileFormatError, match=r"not a whole NIfTI file.*Open it"):
            read(tmp_path / name)


def test_nothing_is_printed_about_a_header(tmp_path: Path, capfd: pytest.CaptureFixture):
    bits = nib.Nifti1Image(np.zeros((2, 3, 4), np.uint8), np.eye(4)).to_bytes()
    (tmp_path / "a.nii").write_bytes(bits[:108] + np.float32(351).tobytes() + bits[112:])
    with pytest.raises(FileFormatError, match="header that contradicts itself"):
        read_image(tmp_path / "a.nii")
    assert capfd.readouterr().err == ""


def test_complex_voxels_are_refused(tmp_path: Path):
    nib.save(nib.Nifti1Image(np.zeros((2, 2, 2), np.complex64), np.eye(4)), tmp_path / "a.nii")
    with pytest.raises(FileFormatError, match="not real numbers"):
        read_image(tmp_path / "a.nii")


def test_two_axes_beyond_three_are_refused(tmp_path: Path):
    nib.save(nib.Nifti1Image(np.zeros((2, 2, 2, 2, 2), np.uint8), np.eye(4)), tmp_path / "a.nii")
    with pytest.raises(FileFormatError, match=r"more than four axes.*Split"):
        read_image(tmp_path / "a.nii")
