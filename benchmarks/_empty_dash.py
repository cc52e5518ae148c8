"""The yardstick: a Dash application with one callback that does nothing, and nothing else."""

from __future__ import annotations

from dash import Dash, Input, Output, dcc, html

app = Dash(__name__, enable_mcp=False)
app.layout = html.Div([dcc.Interval(id="tick"), dcc.Store(id="data")])


@app.callback(Output("data", "data"), Input("tick", "n_intervals"))
def empty(_ticks: object) -> int:
    return 1


server = app.server
