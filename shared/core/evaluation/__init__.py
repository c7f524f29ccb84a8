"""How good is a candidate: graders, scores, statistics, verdict."""
