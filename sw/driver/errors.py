"""What a device can end with; bad input (a wrong file, picture or option) is no DriverError."""


class DriverError(RuntimeError):
    """A device that did not do what it was asked to; the message is one line."""


class DeviceTimeout(DriverError):
    """The device did not finish within its limit of clock cycles."""


class DeviceError(DriverError):
    """The device finished, or answered, and what it gave cannot be right."""


class IdentityError(DriverError):
    """The device is of another contract or configuration than this software; nothing was sent."""
