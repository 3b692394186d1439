"""From a finished run and footage of new cameras to the configuration of a run that adapts the models to them."""
