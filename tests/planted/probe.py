import sys,time
from tests.planted.test_planted import *
for name in sys.argv[1:] or sorted(BUGS):
    bug=BUGS[name]; application=load(bug.app); t=time.perf_counter(); caught=None
    with plant(name):
        for seed in range(SEEDS):
            seen=verdicts(prepared(bug.scenario,bug.app,seed),application)
            if seen[bug.caught_by].status=='fails': caught=seed; break
    print(f"{name:40} {bug.scenario}/{bug.app} {bug.caught_by} caught at {caught} {time.perf_counter()-t:.1f}s", '' if caught is not None else [v.name for v in seen.values() if v.status!='holds'],flush=True)
