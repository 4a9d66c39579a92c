"""IMDB with TF-IDF words and a linear support vector machine: another model, to compare the times with."""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from arrays import read_archive
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

archive = Path(sys.argv[1])
model = make_pipeline(TfidfVectorizer(sublinear_tf=True), LinearSVC())
model.fit(*read_archive(archive, "train"))
print(json.dumps({"accuracy": model.score(*read_archive(archive, "test"))}))
