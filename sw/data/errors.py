"""The one error type of the data loaders."""


class DataError(ValueError):
    """A folder or picture that cannot be read as a data set; the message is one line."""
