import benchmarks as benchmarks
import losses as losses
import nn as nn
import train as train
from benchmarks import METHODS as METHODS
from benchmarks import SUITES as SUITES
from benchmarks import Candidate as Candidate
from benchmarks import Comparison as Comparison
from benchmarks import Finding as Finding
from benchmarks import Method as Method
from benchmarks import Row as Row
from benchmarks import Scenario as Scenario
from benchmarks import Verdict as Verdict
from benchmarks import compare as compare

__version__: str
