"""Writes quality.json: numbers of NumPy, SciPy and scikit-learn for the measures of src/quality.

    python make.py        needs numpy, scipy, scikit-learn
"""

import json
from pathlib import Path

import numpy as np
import scipy.linalg
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import adjusted_rand_score
from sklearn.metrics.pairwise import polynomial_kernel
from sklearn.neighbors import KNeighborsClassifier

CLASSES, COLS = 6, 10


def draw(rng, centres, mixes, per_class):
    """`per_class` rows of each class, each class a Gaussian of its own shape, in turn; four decimals."""
    labels = np.arange(per_class * CLASSES) % CLASSES
    noise = rng.normal(size=(len(labels), 1, COLS))
    rows = centres[labels] + (noise @ mixes[labels])[:, 0]
    return np.round(rows, 4), labels


def probe(train, labels, test, truth, strength):
    """Accuracy and probabilities of scikit-learn's multinomial regression at the optimum."""
    model = LogisticRegression(C=strength, tol=1e-10, max_iter=100_000).fit(train, labels)
    return {
        "strength": strength,
        "accuracy": model.score(test, truth),
        "predicted": model.predict(test).tolist(),
    }


def frechet_by_root(a, b):
    """The textbook form, by a matrix square root."""
    s, t = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = scipy.linalg.sqrtm(s @ t)
    return float(((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(s + t - 2 * root.real))


def frechet_by_singular_values(a, b):
    """The same for covariances without full rank, where a square root loses digits."""
    x = (a - a.mean(0)) / np.sqrt(len(a) - 1)
    y = (b - b.mean(0)) / np.sqrt(len(b) - 1)
    shared = scipy.linalg.svdvals(x @ y.T).sum()
    return float(((a.mean(0) - b.mean(0)) ** 2).sum() + (x**2).sum() + (y**2).sum() - 2 * shared)


def mmd(a, b):
    """Unbiased, with the kernel of KID."""
    among = lambda x: (lambda k: (k.sum() - np.trace(k)) / (len(x) * (len(x) - 1)))(polynomial_kernel(x, degree=3))
    return float(among(a) + among(b) - 2 * polynomial_kernel(a, b, degree=3).mean())


def manifold(real, other, k):
    """Coverage and density (Naeem et al. 2020, eqs. 5 and 6)."""
    distance = lambda a, b: np.sqrt(((a[:, None] - b[None]) ** 2).sum(-1))
    radii = np.sort(distance(real, real), axis=1)[:, k]
    inside = distance(real, other) < radii[:, None]
    return {"k": k, "coverage": float(inside.any(1).mean()), "density": float(inside.sum(0).mean() / k)}


def main():
    rng = np.random.default_rng(20)
    centres = rng.normal(scale=1.1, size=(CLASSES, COLS))
    mixes = rng.normal(scale=0.35, size=(CLASSES, COLS, COLS)) + 0.5 * np.eye(COLS)
    train, labels = draw(rng, centres, mixes, 30)
    test, truth = draw(rng, centres, mixes, 70)
    two, two_test = labels < 2, truth < 2
    cuts = [rng.integers(-1, 6, 200), rng.integers(0, 9, 200)]
    cuts[1][:120] = cuts[0][:120]
    knn = KNeighborsClassifier(1).fit(train, labels)
    numbers = {
        "columns": COLS,
        "train": train.ravel().tolist(),
        "labels": labels.tolist(),
        "test": test.ravel().tolist(),
        "truth": truth.tolist(),
        "probe": [probe(train, labels, test, truth, c) for c in (0.01, 1.0, 100.0)],
        "probe_of_two": probe(train[two], labels[two], test[two_test], truth[two_test], 1.0),
        "nearest": knn.predict(test).tolist(),
        "frechet": frechet_by_root(train, test),
        "frechet_of_seven": frechet_by_singular_values(train[:7], test),
        "mmd": mmd(train, test),
        "mmd_of_seven": mmd(train[:7], test),
        "manifold": [manifold(test, train, 5), manifold(test, train[:7], 5), manifold(train, train[:40], 3)],
        "partitions": [cut.tolist() for cut in cuts],
        "rand_index": adjusted_rand_score(*cuts),
    }
    Path(__file__).with_name("quality.json").write_text(json.dumps(numbers) + "\n")
    print({key: value for key, value in numbers.items() if isinstance(value, float)}, numbers["manifold"])
    print([p["accuracy"] for p in numbers["probe"]], numbers["probe_of_two"]["accuracy"])


main()
