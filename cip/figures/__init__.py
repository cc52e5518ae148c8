"""Result in, Plotly figure (a plain dict) out: pure, one module per insight."""
