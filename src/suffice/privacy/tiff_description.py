"""What stays of the text in which programs describe a TIFF: sizes, axes, spacing."""

from __future__ import annotations

import json
import re
from xml.etree import ElementTree

_IMAGEJ = re.compile(
    r"(ImageJ|images|channels|slices|frames|spacing|unit|hyperstack|mode|loop|min|max)="
    r"([-+.0-9eE]+[a-z]?|true|false|grayscale|color|composite|nm|mm|cm|um|micron|inch|pixel"
    r"|\\u00B5m|\\u00b5m)"
)
_SHAPED = ("shape", "axes", "spacing", "unit", "images", "channels", "slices", "frames")
_UNITS = ("mm", "cm", "nm", "um", "micron", "\\u00b5m")
_PIXELS = re.compile(
    r"DimensionOrder|Type|Size[XYZCT]|PhysicalSize[XYZ]|PhysicalSize[XYZ]Unit|BigEndian"
    r"|SignificantBits|Interleaved"
)
_TIFF_DATA = ("IFD", "FirstC", "FirstT", "FirstZ", "PlaneCount")
_OME = "http://www.openmicroscopy.org/Schemas/OME/2016-06"
_SHORT = 20


def without_text(description: str) -> str:
    r"""Keep of a description what a reader computes with; empty where it is prose.

    Examples
    --------
    >>> without_text("ImageJ=1.53t\nslices=3\nspacing=2.5\nInfo=Mrs Miller\n")
    'ImageJ=1.53t\nslices=3\nspacing=2.5\n'
    >>> without_text('{"shape": [3, 4], "patient": "Miller"}')
    '{"shape": [3, 4]}'
    >>> without_text("Mrs Miller")
    ''
    """
    if description.startswith("ImageJ="):
        lines = (line for line in description.splitlines() if _IMAGEJ.fullmatch(line))
        return "".join(f"{line}\n" for line in lines)
    if description.lstrip().startswith("{"):
        return _shaped(description)
    if "<OME" in description[:1000]:
        return _ome(description)
    return ""


def _shaped(description: str) -> str:
    try:
        found = json.loads(description)
    except ValueError:
        return ""
    kept = {}
    for name in _SHAPED:
        value = found.get(name)
        is_axes = name == "axes" and isinstance(value, str) and re.fullmatch("[A-Z]{1,8}", value)
        is_unit = name == "unit" and value in (*_UNITS, "\u00b5m")
        is_sizes = isinstance(value, list) and all(isinstance(n, int) for n in value)
        is_number = isinstance(value, int | float)
        if is_axes or is_unit or (name == "shape" and is_sizes) or is_number:
            kept[name] = value
    return json.dumps(kept) if kept else ""


def _ome(description: str) -> str:
    """Make OME-XML anew with the sizes of the first picture."""
    try:
        root = ElementTree.fromstring(description)
    except ElementTree.ParseError:
        return ""
    pixels = next((e for e in root.iter() if e.tag.endswith("}Pixels")), None)
    if pixels is None:
        return ""
    made = ElementTree.Element("OME", xmlns=_OME)
    image = ElementTree.SubElement(made, "Image", ID="Image:0")
    kept = {n: v for n, v in pixels.attrib.items() if _PIXELS.fullmatch(n) and len(v) <= _SHORT}
    anew = ElementTree.SubElement(image, "Pixels", {"ID": "Pixels:0", **kept})
    for element in pixels:
        if element.tag.endswith("}Channel"):
            samples = element.attrib.get("SamplesPerPixel", "1")
            number = samples if samples.isdigit() else "1"
            ElementTree.SubElement(
                anew, "Channel", ID=f"Channel:0:{len(anew)}", SamplesPerPixel=number
            )
        elif element.tag.endswith("}TiffData"):
            numbers = {n: v for n, v in element.attrib.items() if n in _TIFF_DATA and v.isdigit()}
            ElementTree.SubElement(anew, "TiffData", numbers)
    head = '<?xml version="1.0" encoding="UTF-8"?>'
    return head + ElementTree.tostring(made, encoding="unicode")
