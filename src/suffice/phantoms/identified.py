"""DICOM objects of people who do not exist, with what identifies them wherever it may stand.

For tests of de-identification: every planted value is known, and of a kind that has a name.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from zlib import crc32

import numpy as np
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import UID, ExplicitVRLittleEndian

CT, MR, PET, DX, SEG = (
    f"1.2.840.10008.5.1.4.1.1.{end}" for end in ("2", "4", "128", "1.1", "66.4")
)
ROOT = "1.2.826.0.1.3680043.9.9999"
_SYLLABLES = ("quo", "zwi", "vex", "jol", "pfa", "kru", "mbe", "xan", "gly", "dro", "fju", "wub")

# Attributes that hold a typed word each, by the kind of what is planted.
_TEXTS = (
    *("PatientName", "OtherPatientNames", "PatientBirthName", "PatientMotherBirthName"),
    *("ReferringPhysicianName", "PerformingPhysicianName", "OperatorsName"),
    *("PhysiciansOfRecord", "NameOfPhysiciansReadingStudy", "RequestingPhysician"),
    *("ResponsiblePerson", "PersonName", "ScheduledPerformingPhysicianName"),
    *("PatientID", "OtherPatientIDs", "AccessionNumber", "StudyID", "MedicalRecordLocator"),
    *("IssuerOfPatientID", "AdmissionID", "ServiceEpisodeID", "PerformedProcedureStepID"),
    *("RequestedProcedureID", "ScheduledProcedureStepID", "PlacerOrderNumberImagingServiceRequest"),
    *("FillerOrderNumberImagingServiceRequest", "ClinicalTrialSubjectID", "DeviceSerialNumber"),
    *("DetectorID", "PlateID", "CassetteID", "GantryID", "GeneratorID"),
    *("PatientAddress", "PatientTelephoneNumbers", "CountryOfResidence", "RegionOfResidence"),
    *("MilitaryRank", "Occupation", "PatientReligiousPreference", "EthnicGroup"),
    *("InstitutionName", "InstitutionAddress", "InstitutionalDepartmentName", "StationName"),
    *("ReferringPhysicianAddress", "ReferringPhysicianTelephoneNumbers", "CurrentPatientLocation"),
    *("PatientInstitutionResidence", "ResponsibleOrganization", "StationAETitle"),
    *("PatientComments", "ImageComments", "AdditionalPatientHistory", "Allergies", "MedicalAlerts"),
    *("SpecialNeeds", "PatientState", "StudyComments", "AcquisitionComments", "StudyDescription"),
    *(
        "SeriesDescription",
        "ProtocolName",
        "RequestedProcedureDescription",
        "AdmittingDiagnosesDescription",
    ),
    *("ReasonForStudy", "DerivationDescription", "ContrastBolusAgent", "TextComments"),
    *("InterpretationText", "RequestedProcedureComments", "VisitComments", "FrameComments"),
)
_SENTENCES = {
    "PN": "{}^Ann",
    "LT": "Called Mrs {} at noon",
    "ST": "Seen by {}",
    "UT": "Told {} to come again",
    "LO": "T2 {}",
}


@dataclass(frozen=True, kw_only=True)
class Identified:
    """An object and what was planted into it.

    Parameters
    ----------
    dataset : Dataset
    subject : str
        The number of the person.
    planted : dict of str to str
        What must not be found again, by its kind.
    day : str
        Of the visit, eight digits.
    """

    dataset: Dataset
    subject: str
    planted: dict[str, str]
    day: str


@dataclass
class Person:
    """Somebody who does not exist, with words of their own.

    Parameters
    ----------
    seed : int
        The same seed, the same person.
    """

    seed: int
    planted: dict[str, str] = field(default_factory=dict)

    def word(self, kind: str) -> str:
        """Give a word that stands for a kind of identifier of this person and nowhere else."""
        if kind not in self.planted:
            code = crc32(kind.encode())
            number = self.seed * 1009 + code % 1009
            rng = np.random.default_rng([self.seed, code])
            parts = [_SYLLABLES[i] for i in rng.integers(0, len(_SYLLABLES), 3)]
            self.planted[kind] = f"{''.join(parts)}{number}"
        return self.planted[kind]

    def day(self, kind: str, year: int) -> str:
        """Give a date of this person, eight digits."""
        if kind not in self.planted:
            rng = np.random.default_rng([self.seed, crc32(kind.encode())])
            month, day = int(rng.integers(1, 13)), int(rng.integers(1, 29))
            self.planted[kind] = f"{year}{month:02d}{day:02d}"
        return self.planted[kind]

    def uid(self, kind: str) -> str:
        """Give a UID of this person."""
        if kind not in self.planted:
            self.planted[kind] = f"{ROOT}.{self.seed + 1}.{crc32(kind.encode())}.20190101"
        return self.planted[kind]


def identified_slice(
    person: Person, *, visit: int, index: int, sop_class: str = CT, size: int = 32
) -> Identified:
    """Make a slice of a person's scan at a visit, full of identifiers.

    Parameters
    ----------
    visit, index : int
        Slices of one visit are one series, each a new instance that refers to the first.
    sop_class : str
    size : int
        Rows and columns.
    """
    dataset = _image(person, visit, index, sop_class, size)
    _plant_texts(dataset, person)
    _plant_dates(dataset, person, visit)
    _plant_private(dataset, person)
    _plant_sequences(dataset, person, visit)
    _plant_drawings(dataset, person)
    return Identified(
        dataset=dataset,
        subject=person.word("PatientID"),
        planted=dict(person.planted),
        day=str(dataset.StudyDate),
    )


def _image(person: Person, visit: int, index: int, sop_class: str, size: int) -> Dataset:
    dataset = Dataset()
    dataset.SOPClassUID = sop_class
    dataset.SOPInstanceUID = person.uid(f"SOPInstanceUID {visit} {index}")
    dataset.StudyInstanceUID = person.uid(f"StudyInstanceUID {visit}")
    dataset.SeriesInstanceUID = person.uid(f"SeriesInstanceUID {visit}")
    dataset.FrameOfReferenceUID = person.uid(f"FrameOfReferenceUID {visit}")
    dataset.Modality = {CT: "CT", MR: "MR", PET: "PT", DX: "DX"}.get(sop_class, "OT")
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.Manufacturer = "Phantom"
    dataset.PatientSex, dataset.PatientAge, dataset.PatientWeight = "F", "093Y", "71.5"
    dataset.SeriesNumber, dataset.InstanceNumber = visit + 1, index + 1
    dataset.ImagePositionPatient = [0.0, 0.0, 2.0 * index]
    dataset.ImageOrientationPatient = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]
    dataset.PixelSpacing, dataset.SliceThickness = [0.8, 0.8], 2.0
    dataset.RescaleSlope, dataset.RescaleIntercept = 1, -1024
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.Rows = dataset.Columns = size
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
    dataset.PixelRepresentation = 0
    rng = np.random.default_rng([person.seed, visit, index])
    slope = np.add.outer(np.arange(size), 2 * np.arange(size)) * 20
    dataset.PixelData = (slope + rng.integers(0, 64, slope.shape)).astype("<u2").tobytes()
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = UID(sop_class)
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.SourceApplicationEntityTitle = person.word("SourceApplicationEntityTitle")[:16]
    dataset.file_meta = meta
    dataset.preamble = person.word("preamble").encode().ljust(128, b"\0")
    return dataset


def _plant_texts(dataset: Dataset, person: Person) -> None:
    for keyword in _TEXTS:
        word = person.word(keyword)
        vr = dictionary_VR(tag_for_keyword(keyword) or 0)
        text = word if keyword == "PatientID" else _SENTENCES.get(vr, "{}").format(word)
        setattr(dataset, keyword, text.upper()[:16] if vr == "CS" else text)


def _plant_dates(dataset: Dataset, person: Person, visit: int) -> None:
    day = person.day(f"StudyDate {visit}", 2011 + 2 * visit)
    for keyword in (
        "StudyDate",
        "SeriesDate",
        "AcquisitionDate",
        "ContentDate",
        "InstanceCreationDate",
    ):
        setattr(dataset, keyword, day)
    dataset.AcquisitionDateTime = f"{day}101530.000000"
    dataset.StudyTime = dataset.SeriesTime = "101530"
    dataset.PatientBirthDate = person.day("PatientBirthDate", 1921)
    dataset.AdmittingDate = person.day("AdmittingDate", 2009)
    dataset.ScheduledProcedureStepStartDate = person.day("ScheduledProcedureStepStartDate", 2008)


def _plant_private(dataset: Dataset, person: Person) -> None:
    block = dataset.private_block(0x0029, f"ACME {person.word('private creator')}", create=True)
    block.add_new(0x01, "LO", person.word("private text"))
    block.add_new(0x02, "PN", f"{person.word('private name')}^Bob")
    block.add_new(0x03, "OB", person.word("private bytes").encode().ljust(32, b"\0"))
    block.add_new(0x04, "UN", person.word("private unknown").encode().ljust(32, b"\0"))
    inner = Dataset()
    inner.PatientName = person.word("name in a private sequence")
    block.add_new(0x05, "SQ", Sequence([inner]))
    siemens = dataset.private_block(0x0019, "SIEMENS MR HEADER", create=True)
    siemens.add_new(0x0C, "IS", "1000")
    siemens.add_new(0x08, "CS", person.word("private code").upper()[:16])


def _plant_sequences(dataset: Dataset, person: Person, visit: int) -> None:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator = person.word("code value")[:16], "99LOCAL"
    code.CodeMeaning = f"Dr {person.word('code meaning')}"
    who = Dataset()
    who.PersonIdentificationCodeSequence = Sequence([code])
    who.InstitutionName = person.word("institution in a sequence")
    dataset.ReferringPhysicianIdentificationSequence = Sequence([who])
    other = Dataset()
    other.PatientID, other.TypeOfPatientID = person.word("number in a sequence"), "TEXT"
    other.IssuerOfPatientID = person.word("issuer in a sequence")
    dataset.OtherPatientIDsSequence = Sequence([other])
    request = Dataset()
    request.RequestedProcedureID = person.word("request in a sequence")[:16]
    request.ScheduledProcedureStepDescription = f"Brain {person.word('description in a sequence')}"
    deep = Dataset()
    deep.PatientName = person.word("name three deep")
    request.ReferencedPatientSequence = Sequence([deep])
    dataset.RequestAttributesSequence = Sequence([request])
    source = Dataset()
    source.ReferencedSOPClassUID = dataset.SOPClassUID
    source.ReferencedSOPInstanceUID = person.uid(f"SOPInstanceUID {visit} 0")
    source.PurposeOfReferenceCodeSequence = Sequence([_standard_code()])
    private = source.private_block(0x0029, "ACME", create=True)
    private.add_new(0x01, "LO", person.word("private in a sequence"))
    dataset.SourceImageSequence = Sequence([source])
    dataset.ReferencedImageSequence = Sequence([Dataset.from_json(source.to_json())])
    original = Dataset()
    changed = Dataset()
    changed.PatientName = person.word("name before a change")
    original.ModifiedAttributesSequence = Sequence([changed])
    original.ModifyingSystem = person.word("modifying system")
    original.AttributeModificationDateTime = f"{person.day('modified', 2007)}120000"
    original.ReasonForTheAttributeModification = "CORRECT"
    dataset.OriginalAttributesSequence = Sequence([original])


def _standard_code() -> Dataset:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator = "121311", "DCM"
    code.CodeMeaning = "Localizer"
    return code


def _plant_drawings(dataset: Dataset, person: Person) -> None:
    """Put in an overlay with a comment, a curve, and bytes after the end."""
    size = int(dataset.Rows)
    text = person.word("overlay bytes").encode()
    dataset.add_new((0x6000, 0x0010), "US", size)
    dataset.add_new((0x6000, 0x0011), "US", size)
    dataset.add_new((0x6000, 0x0040), "CS", "G")
    dataset.add_new((0x6000, 0x0050), "SS", [1, 1])
    dataset.add_new((0x6000, 0x0100), "US", 1)
    dataset.add_new((0x6000, 0x0102), "US", 0)
    dataset.add_new((0x6000, 0x3000), "OW", text.ljust(size * size // 8, b"\0"))
    dataset.add_new((0x6000, 0x4000), "LT", person.word("overlay comment"))
    dataset.add_new((0x6000, 0x1500), "LO", person.word("overlay label"))
    dataset.add_new((0x5000, 0x2500), "LO", person.word("curve label"))
    dataset.add_new((0x5000, 0x3000), "OW", person.word("curve bytes").encode().ljust(32, b"\0"))
    dataset.add_new((0xFFFC, 0xFFFC), "OB", person.word("padding").encode().ljust(32, b"\0"))
