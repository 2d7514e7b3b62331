"""Reports and presentation states, where asked for: numbers and shapes without text."""

from __future__ import annotations

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from suffice.phantoms.identified import Person, identified_slice
from suffice.privacy import Key, Options
from suffice.privacy.attributes import texts_of
from suffice.privacy.dicom import clean_dicom

SECRET = "Zwickelhuber"


def item(kind: str, **values: object) -> Dataset:
    made = Dataset()
    made.RelationshipType, made.ValueType = "CONTAINS", kind
    for keyword, value in values.items():
        setattr(made, keyword, value)
    return made


def bare(sop_class: str) -> Dataset:
    dataset = identified_slice(Person(1), visit=0, index=0).dataset
    dataset.SOPClassUID = sop_class
    for keyword in ("PixelData", "Rows", "Columns", "BitsAllocated"):
        delattr(dataset, keyword)
    return dataset


def test_a_report_keeps_its_numbers_and_loses_its_sentences(key: Key) -> None:
    measured = Dataset()
    measured.NumericValue = "12.5"
    inner = item("CONTAINER", ContentSequence=Sequence([item("TEXT", TextValue=f"Mrs {SECRET}")]))
    dataset = bare("1.2.840.10008.5.1.4.1.1.88.33")
    dataset.ContentSequence = Sequence(
        [
            item("NUM", MeasuredValueSequence=Sequence([measured])),
            item("TEXT", TextValue=f"Seen by {SECRET}"),
            item("PNAME", PersonName=SECRET),
            inner,
        ]
    )
    done = clean_dicom(dataset, key, Options(clean=("structured-content",)))
    content = done.dataset.ContentSequence
    assert [one.ValueType for one in content] == ["NUM", "CONTAINER"]
    assert content[0].MeasuredValueSequence[0].NumericValue == 12.5
    assert SECRET not in str(done.dataset)
    assert "113104" in [i.CodeValue for i in done.dataset.DeidentificationMethodCodeSequence]


def test_a_presentation_state_keeps_its_shapes(key: Key) -> None:
    drawn, shape, text = Dataset(), Dataset(), Dataset()
    shape.GraphicType, shape.GraphicData = "POLYLINE", [1.0, 2.0, 3.0, 4.0]
    text.UnformattedTextValue = SECRET
    drawn.GraphicLayer = "L"
    drawn.GraphicObjectSequence = Sequence([shape])
    drawn.TextObjectSequence = Sequence([text])
    dataset = bare("1.2.840.10008.5.1.4.1.1.11.1")
    dataset.GraphicAnnotationSequence = Sequence([drawn])
    done = clean_dicom(dataset, key, Options(clean=("graphics",))).dataset
    annotation = done.GraphicAnnotationSequence[0]
    assert list(annotation.GraphicObjectSequence[0].GraphicData) == [1.0, 2.0, 3.0, 4.0]
    assert SECRET not in " ".join(text for _, _, text in texts_of(done))


@pytest.mark.parametrize("keyword", ["ContentSequence", "GraphicAnnotationSequence"])
def test_an_empty_sequence_is_no_fault(key: Key, keyword: str) -> None:
    dataset = identified_slice(Person(1), visit=0, index=0).dataset
    setattr(dataset, keyword, Sequence([]))
    clean_dicom(dataset, key, Options(clean=("graphics", "structured-content")))
