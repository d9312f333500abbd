"""Sites for block RAMs and multipliers, before nextpnr places the rest.

nextpnr's static placer finds where block RAMs would like to be and then takes the nearest free site
for one after the other; where a design uses nearly all of them, the last ones end on the other side
of the device, and the logic follows.  Here a rough placement of everything (`spread`) and an
optimal assignment (`floorplan`) give each RAM and multiplier its site first.
"""

from bitstreams.floorplan.floorplan import floorplan

__all__ = ["floorplan"]
