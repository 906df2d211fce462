package channels

import "time"

// The one place where anything is tried again. Within a round a message is tried for at most Config.MaxWait, unless its
// outcome is in doubt; then the round ends as deferred and the fold decides anew.

// tryPauses are the pauses between tries of one round.
var tryPauses = [...]time.Duration{time.Second, 3 * time.Second, 9 * time.Second, 20 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute}

// roundPauses are the least times until a deferred message is decided again, by round.
var roundPauses = [...]time.Duration{time.Minute, 5 * time.Minute, 10 * time.Minute, 20 * time.Minute, 30 * time.Minute, time.Hour}

// maxRounds ends a message that the provider puts off again and again, after about a day.
const maxRounds = 28

// quotaPause is how long a destination without quota is not asked again.
const quotaPause = 10 * time.Minute

// tryPause is the pause after the n-th try.
func tryPause(n int) time.Duration { return tryPauses[min(max(n, 1), len(tryPauses))-1] }

// roundPause is the least pause after a round.
func roundPause(round int) time.Duration {
	return roundPauses[min(max(round, 1), len(roundPauses))-1]
}
