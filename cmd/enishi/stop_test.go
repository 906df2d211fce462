package main

import (
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

// both wants that a replica with a mail server of its own sends, and is not alone.
func both(t *testing.T, mails *mailsim.Server, x *mixedSend) {
	t.Helper()
	x.mu.Lock()
	defer x.mu.Unlock()
	all := 0
	for i := 1; i < x.total; i += 2 {
		all += x.got[address(i)]
	}
	if n := int(mails.Count()); n == 0 || n >= all {
		t.Fatalf("one replica sent %d of %d mails: both should", n, all)
	}
}

// stopped stops everything, does something meanwhile, and lets it go on.
func (x *mixedSend) stopped(meanwhile func()) {
	x.t.Helper()
	answer := x.enishi("sending", "stop", "--reason", "誤配信")
	at := time.Now()
	id := strings.TrimSuffix(strings.Fields(answer)[1], ":")
	<-time.After(2 * time.Second) // from now on nothing may leave
	then := x.seen()
	if then >= x.total {
		x.t.Fatalf("all %d had left before the stop", then)
	}
	x.addsUp("stopped", then)
	meanwhile()
	x.addsUp("still stopped", then)
	x.mu.Lock()
	if n := x.n; n != then || x.last.After(at.Add(2*time.Second)) {
		x.t.Errorf("%d were handed over while everything was stopped, the last %s after the stop", n-then, x.last.Sub(at))
	}
	x.mu.Unlock()
	x.enishi("sending", "resume", id)
}
