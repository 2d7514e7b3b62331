"""Learning curves carried on: families, their combination, intervals and answers."""

from suffice.forecasting.annotating import AnnotationTime, annotation_time, told_time
from suffice.forecasting.answers import FARTHEST, OUT_OF_REACH, CasesNeeded, Expected, Forecast
from suffice.forecasting.cautions import (
    FEW_DRAWS,
    FEW_SIZES,
    NO_SLOPE,
    NOT_MONOTONE,
    CurveCaution,
    find_cautions,
)
from suffice.forecasting.choosing import Choice, cheapest
from suffice.forecasting.combining import Combination, Voice, combine, measured_points
from suffice.forecasting.exchange import ExchangeRate, exchange_rate
from suffice.forecasting.experience import (
    Experience,
    FamilyExperience,
    read_experience,
    shipped_experience,
)
from suffice.forecasting.families import (
    EXPONENTIAL,
    FAMILIES,
    LOG_LOGISTIC,
    PIECEWISE,
    POWER,
    Family,
)
from suffice.forecasting.fitting import Points, Prior, fit_family
from suffice.forecasting.forecast import forecast
from suffice.forecasting.learning import LibraryCurve, learn_experience, usual_noise
from suffice.forecasting.measured import Measured
from suffice.forecasting.pricing import Price, Rates, price_of
from suffice.forecasting.reading import read_measured
from suffice.forecasting.resolving import Resolution, resolve_target
from suffice.forecasting.stopping import NextCases, next_cases

__all__ = [
    "EXPONENTIAL",
    "FAMILIES",
    "FARTHEST",
    "FEW_DRAWS",
    "FEW_SIZES",
    "LOG_LOGISTIC",
    "NOT_MONOTONE",
    "NO_SLOPE",
    "OUT_OF_REACH",
    "PIECEWISE",
    "POWER",
    "AnnotationTime",
    "CasesNeeded",
    "Choice",
    "Combination",
    "CurveCaution",
    "ExchangeRate",
    "Expected",
    "Experience",
    "Family",
    "FamilyExperience",
    "Forecast",
    "LibraryCurve",
    "Measured",
    "NextCases",
    "Points",
    "Price",
    "Prior",
    "Rates",
    "Resolution",
    "Voice",
    "annotation_time",
    "cheapest",
    "combine",
    "exchange_rate",
    "find_cautions",
    "fit_family",
    "forecast",
    "learn_experience",
    "measured_points",
    "next_cases",
    "price_of",
    "read_experience",
    "read_measured",
    "resolve_target",
    "shipped_experience",
    "told_time",
    "usual_noise",
]
