"""The pictures of a run: whether they fit the model, before it starts."""

from sw.data import DataError, Dataset, Skip, has_split, load
from sw.model import ModelConfig
from sw.train.errors import TrainError


def check_data(folder: str, data: Dataset, model: ModelConfig) -> None:
    """Refuse data with another number of classes, or other pictures, than the model's.

    Raises
    ------
    TrainError
    """
    names, size = data.class_names, data.images.shape[1:3]
    if len(names) != model.classes:
        shown = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
        raise TrainError(
            f"{folder}: {len(names)} classes ({shown}), the model has {model.classes}; "
            f"give other data or --classes {len(names)}"
        )
    if size != (model.image, model.image):
        raise TrainError(
            f"{folder}: pictures of {size[1]}x{size[0]}, the model takes "
            f"{model.image}x{model.image}; give other data or another --image"
        )


def test_pictures(folder: str, classes: tuple[str, ...], model: ModelConfig,
                  skip: Skip | None) -> Dataset | None:  # fmt: skip
    """The test pictures beside training pictures of ``classes``; None of a folder that has none.

    Raises
    ------
    DataError, TrainError
        If they cannot be read, are none, or have other classes: before a run, not behind it.
    """
    if not has_split(folder, "test"):
        return None
    test = load(folder, "test", model.image, skip)
    check_data(folder, test, model)
    if test.class_names != classes:
        raise TrainError(
            f"{folder}: the test pictures' classes are {', '.join(test.class_names)}, those of the "
            f"training pictures {', '.join(classes)}; they must be the same"
        )
    if not len(test):
        raise DataError(f"{folder}: the test split holds no picture")
    return test
