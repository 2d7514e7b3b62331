import re
from html.parser import HTMLParser

import pytest

from suffice.core import FileFormatError, StorageError, UsageError
from suffice.report import write_report
from suffice.report.words import metric_words

SECTIONS = (
    "meaning",
    "validation",
    "overlays",
    "scores",
    "learning",
    "measures",
    "left-out",
    "provenance",
    "limits",
)


class _Links(HTMLParser):
    """Collects everything that a browser would fetch, and the elements' balance."""

    def __init__(self):
        super().__init__()
        self.fetched, self.tags, self.open = [], [], []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        for name, value in attributes:
            if name in ("src", "href", "xlink:href", "srcset", "action", "data"):
                self.fetched.append(value)


def _read(study):
    return write_report(study).read_text(encoding="utf-8")


@pytest.fixture(params=[False, True], ids=["3D", "2D"])
def page(make_study, request):
    """A page of a whole study, and how many panels a case has."""
    return _read(make_study(flat=request.param)), 1 if request.param else 3


def test_page_asks_nothing_of_the_network(page):
    text, _ = page
    links = _Links()
    links.feed(text)
    outside = [link for link in links.fetched if not link.startswith(("data:image/png", "#"))]
    assert outside == []
    assert not {"script", "iframe", "link", "object", "embed"} & set(links.tags)
    assert "@import" not in text and not re.search(r"url\((?!#)", text)


def test_every_section_is_filled_from_a_whole_study(page):
    text, panels = page
    assert "Dice 0.83 (95 % interval 0.81 to 0.85) on 12 subjects that the model never saw" in text
    assert all(f'id="{name}"' in text for name in SECTIONS)
    assert 'class="missing"' not in text
    assert text.count('<figure class="panel">') == 3 * panels
    for rank in ("Best: Dice 0.9", "Median: Dice 0.8", "Worst: Dice 0.3"):
        assert rank in text
    assert "1 of 12" in text, "the missed structure is counted apart"
    assert "no image of that name" in text
    assert "Not a medical device" in text


TABLES = ("splits.csv", "scores.csv", "summary.csv", "measures.csv", "left_out.csv")


def test_study_that_has_just_begun_names_what_it_lacks(make_study):
    study = make_study(names=["a", "b"])
    for name in TABLES:
        (study / name).unlink()
    (study / "models").rename(study.parent / "elsewhere")
    text = _read(study)
    for name in (*TABLES, "models/*/history.csv"):
        assert f"{name} is not in the study folder" in text
    assert "Not scored yet" in text
    assert all(f'id="{name}"' in text for name in SECTIONS)


@pytest.mark.parametrize(
    ("absent", "named"),
    [
        ("study.toml", "study.toml does not name the cohort"),
        ("validation", "validation/unet/ has no mask named"),
        ("../cohort/cohort.toml", "is not a cohort"),
    ],
)
def test_overlays_that_cannot_be_drawn_say_why(make_study, absent, named):
    study = make_study(names=["a", "b"])
    (study / absent).rename(study.parent / "elsewhere")
    text = _read(study)
    assert named in text
    assert "Dice 0.83" in text, "the rest stands"


def test_scans_count_as_segmented_where_their_mask_is(make_study):
    study = make_study(names=["a", "b"])
    assert "scans segmented" not in _read(study)
    (study / "predictions").mkdir()
    for name in ("new-0.nii.gz", "new-2.nii.gz", ".partial-1-new-1.nii.gz", "notes.txt"):
        (study / "predictions" / name).touch()
    assert "<b>2</b>scans segmented" in _read(study)


def test_what_to_do_next_names_the_worst_case_the_masks_and_the_model(make_study):
    study = make_study()
    worst = re.search(
        r"<strong>Worst: Dice .*?<span class=\"path\">(.*?)</span>", _read(study), re.DOTALL
    )
    (study / "predictions").mkdir()
    (study / "predictions" / "new-0.nii.gz").touch()
    section = _read(study).split('<section id="next">')[1].split("</section>")[0]
    assert worst is not None and f"the worst case, {worst.group(1)}:" in section
    assert "Look through 1 mask in predictions/" in section
    assert "suffice predict STUDY/models/unet NEW_SCANS --out MASKS" in section


def test_the_tolerance_of_the_nsd_is_stated():
    assert "within 1 mm of the other (pixels where" in metric_words("nsd").meaning


def test_names_are_escaped(make_study):
    name = "<img src=x onerror=alert(1)>&"
    study = make_study(names=["case-00", "case-01", "case-03"])
    for table in ("scores.csv", "measures.csv", "splits.csv"):
        path = study / table
        path.write_text(path.read_text().replace("case-03", name).replace("anterior", "<b>a</b>"))
    with (study / "left_out.csv").open("a") as handle:
        handle.write("<script>alert(2)</script>,<i>why</i>\n")
    text = _read(study)
    assert "<img src=x" not in text and "<script>" not in text
    assert "<b>a</b>" not in text and "<i>why" not in text
    assert "&lt;img src=x onerror=alert(1)&gt;&amp;" in text


def test_no_absolute_path_of_the_machine_is_shown(make_study, tmp_path):
    study = make_study(names=["case-00", "case-01"])
    (study / "validation" / "unet" / "case-00.nii.gz").write_text("not an image")
    text = _read(study)
    assert str(tmp_path) not in text
    assert "images/118.nii.gz" in text, "what remains still names the file"
    assert "Could not be shown. Case case-00" in text


def test_same_study_gives_the_same_bytes(make_study):
    study = make_study(names=["a", "b"])
    first = write_report(study).read_bytes()
    assert write_report(study).read_bytes() == first


def test_pseudonyms_that_look_like_numbers_keep_their_zeros(make_study):
    study = make_study(names=["001", "002", "003"])
    text = _read(study)
    assert ">001<" in text and "Only 3 subjects stood the test" in text


@pytest.mark.parametrize(("n", "ranks"), [(1, ["Only"]), (2, ["Better", "Worse"])])
def test_few_scored_cases_are_shown_once(make_study, n, ranks):
    text = _read(make_study(names=[f"c{i}" for i in range(n)]))
    assert re.findall(r"<strong>(\w+): Dice", text) == ranks


def test_folder_that_is_no_study_is_refused(tmp_path):
    with pytest.raises(UsageError, match="is not a study folder"):
        write_report(tmp_path)


def test_damaged_table_is_named(make_study):
    study = make_study(names=["a"])
    (study / "scores.csv").write_text("case,value\na,1\n")
    with pytest.raises(FileFormatError, match=r"'scores\.csv' lacks columns"):
        write_report(study)
    (study / "scores.csv").write_text("")
    with pytest.raises(FileFormatError, match=r"'scores\.csv' is not a table"):
        write_report(study)


def test_damaged_settings_are_named(make_study):
    study = make_study(names=["a"])
    (study / "study.toml").write_text("name = [")
    with pytest.raises(FileFormatError, match=r"'study\.toml' is not TOML"):
        write_report(study)


def test_report_is_replaced_only_where_allowed(make_study):
    study = make_study(names=["a"])
    write_report(study)
    with pytest.raises(StorageError, match="exists already"):
        write_report(study, overwrite=False)
