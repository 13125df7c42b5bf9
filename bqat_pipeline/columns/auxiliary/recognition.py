"""Columns of what automatic recognition can do with a picture."""

from bqat_pipeline.columns.auxiliary.column import auxiliary

RECOGNITION = (
    auxiliary(
        "utility",
        "float",
        "Estimated probability in percent that recognition matches the picture with a good one of the same person at a false match "
        "rate of 0.1 %; trees over other columns, learned from what a recognition network does with damaged pictures. "
        "Masks and dark glasses are under-rated.",
        unit="0..100",
        low=0,
        high=100,
        direction="higher",
        label="Utility for recognition",
    ),
)
