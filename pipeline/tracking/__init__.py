"""Tracking of people within one camera, and the choice of the crops that become tracklets; nothing here learns."""
