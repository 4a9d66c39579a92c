"""Models on disk and in memory. Layers are found here too, because pickles of 0.1.0 name this module."""

from seqconv.models.former import find_layer as __getattr__  # noqa: F401
