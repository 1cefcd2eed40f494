"""Models that were trained elsewhere: their samples are read, scored and added to a leaderboard."""
