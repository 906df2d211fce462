package pipeline

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"enishi"
	"enishi/ingest"
	"enishi/internal/definitions"
	"enishi/internal/stream"
	"enishi/journeys"
)

// world is everything around two or more Folders: the log, the identity graph, the definitions, the tables, the provider of
// messages, and time. One random source decides what happens next, so a seed is a history. I/O may fail before or after it
// took effect, or be the last thing a node does; while a call is under way others may act.
type world struct {
	seed     uint64
	rnd      *rand.Rand
	calm     bool // nothing fails any more
	depth    int  // of what happens within calls
	now      time.Time
	began    time.Time
	parts    int
	log      [][]stream.Record // events
	messages []stream.Record
	graph    *ingest.Graph
	links    int64
	unlinked map[enishi.ID]bool // people that came apart, by customer id's hash
	defs     *definitions.Log
	defNext  int64
	sweeping Sweeping   // as it was said last
	operator *rand.Rand // decides what is done to sweeps; nil: nothing
	marketer *rand.Rand // publishes journeys of every kind; nil: only those of the gallery
	trying   map[string]bool
	compiler *compiler // the worlds of a test share it
	store    *memory
	nodes    []*node
	people   []*person
	gallery  []journeys.GalleryItem // what it has of the ready-made journeys
	shop     shop
	sender   sender

	faults      broken
	zombies     bool // nodes that have lost partitions may not know it; else machines have clocks that are ahead
	markerFirst bool // Save writes the marker before everything else
	trouble     int  // per mille: how often a call fails
}

// violation is what a checker found.
type violation struct{ text string }

func (w *world) violate(format string, args ...any) { panic(violation{fmt.Sprintf(format, args...)}) }

var (
	errInjected = errors.New("injected")
	errDead     = errors.New("the node is dead")
)

func newWorld(seed uint64, c *compiler) *world {
	rnd := rand.New(rand.NewPCG(seed, 0x5EED))
	start := time.Date(2026, 3, 2, 1, 0, 0, 0, time.UTC)
	w := &world{seed: seed, rnd: rnd, now: start, began: start, parts: 2 + rnd.IntN(3), graph: ingest.NewGraph(), unlinked: map[enishi.ID]bool{},
		defs: definitions.NewLog(), compiler: c, store: newMemory(), trouble: []int{0, 5, 20, 60}[rnd.IntN(4)]}
	w.log = make([][]stream.Record, w.parts)
	w.zombies = w.chance(500)
	w.sender = sender{known: map[sendRound]bool{}, sent: map[enishi.ID]int{}}
	w.choose()
	w.populate()
	return w
}

func (w *world) chance(perMille int) bool { return w.rnd.IntN(1000) < perMille }

// node is a process with a Folder.
type node struct {
	w       *world
	name    int
	folder  *Folder
	skew    time.Duration
	seen    int64 // identities that it knows
	owned   []int
	read    map[int]int64
	dead    bool
	folding bool
	ticking bool
	stale   bool // its partitions must be gained
	tasks   []func()
	running int
}

func (w *world) boot() *node {
	n := &node{w: w, name: len(w.nodes), read: map[int]int64{}, skew: time.Duration(w.rnd.IntN(3000)-1500) * time.Millisecond, stale: true}
	f, err := New(Config{Partitions: w.parts, Definitions: w.defs, Merges: n.merges, Append: n.append, Load: n.load, Save: n.save, Now: func() time.Time { return w.now.Add(n.skew) },
		CacheBytes: []int64{1, 20_000, 1 << 20}[w.rnd.IntN(3)], Workers: 1 + w.rnd.IntN(2), flushRows: []int{1, 20, 1000}[w.rnd.IntN(3)], broken: w.faults,
		background: background{start: func(work func()) { n.tasks = append(n.tasks, work) }, wait: n.wait}})
	if err != nil {
		panic(err)
	}
	f.compiler = w.compiler
	if w.operator != nil {
		f.cfg.sweepProfiles = 1 + w.operator.IntN(3)
	}
	n.folder = f
	w.nodes = append(w.nodes, n)
	return n
}

// alive lists the nodes that live.
func (w *world) alive() []*node {
	var out []*node
	for _, n := range w.nodes {
		if !n.dead {
			out = append(out, n)
		}
	}
	return out
}

// rebalance gives the partitions out anew among living nodes. Those who lose some may not know it for a while.
func (w *world) rebalance() {
	if !w.zombies && !w.handOver() {
		return // later
	}
	for len(w.alive()) < 2 || w.chance(200) && len(w.alive()) < 4 && !w.calm {
		w.boot()
	}
	live := w.alive()
	next := map[*node][]int{}
	for p := range w.parts {
		n := live[w.rnd.IntN(len(live))]
		next[n] = append(next[n], p)
	}
	for _, n := range live {
		if w.zombies && !w.calm && w.chance(400) && !slices.Equal(n.owned, next[n]) && len(next[n]) == 0 {
			continue // a zombie: it goes on as before
		}
		n.owned, n.stale = next[n], true // if it is folding it hears of it when its batch is done
	}
}

// handOver lets nodes store what they have in hand, as they do when they hear in time that they lose partitions; false: one is
// in the middle of something.
func (w *world) handOver() bool {
	busy := func(n *node) bool { return n.folding || n.running > 0 }
	for did := true; did; {
		did = false
		for _, n := range w.alive() {
			if busy(n) {
				return false
			}
			for n.work() {
				did = true
			}
		}
	}
	return true
}

// orphans reports whether a partition has no living owner.
func (w *world) orphans() bool {
	for p := range w.parts {
		if !slices.ContainsFunc(w.alive(), func(n *node) bool { return slices.Contains(n.owned, p) }) {
			return true
		}
	}
	return false
}

// meanwhile lets something happen while a call is under way.
func (w *world) meanwhile() {
	if w.calm || w.depth >= 2 || !w.chance(80) {
		return
	}
	w.depth++
	defer func() { w.depth-- }()
	for range 1 + w.rnd.IntN(3) {
		w.step()
	}
}

// step is one thing that happens.
func (w *world) step() {
	live := w.alive()
	if w.orphans() {
		w.rebalance()
		live = w.alive()
	}
	n := live[w.rnd.IntN(len(live))]
	switch k := w.rnd.IntN(100); {
	case k < 26:
		w.visit()
	case k < 32:
		w.lateAppend()
	case k < 58:
		n.fold()
	case k < 66:
		n.tick()
	case k < 71:
		n.checkpoint()
	case k < 80:
		n.work()
	case k < 86:
		w.deliver()
	case k < 92:
		w.pass()
	case k < 95:
		n.seen = w.links
	case k < 96:
		if w.operator == nil {
			w.unlink()
		}
	case k < 97:
		if w.publish(); w.operator != nil {
			w.steerSweeps()
		}
		if w.marketer != nil {
			w.market()
		}
	case k < 98 && w.trouble > 0:
		w.rebalance()
	case k < 99 && w.trouble > 0 && len(live) > 1 && !n.folding && !n.ticking && n.running == 0:
		w.kill(n)
	}
}

// pass lets time go by.
func (w *world) pass() {
	d := []time.Duration{50 * time.Millisecond, time.Second, 20 * time.Second, 10 * time.Minute, 2 * time.Hour}[w.rnd.IntN(5)]
	w.now = w.now.Add(time.Duration(w.rnd.Int64N(int64(d))).Truncate(time.Millisecond))
}

// run plays the busy part of a history, then lets everything come to rest.
func (w *world) run(steps int) {
	w.publishAll()
	w.rebalance()
	for range steps {
		w.step()
	}
	w.settle()
}

// settle stops all trouble and goes on until nothing is left to do for the next days.
func (w *world) settle() {
	w.calm = true
	w.rebalance()
	if w.operator != nil {
		w.releaseSweeps()
	}
	for len(w.shop.late) > 0 {
		w.lateAppend()
	}
	until := w.now.Add(12 * 24 * time.Hour)
	for range 100_000 {
		if w.settleOnce() {
			continue
		}
		due := w.nextDue()
		if due.IsZero() || due.After(until) {
			if w.now.Equal(until) {
				return
			}
			due = until
		}
		w.now = due.Add(2 * time.Second) // whatever the node's skew is
		if w.now.After(until) {
			w.now = until
		}
	}
	w.violate("it does not come to rest")
}

// settleOnce does what is to be done now; false: nothing was.
func (w *world) settleOnce() (did bool) {
	size := func() (n int) {
		for p := range w.log {
			n += len(w.log[p])
		}
		return n + len(w.messages)
	}
	before := size()
	for _, n := range w.alive() {
		n.seen = w.links
		n.tick()
		for {
			behind := n.stale || n.folder.failed()
			for _, p := range n.owned {
				behind = behind || n.read[p] < int64(len(w.log[p]))
			}
			if !behind {
				break
			}
			n.fold()
			did = true
		}
		n.checkpoint()
		for n.work() {
		}
	}
	for w.deliver() {
		did = true
	}
	for _, n := range w.alive() {
		if len(n.owned) > 0 && n.folder.Busy() && before == size() {
			n.tick()
		}
	}
	return did || size() != before
}

// nextDue is the earliest instant at which something stored is due; everything is stored.
func (w *world) nextDue() time.Time {
	var at time.Time
	for _, d := range w.store.due {
		if !d.At.IsZero() && d.At.After(w.now) && (at.IsZero() || d.At.Before(at)) {
			at = d.At
		}
	}
	return at
}
