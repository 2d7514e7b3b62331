import csv
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suffice.core import Case, Channel, Cohort, CohortError, Label, Legend, StorageError
from suffice.io import LeftOut, read_cohort, write_cohort
from suffice.io.left_out import read_left_out

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
FILE = st.from_regex(r"[a-z é,\"']{1,8}\.png", fullmatch=True)


def make_folder(
    folder: Path, cases: str, toml: str = '[[channel]]\n[[label]]\nvalue=1\nname="a"\n'
) -> Path:
    (folder / "cohort.toml").write_text(toml)
    (folder / "cases.csv").write_text(cases)
    return folder


@settings(max_examples=25, deadline=None)
@given(name=TEXT, label=TEXT, code=st.none() | TEXT, image=FILE, mask=FILE)
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory,
    name: str,
    label: str,
    code: str | None,
    image: str,
    mask: str,
) -> None:
    folder = tmp_path_factory.mktemp("cohort")
    cohort = Cohort(
        name,
        folder,
        (Channel(), Channel("t1", "CT", "HU")),
        Legend((Label(7, label, "#E69F00", code),)),
        (
            Case("a", "s", {"image": folder / image, "t1": folder.parent / image}),
            Case(
                "b",
                "s",
                {"image": folder / image, "t1": folder / "x" / image},
                {"anna": folder / mask, "expert": folder / mask},
                "2",
                "2020-01-31",
                (0.25, 1e-4),
            ),
        ),
    )
    write_cohort(cohort, folder)
    again = read_cohort(folder)
    assert (again.name, again.channels, again.legend) == (name, cohort.channels, cohort.legend)
    for mine, theirs in zip(cohort.cases, again.cases, strict=True):
        assert (mine.name, mine.subject, mine.visit, mine.date) == (
            theirs.name,
            theirs.subject,
            theirs.visit,
            theirs.date,
        )
        assert mine.pixel_spacing_mm == theirs.pixel_spacing_mm
        for files, others in ((mine.images, theirs.images), (mine.masks, theirs.masks)):
            assert {k: p.resolve() for k, p in files.items()} == {
                k: p.resolve() for k, p in others.items()
            }


def test_paths_are_relative_even_through_a_linked_folder(tmp_path: Path) -> None:
    (tmp_path / "deep" / "er").mkdir(parents=True)
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "deep" / "er")
    case = Case("a", "a", {"image": tmp_path / "scans" / "a.png"})
    legend = Legend.from_names({1: "x"})
    write_cohort(Cohort("c", link, (Channel(),), legend, (case,)), link)
    with (link / "cases.csv").open() as handle:
        row = next(csv.DictReader(handle))
    assert row["image"] == "../../scans/a.png"
    assert read_cohort(link).cases[0].images["image"].resolve() == tmp_path / "scans" / "a.png"


def test_an_empty_subject_is_the_case(tmp_path: Path) -> None:
    cohort = read_cohort(make_folder(tmp_path, "case,subject,image\nA,,a.png\nB,s1,b.png\n"))
    assert [case.subject for case in cohort.cases] == ["A", "s1"]


def test_one_spacing_serves_rows_and_columns(tmp_path: Path) -> None:
    cohort = read_cohort(make_folder(tmp_path, "case,pixel_spacing_mm,image\nA,0.5,a.png\n"))
    assert cohort.cases[0].pixel_spacing_mm == (0.5, 0.5)


@pytest.mark.parametrize(
    ("cases", "message"),
    [
        ("case,mask\nA,m.png\n", "line 1 lacks the column image"),
        ("subject,image\nA,m.png\n", "line 1 lacks the column case"),
        ("", "an empty file"),
        ("case,image,image_t2\nA,a.png,b.png\n", "'image_t2' names a channel unknown"),
        ("case,image,mask,mask_expert\nA,a,b,c\n", "two columns for the rater 'expert'"),
        ("case,image\nA,a.png\nB,b.png\nA,c.png\n", r"line 4: case 'A' is named twice.*line 2"),
        ("case,image\nA,\n", "line 2: case 'A' has no file in column 'image'"),
        ("case,image\n,a.png\n", "line 2: the column 'case' must be a name"),
        ("case,image\n../A,a.png\n", "line 2: the column 'case' must be a name"),
        ("case,image\nA,a.png,b\n", "line 2 has more fields than line 1"),
        ("case,pixel_spacing_mm,image\nA,-1,a.png\n", "line 2: pixel_spacing_mm must be"),
        ("case,pixel_spacing_mm,image\nA,thin,a.png\n", "got 'thin'"),
    ],
)
def test_a_wrong_table_is_told_by_its_line(tmp_path: Path, cases: str, message: str) -> None:
    with pytest.raises(CohortError, match=message):
        read_cohort(make_folder(tmp_path, cases))


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ("name = ", "is not valid TOML"),
        ("name = 'a'", r"has no \[\[channel\]\]"),
        ("channel = 3", r"has no \[\[channel\]\]"),
        ("[[channel]]\nmodality = 'XX'\n[[label]]\nvalue=1\nname='a'", "Unknown modality"),
        ("[[channel]]\nunit = 'mm'\n[[label]]\nvalue=1\nname='a'", "Unknown unit"),
        ("[[channel]]", r"has no \[\[label\]\]"),
        ("[[channel]]\n[[label]]\nname='a'", "needs a value and a name"),
        ("[[channel]]\n[[label]]\nvalue=0\nname='a'", "labels .* clash"),
    ],
)
def test_a_wrong_cohort_file_is_told(tmp_path: Path, toml: str, message: str) -> None:
    with pytest.raises(CohortError, match=message):
        read_cohort(make_folder(tmp_path, "case,image\nA,a.png\n", toml))


def test_a_folder_that_is_no_cohort(tmp_path: Path) -> None:
    with pytest.raises(CohortError, match="is not a cohort"):
        read_cohort(tmp_path)
    (tmp_path / "cohort.toml").write_text('[[channel]]\n[[label]]\nvalue=1\nname="a"\n')
    with pytest.raises(CohortError, match=r"cases\.csv' is missing"):
        read_cohort(tmp_path)


def test_a_cohort_is_replaced_only_when_asked(tmp_path: Path, tiny_cohort: Cohort) -> None:
    write_cohort(tiny_cohort, tmp_path, left_out=[LeftOut(Path("a,b"), 'said "no"')])
    assert read_left_out(tmp_path / "left_out.csv") == (LeftOut(Path("a,b"), 'said "no"'),)
    with pytest.raises(StorageError, match="exists already"):
        write_cohort(tiny_cohort, tmp_path)
    write_cohort(tiny_cohort.labelled(), tmp_path, overwrite=True)
    assert len(read_cohort(tmp_path)) == 6


def test_a_large_table_costs_no_look_at_files(tmp_path: Path) -> None:
    rows = "".join(f"c{i},s{i // 2},{i}.png\n" for i in range(20_000))
    cohort = read_cohort(make_folder(tmp_path, "case,subject,image\n" + rows))
    assert len(cohort) == 20_000 and len(cohort.subjects) == 10_000
