package channels

import "time"

// The one place where anything is tried again. Within a round a message is tried for at most Config.MaxWait, unless its
// outcome is in doubt; then the round ends as deferred and the fold decides anew.

// tryPauses are the pauses between tries of one round.
var tryPauses = [...]time.Duration{time.Second, 3 * time.Second, 9 * time.Second, 20 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute}

// refusedPauses are the least times until a message that was put off for itself is decided again, by round.
var refusedPauses = [...]time.Duration{time.Minute, 5 * time.Minute, 10 * time.Minute, 20 * time.Minute, 30 * time.Minute, time.Hour}

// waitedPauses are the same for one that waited for its destination: short, because what has waited should leave within
// five minutes when the destination is back.
var waitedPauses = [...]time.Duration{time.Minute, 2 * time.Minute, 3 * time.Minute, 4 * time.Minute}

// maxRounds ends a message that is put off for itself again and again. The fold's send-by is earlier as a rule.
const maxRounds = 100

// quotaPause is how long a destination without quota is not asked again.
const quotaPause = 10 * time.Minute

// tryPause is the pause after the n-th try.
func tryPause(n int) time.Duration { return tryPauses[min(max(n, 1), len(tryPauses))-1] }

// roundPause is the least pause after a round.
func roundPause(round int, refused bool) time.Duration {
	if n := max(round, 1) - 1; refused {
		return refusedPauses[min(n, len(refusedPauses)-1)]
	} else {
		return waitedPauses[min(n, len(waitedPauses)-1)]
	}
}
