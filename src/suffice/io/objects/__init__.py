"""DICOM objects that belong to a series: segmentations, contours, reports, pictures of them."""
