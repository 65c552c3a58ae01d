"""Anomaly grounding: find the span of a video that was altered."""

from videossr_anomaly.anomaly import Anomaly, AnomalyConfig, plugin

__all__ = ["Anomaly", "AnomalyConfig", "plugin"]
