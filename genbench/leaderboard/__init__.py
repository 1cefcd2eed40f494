"""The leaderboard: rows in Parquet, one file a run, and the tables that are views of them.

Nothing here imports torch.
"""
