"""scikit-learn estimators. Its classes are found here too, as in 0.1.0."""

from seqconv.models.former import find_estimator as __getattr__  # noqa: F401
