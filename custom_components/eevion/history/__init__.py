"""Hours in the recorder: those of the present and those that an import brings."""
