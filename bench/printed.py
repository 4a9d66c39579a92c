"""Numbers printed elsewhere for the three systems: by the book, and in the notebook that goes with it."""

# Deep Learning with Python, section 6.4: epoch -> value, as printed (source: the table of printed results in the
# project's design document). An epoch that is missing is one for which nothing is printed.
BOOK: dict[str, dict[str, dict[int, float]]] = {
    "imdb-conv1d-as-printed": {
        "loss": dict(
            enumerate((0.8337, 0.6700, 0.6233, 0.5251, 0.4084, 0.3468, 0.3076, 0.2745, 0.2523, 0.2272), start=1)
        ),
        "accuracy": dict(
            enumerate((0.5091, 0.6408, 0.7548, 0.8093, 0.8486, 0.8651, 0.8610, 0.8545, 0.8363, 0.8111), start=1)
        ),
        "validation_loss": dict(
            enumerate((0.6875, 0.6641, 0.6075, 0.4845, 0.4289, 0.4216, 0.4356, 0.4236, 0.4328, 0.4927), start=1)
        ),
        "validation_accuracy": dict(
            enumerate((0.5622, 0.6604, 0.7444, 0.8058, 0.8300, 0.8354, 0.8218, 0.8134, 0.7912, 0.7560), start=1)
        ),
    },
    "jena-conv1d": {"mae": {1: 0.4226, 20: 0.2443}, "validation_mae": {5: 0.4391, 20: 0.4698}},
    "jena-conv1d-gru": {"mae": {1: 0.3406, 20: 0.2237}, "validation_mae": {6: 0.2723, 20: 0.3074}},
}
# The same network on logits: accuracies can be compared, losses cannot.
BOOK["imdb-conv1d"] = {name: BOOK["imdb-conv1d-as-printed"][name] for name in ("accuracy", "validation_accuracy")}

BOOK_SECONDS = {  # for each epoch, as printed
    "imdb-conv1d-as-printed": "68 to 73",
    "jena-conv1d": "42 to 44",
    "jena-conv1d-gru": "84 to 92",
}

BOOK_PARAMETERS = {  # None where the book prints none
    "imdb-conv1d": 1_315_937,
    "imdb-lstm": None,
    "jena-conv1d": None,
    "jena-conv1d-gru": 13_697,
    "jena-gru": None,
}

# Output stored in the author's notebook of that section (fchollet/deep-learning-with-python-notebooks,
# 6.4-sequence-processing-with-convnets.ipynb, Keras 2.0.8): a different run from the book's.
NOTEBOOK: dict[str, dict[str, dict[int, float]]] = {
    "imdb-conv1d-as-printed": {
        "loss": dict(
            enumerate((0.7713, 0.6631, 0.6142, 0.5156, 0.4029, 0.3455, 0.3078, 0.2812, 0.2554, 0.2356), start=1)
        ),
        "accuracy": dict(
            enumerate((0.5287, 0.6775, 0.7580, 0.8124, 0.8469, 0.8653, 0.8634, 0.8535, 0.8334, 0.8052), start=1)
        ),
        "validation_accuracy": dict(
            enumerate((0.5970, 0.6646, 0.7118, 0.7736, 0.8358, 0.8382, 0.8240, 0.8098, 0.7878, 0.7600), start=1)
        ),
    },
    "jena-conv1d": {
        "validation_mae": dict(
            enumerate(
                (
                    *(0.4331, 0.4252, 0.4371, 0.4271, 0.4420, 0.4774, 0.4484, 0.4446, 0.4728, 0.4370),
                    *(0.4472, 0.4499, 0.4428, 0.4471, 0.4597, 0.4420, 0.4462, 0.4486, 0.4558, 0.4512),
                ),
                start=1,
            )
        )
    },
    "jena-conv1d-gru": {
        "validation_mae": dict(
            enumerate(
                (
                    *(0.3030, 0.2864, 0.2841, 0.2730, 0.2757, 0.2819, 0.2787, 0.2920, 0.2919, 0.2772),
                    *(0.2801, 0.2807, 0.2855, 0.2858, 0.2834, 0.2917, 0.2944, 0.2923, 0.2910, 0.2952),
                ),
                start=1,
            )
        )
    },
}
