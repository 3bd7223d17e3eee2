"""Records on their way to a hub, behind the training's back. Knows no trainer."""
