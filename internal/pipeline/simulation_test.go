package pipeline

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
)

var seedFlag = flag.Uint64("seed", 0, "the only seed of the simulation to run")

// simulate plays one seed; the error is what a checker found.
func simulate(seed uint64, c *compiler, prepare func(*world)) (found error) {
	w := newWorld(seed, c)
	defer func() {
		switch v := recover().(type) {
		case nil:
		case violation:
			found = fmt.Errorf("seed %d: %s", seed, v.text)
		default:
			panic(v)
		}
	}()
	w.store.unequal = func(table, key, before, after string) {
		if table == "decisions" && !sameProfile(before, after) {
			return // two profiles have a run until an un-merge has come through: at one instant either row may stay, the sender takes one message
		}
		w.violate("a row of %s was written again with other contents: %s\nbefore %q\nafter  %q", table, key, before, after)
	}
	if prepare != nil {
		prepare(w)
	}
	w.run(400)
	w.check()
	return nil
}

// sameProfile: two rows of decisions are of one profile.
func sameProfile(a, b string) bool {
	const profile = 3
	return strings.Split(a, "|")[profile] == strings.Split(b, "|")[profile]
}

// firstSeed is where seeds begin: 1, or ENISHI_FROM.
func firstSeed(t *testing.T) uint64 {
	text := os.Getenv("ENISHI_FROM")
	if text == "" {
		return 1
	}
	from, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("ENISHI_FROM: %v", err)
	}
	return from
}

// TestSimulation plays histories in which anything may fail at any call. A seed is played again by -seed or ENISHI_SEED.
func TestSimulation(t *testing.T) {
	t.Parallel()
	from, n := firstSeed(t), uint64(300)
	if os.Getenv("ENISHI_FULL") != "" {
		n = 1000
	}
	one := *seedFlag
	if text := os.Getenv("ENISHI_SEED"); text != "" {
		one, _ = strconv.ParseUint(text, 10, 64)
	}
	if one > 0 {
		from, n = one, 1
	}
	c := newCompiler()
	for seed := from; seed < from+n; seed++ {
		if err := simulate(seed, c, nil); err != nil {
			t.Errorf("%v\nplay it again: go test ./internal/pipeline -run TestSimulation -seed %d", err, seed)
			return
		}
	}
}

// TestSimulationSweeps plays histories in which an operator pauses, resumes and cancels sweeps and has segments swept again,
// while anything may fail. Nobody comes apart in them.
func TestSimulationSweeps(t *testing.T) {
	t.Parallel()
	seeds := uint64(75)
	if os.Getenv("ENISHI_FULL") != "" {
		seeds = 1000
	}
	c := newCompiler()
	for seed := uint64(1); seed <= seeds; seed++ {
		if err := simulate(seed, c, steered); err != nil {
			t.Fatal(err)
		}
	}
}

// TestSimulationJourneys plays histories with journeys of every kind of node, that are published anew, moved, paused and
// archived while people are in them, beside changing caps, days and holdouts.
func TestSimulationJourneys(t *testing.T) {
	t.Parallel()
	seeds := uint64(60)
	if os.Getenv("ENISHI_FULL") != "" {
		seeds = 1000
	}
	c, tried := newCompiler(), map[string]bool{}
	from, to := uint64(1), seeds
	if *seedFlag > 0 {
		from, to = *seedFlag, *seedFlag
	}
	for seed := from; seed <= to; seed++ {
		err := simulate(seed, c, func(w *world) {
			marketed(w)
			w.trying = tried
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if from == to {
		return
	}
	for _, node := range []string{"tours/say", "tours/again", "echo/say"} {
		if !tried[node] {
			t.Errorf("nobody was sent the message of %s", node)
		}
	}
}

// steered gives a world an operator.
func steered(w *world) { w.operator = rand.New(rand.NewPCG(w.seed, 0x0B)) }

// TestCheckersFind shows that the checkers find what they are there for: each mistake is found within a few seeds.
func TestCheckersFind(t *testing.T) {
	t.Parallel()
	for name, mistake := range map[string]func(*world){
		"the marker is written before the rows": func(w *world) { w.markerFirst = true },
		"memory is kept after a torn batch":     func(w *world) { w.faults.keepTorn = true },
		"run ids are random":                    func(w *world) { w.faults.randomRuns = true },
		"timers act early":                      func(w *world) { w.faults.earlyTimers = true },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const seeds = 200
			c := newCompiler()
			for seed := uint64(1); seed <= seeds; seed++ {
				if err := simulate(seed, c, mistake); err != nil {
					t.Logf("found: %.300v", err)
					return
				}
			}
			t.Errorf("%d seeds found nothing", seeds)
		})
	}
}
