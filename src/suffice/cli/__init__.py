"""The command line: parsing and rendering; the work is done in `suffice.workflows`."""
