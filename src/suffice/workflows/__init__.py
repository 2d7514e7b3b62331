"""One readable function per user task, shared by the command line and the Python face."""
