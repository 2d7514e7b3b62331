"""Archives of a hospital (PACS): query, fetch and store by DICOMweb or by DICOM's own network."""
