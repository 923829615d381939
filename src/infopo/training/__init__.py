"""Training: loop, loss, checkpoints and the run folder. Import the module you need; this one stays light."""
