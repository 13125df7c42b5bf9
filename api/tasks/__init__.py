"""Tasks and the Dagster runs behind them: launched, followed, ended, cleaned up."""
