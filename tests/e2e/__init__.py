"""The main job, whole: real servers, a real browser, a phone that shares no code with the gate."""
