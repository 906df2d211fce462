package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	mailsim "enishi/internal/sim/mail"
)

// TestEmergencyStop stops everything in the middle of a mixed send, kills the process, and lets it go on: nothing is handed
// over later than 2 s after the answer, what is held and what has ended add up to the total, the stop survives the kill, no LINE
// message and no mail comes twice, and the ledger says what the providers saw.
func TestEmergencyStop(t *testing.T) {
	if testing.Short() {
		t.Skip("kills real processes")
	}
	x := openMixed(t, 6_000)
	x.decide()
	x.reaches(x.total / 6)
	x.stopped(func() {
		x.kill()
		x.launch()
		x.waitReady()
	})
	x.reaches(x.total / 2)
	x.kill()
	x.launch()
	x.waitReady()
	x.finishes(2 * time.Minute)
	x.check(2 * mixedConnections())
}

// TestEmergencyStopOfReplicas is the same with two replicas that both send: one is asked, both stop.
func TestEmergencyStopOfReplicas(t *testing.T) {
	if testing.Short() {
		t.Skip("starts real processes")
	}
	x := openMixed(t, 6_000)
	env, mails := x.providers(t)
	other := start(t, env, "--data", t.TempDir(), "--kafka", x.broker, "--clickhouse", "http://"+x.engine, "--keys", x.dir+"/keys")
	shares(t, "both replicas fold", 20*time.Second, map[*server]int{x.server: 4, other: 4})
	x.decide()
	x.reaches(x.total / 6)
	both(t, mails, x)
	x.stopped(func() {})
	x.finishes(2 * time.Minute)
	x.check(0)
}

// both waits until a replica with a mail server of its own has sent, and not alone. Each has messages of its own: as long as one has not begun, they have not all left.
func both(t *testing.T, mails *mailsim.Server, x *mixedSend) {
	t.Helper()
	eventually(t, time.Minute, "both replicas send", func() error {
		x.mu.Lock()
		defer x.mu.Unlock()
		all := 0
		for i := 1; i < x.total; i += 2 {
			all += x.got[address(i)]
		}
		if n := int(mails.Count()); n == 0 || n >= all {
			return fmt.Errorf("one replica sent %d of %d mails", n, all)
		}
		return nil
	})
}

// stopped stops everything, does something meanwhile, and lets it go on.
func (x *mixedSend) stopped(meanwhile func()) {
	x.t.Helper()
	for try := 1; ; try++ {
		answer := x.enishi("sending", "stop", "--reason", "誤配信")
		at := time.Now()
		id := strings.TrimSuffix(strings.Fields(answer)[1], ":")
		<-time.After(2 * time.Second) // from now on nothing may leave
		then := x.seen()
		if then >= x.total {
			x.t.Fatalf("all %d had left before the stop", then)
		}
		x.addsUp("stopped")
		x.mu.Lock()
		n, took := x.n, x.last.Sub(at)
		x.mu.Unlock()
		x.t.Logf("the last was handed over %s after the stop", took.Round(time.Millisecond))
		if n != then && try < 3 { // on a machine that does much else the 2 s may have passed for who answers, too
			x.enishi("sending", "resume", id)
			x.reaches(n + x.total/20)
			continue
		}
		meanwhile()
		x.addsUp("still stopped")
		x.mu.Lock()
		if x.n != then || x.last.After(at.Add(2*time.Second)) {
			x.t.Errorf("%d were handed over while everything was stopped, the last %s after the stop", x.n-then, x.last.Sub(at))
		}
		x.mu.Unlock()
		x.enishi("sending", "resume", id)
		return
	}
}
