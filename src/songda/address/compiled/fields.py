"""The fields that a text is read into, in the order of the columns."""

from __future__ import annotations

VILLAGE, GROUP, ROAD, ROAD_NO, POI, BUILDING, UNIT, FLOOR, ROOM, LANDMARK, NOISE = range(11)
FIELDS = 11
