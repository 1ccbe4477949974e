"""What the tagger's weights are fitted on."""
