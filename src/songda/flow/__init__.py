"""Floor 4: the durable run. One function a stage, in order."""
