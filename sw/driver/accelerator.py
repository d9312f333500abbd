"""The handle: load a network once, then run pictures; the same calls for every backend."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from inspect import signature
from pathlib import Path
from types import TracebackType

import numpy as np

from hw.spec.configuration import DEFAULT_CONFIGURATION, Configuration, find_configuration
from sw.compiler.packed import PackedNetwork
from sw.driver.errors import DriverError
from sw.driver.transport import Identity, Transport
from sw.files import InputError, load_model


class Accelerator(ABC):
    """A network on a backend; made by :meth:`open`, closed by :meth:`close` or ``with``.

    Attributes
    ----------
    configuration : Configuration
        Sizes of the accelerator; the golden backend, which has none, computes the same anyway.
    packed : PackedNetwork or None
        The network that is loaded.
    batch : int
        Pictures that a device takes at a time.
    cycles : list of int
        Clock cycles of every picture of the last :meth:`run`, in a batch its share of them; empty
        for backends without a clock.
    """

    def __init__(self, configuration: Configuration, batch: int = 1) -> None:
        self.configuration = configuration
        self.batch = batch
        self.packed: PackedNetwork | None = None
        self.cycles: list[int] = []
        self._closed = False

    @staticmethod
    def open(
        backend: str = "golden",
        configuration: str | Configuration = DEFAULT_CONFIGURATION,
        batch: int = 1,
        **options,
    ) -> Accelerator:
        """A handle of the backend of that name.

        A device is connected to when it is first needed: a network that does not fit is refused
        before a simulator is built.

        Parameters
        ----------
        backend : str
            A key of :data:`BACKENDS`: ``golden`` (the integer model in PyTorch), ``sim`` (the
            gateware in Verilator), or ``serial:PORT`` (a board; ``serial:PORT?baud=RATE``).
        configuration : str or Configuration
            A key of :data:`hw.spec.configuration.CONFIGURATIONS`, or sizes of your own.
        batch : int
            Pictures that a device takes at a time: more of them a second, as weights are fetched
            once for all, and each later.  The last ones of a :meth:`run` may be fewer, and take as
            long.  Golden's results are the same with any.
        options
            Of the backend: those of :class:`sw.driver.sim.SimTransport` for ``sim`` (``memory``,
            ...), of :class:`sw.driver.serial.SerialTransport` for ``serial``, none for ``golden``.

        Raises
        ------
        InputError, ConfigurationError
            For an unknown backend, configuration or option; lists the known ones.
        """
        name, colon, address = backend.partition(":")
        if name not in BACKENDS:
            raise InputError(f"backend {backend!r}: unknown; choose one of {', '.join(BACKENDS)}")
        if colon:
            options["address"] = address
        if isinstance(configuration, str):
            configuration = find_configuration(configuration)
        if batch < 1:
            raise InputError(f"batch={batch}: take at least 1 picture at a time")
        return BACKENDS[name](configuration, batch, **options)

    def load(self, model: str | Path | PackedNetwork) -> None:
        """Makes a network ready to run; replaces the one before.

        Parameters
        ----------
        model : str, Path or PackedNetwork
            A packed file, a shipped model's name, or a packed network.

        Raises
        ------
        InputError, PackedImageError, ScheduleError
            For a model that cannot be read, or does not fit the configuration.
        IdentityError
            For a device of another contract or configuration; nothing was sent to it.
        DriverError
            For a device that fails.
        """
        self._check_usable()
        packed = model if isinstance(model, PackedNetwork) else load_model(str(model))
        self.packed = None
        self._load(packed)
        self.packed = packed

    def run(self, images: np.ndarray) -> np.ndarray:
        """Logits of pictures, one after another in the order given.

        Parameters
        ----------
        images : uint8 array (N, H, W, 3)
            RGB pixels 0..255 of the model's size: H = W = ``packed.model.image``.  Normalisation
            is part of the network.

        Returns
        -------
        int64 array (N, classes)
            Raw logits; real ones are these times ``packed.scalars["logit_scale"]``.

        Raises
        ------
        InputError
            For an array of another type or shape.
        DriverError
            If no network is loaded, or the device fails (``DeviceTimeout``, ``DeviceError``).
        """
        self._check_images(images)
        self.cycles = []
        if not len(images):
            return np.empty((0, self.packed.model.classes), np.int64)
        return self._run(images)

    def trace(self, image: np.ndarray) -> dict[str, np.ma.MaskedArray]:
        """Runs one picture; every named tensor of the network, in order of computation.

        Parameters
        ----------
        image : uint8 array (H, W, 3)
            As one of :meth:`run`'s.

        Returns
        -------
        dict
            Name (``stage1.block0.attention.q``) to raw integers (token, channel), or (head, query,
            key) for attention; elements that the backend does not show are masked.

        Raises
        ------
        InputError, DriverError
            As :meth:`run`; DriverError for a device that shows no tensors.
        """
        images = np.asarray(image)[None]
        self._check_images(images)
        self.cycles = []
        return self._trace(images)

    def _check_images(self, images: np.ndarray) -> None:
        """Raises what :meth:`run` raises before it computes."""
        self._check_usable()
        if self.packed is None:
            raise DriverError("run: no network is loaded; call load(model) first")
        size = self.packed.model.image
        if (
            not isinstance(images, np.ndarray)
            or images.dtype != np.uint8
            or images.ndim != 4
            or images.shape[1:] != (size, size, 3)
        ):
            got = (
                f"{images.dtype} {images.shape}"
                if isinstance(images, np.ndarray)
                else type(images).__name__
            )
            raise InputError(
                f"images are {got}; the model takes a numpy array, uint8 (N, {size}, {size}, 3)"
            )

    @abstractmethod
    def _load(self, packed: PackedNetwork) -> None:
        """Makes `packed` ready to run."""

    @abstractmethod
    def _run(self, images: np.ndarray) -> np.ndarray:
        """As :meth:`run`, for one or more pictures that were checked; appends to `cycles`."""

    @abstractmethod
    def _trace(self, images: np.ndarray) -> dict[str, np.ma.MaskedArray]:
        """As :meth:`trace`, for one picture (1, H, W, 3) that was checked."""

    @abstractmethod
    def identity(self) -> Identity:
        """Contract, configuration, geometry and gateware of what runs the network."""

    @abstractmethod
    def counters(self) -> dict[str, int]:
        """Registers by name (:data:`hw.spec.registers.REGISTERS`) after the last picture."""

    @abstractmethod
    def reset(self) -> None:
        """Makes the backend usable again after an error; the network stays loaded."""

    def close(self) -> None:
        """Gives the device back; again does nothing."""
        self._closed = True

    def _check_usable(self) -> None:
        """Raises DriverError where nothing can be loaded or run."""
        self._check_open()

    def _check_open(self) -> None:
        if self._closed:
            raise DriverError("the accelerator is closed; open another one")

    def __enter__(self) -> Accelerator:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _golden(configuration: Configuration, batch: int, **options) -> Accelerator:
    from sw.driver.golden import Golden

    if options:
        raise InputError(f"backend golden: takes no option {', '.join(options)}")
    return Golden(configuration, batch)


def _sim(configuration: Configuration, batch: int, **options) -> Accelerator:
    from sw.driver.sim import SimTransport

    return _device("sim", SimTransport, configuration, batch, options)


def _serial(configuration: Configuration, batch: int, **options) -> Accelerator:
    from sw.driver.serial import SerialTransport, parse_address

    parse_address(options.get("address", ""))
    if "memory" in options:
        raise InputError(
            f"backend serial: memory={options['memory']} is for the backend sim; "
            "a board has its own"
        )
    return _device("serial", SerialTransport, configuration, batch, options)


def _device(
    name: str,
    transport: Callable[..., Transport],
    configuration: Configuration,
    batch: int,
    options: dict,
) -> Accelerator:
    """The handle of a device that a transport of these options connects to, later."""
    from sw.driver.device import Device

    try:
        signature(transport).bind(configuration, **options)
    except TypeError as error:
        raise InputError(
            f"backend {name}: {error}; see {transport.__module__}.{transport.__name__}"
        ) from None
    return Device(configuration, lambda c: transport(c, **options), batch)


BACKENDS: dict[str, Callable[..., Accelerator]] = {
    "golden": _golden,
    "sim": _sim,
    "serial": _serial,
}
"""Backend name to what makes its handle from a configuration, a batch and the backend's options."""
