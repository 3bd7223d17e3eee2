"""Geometry of the charts of the pages; it draws nothing and reads no row.

Horizontal positions are per cent of the width (text such as "34.50%"), vertical ones pixels, so that words keep
their size at every width. A line is an SVG path in a box of 1000 x 1000 units that is stretched
over the plot. Templates under `templates/charts/` turn these values into SVG, each with a title, a finding in
words and a table of the same numbers.
"""

from knowledgebase.core.charts.bars import (
    Growth,
    Panel,
    Ruler,
    Strip,
    bit,
    growth_chart,
    outcome_strip,
    prior_panels,
    ruler,
)
from knowledgebase.core.charts.front import FrontChart, Point, front_chart, front_of
from knowledgebase.core.charts.heat import HeatMap, Plane, heat_map, plane
from knowledgebase.core.charts.lines import LineChart, Series, line_chart
from knowledgebase.core.charts.places import Numbers, Places, places
from knowledgebase.core.charts.scales import (
    FAILURES,
    METHODS,
    STATUSES,
    Tick,
    method_glyph,
    method_tone,
    status_glyph,
    status_tone,
)
from knowledgebase.core.charts.scatter import Dot, Scatter, scatter

__all__ = [
    "FAILURES",
    "METHODS",
    "STATUSES",
    "Dot",
    "FrontChart",
    "Growth",
    "HeatMap",
    "LineChart",
    "Numbers",
    "Panel",
    "Places",
    "Plane",
    "Point",
    "Ruler",
    "Scatter",
    "Series",
    "Strip",
    "Tick",
    "bit",
    "front_chart",
    "front_of",
    "growth_chart",
    "heat_map",
    "line_chart",
    "method_glyph",
    "method_tone",
    "outcome_strip",
    "places",
    "plane",
    "prior_panels",
    "ruler",
    "scatter",
    "status_glyph",
    "status_tone",
]
