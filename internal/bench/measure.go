package main

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"runtime/pprof"
	"slices"
	"strconv"
	"syscall"
	"time"
)

// usage is what the process has used so far.
type usage struct {
	cpu     time.Duration // user and system
	wall    time.Time
	written int64 // bytes to the disk
}

func used() usage {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(fmt.Sprintf("getrusage: %v", err)) // it has no way to fail
	}
	return usage{time.Duration(u.Utime.Nano() + u.Stime.Nano()), time.Now(), procNumber("/proc/self/io", "write_bytes:")}
}

// procNumber reads a number from a file of /proc; 0 when it is not there.
func procNumber(file, name string) int64 {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	for line := range bytes.Lines(text) {
		fields := bytes.Fields(line)
		if len(fields) >= 2 && string(fields[0]) == name {
			n, _ := strconv.ParseInt(string(fields[1]), 10, 64) // the kernel wrote it
			return n
		}
	}
	return 0
}

// slice is what a short piece of work took.
type slice struct {
	ops     int
	cpu     time.Duration
	wall    time.Duration
	busy    time.Duration // the part of wall in which the work was done, where a slice also waits; 0: all
	written int64
	syncs   int64
	logged  int64 // bytes that the log grew by
	stored  int64 // bytes of profile states
}

// measured runs work and adds what it took to the slice that work returns, unless the slice says so: it is another process's.
func measured(work func() (slice, error)) (slice, error) {
	runtime.GC() // nobody pays for what another slice left
	from := used()
	s, err := work()
	to := used()
	if s.cpu == 0 {
		s.cpu, s.wall, s.written = to.cpu-from.cpu, to.wall.Sub(from.wall), to.written-from.written
	}
	return s, err
}

func (s *slice) perOp() float64 { return float64(s.cpu.Nanoseconds()) / 1e3 / float64(s.ops) }

func (s *slice) rate() float64 {
	if s.busy > 0 {
		return float64(s.ops) / s.busy.Seconds()
	}
	return float64(s.ops) / s.wall.Seconds()
}

// alternate runs slices of A and B in turn; every second round begins with B. What prepare does before a round is not
// measured; it may be nil.
func (b *bench) alternate(prepare func(round int) error, a, product func(round int) (slice, error)) (as, bs []slice, err error) {
	for round := range b.rounds {
		if prepare != nil {
			if err := prepare(round); err != nil {
				return nil, nil, fmt.Errorf("prepare round %d: %w", round+1, err)
			}
		}
		one := func(bare bool) error {
			if bare {
				s, err := measured(func() (slice, error) { return a(round) })
				as = append(as, s)
				return err
			}
			stop, err := b.profile(round)
			if err != nil {
				return err
			}
			defer stop()
			s, err := measured(func() (slice, error) { return product(round) })
			bs = append(bs, s)
			return err
		}
		for _, bare := range [2]bool{round%2 == 0, round%2 != 0} {
			if err := one(bare); err != nil {
				return nil, nil, fmt.Errorf("round %d: %w", round+1, err)
			}
		}
	}
	return as, bs, nil
}

// profile writes a CPU profile of one slice when that is asked for.
func (b *bench) profile(round int) (stop func(), err error) {
	if b.cpuprofile == "" {
		return func() {}, nil
	}
	f, err := os.Create(fmt.Sprintf("%s.%d", b.cpuprofile, round+1))
	if err != nil {
		return nil, fmt.Errorf("write a CPU profile: %w", err)
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		f.Close()
		return nil, fmt.Errorf("write a CPU profile: %w", err)
	}
	return func() {
		pprof.StopCPUProfile()
		f.Close()
	}, nil
}

// median of values; 0 when there are none.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	v := slices.Sorted(slices.Values(values))
	if n := len(v); n%2 == 0 {
		return (v[n/2-1] + v[n/2]) / 2
	}
	return v[len(v)/2]
}

// quantile of sorted values.
func quantile[T any](sorted []T, q float64) T {
	var zero T
	if len(sorted) == 0 {
		return zero
	}
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))]
}

func each(list []slice, get func(*slice) float64) []float64 {
	out := make([]float64, len(list))
	for i := range list {
		out[i] = get(&list[i])
	}
	return out
}

// ratios are CPU(B)/CPU(A) of each round.
func ratios(as, bs []slice) []float64 {
	out := make([]float64, min(len(as), len(bs)))
	for i := range out {
		out[i] = bs[i].perOp() / as[i].perOp()
	}
	return out
}

// compare prints a stage and judges it: limit is the most that CPU(B)/CPU(A) may be.
func (b *bench) compare(name, unit string, as, bs []slice, limit float64) {
	all := ratios(as, bs)
	ratio := median(all)
	digits := 2
	if limit < 0.1 {
		digits = 4
	}
	b.printf("  %-28s A %8.2f  B %8.2f CPU us/%s   B/A %.*f (%.*f - %.*f), gate %.*f %s\n", name, median(each(as, (*slice).perOp)), median(each(bs, (*slice).perOp)), unit,
		digits, ratio, digits, slices.Min(all), digits, slices.Max(all), digits, limit, b.verdict(name, ratio <= limit))
	b.printf("  %-28s A %8.0f  B %8.0f %s/s, this machine, now\n", "", median(each(as, (*slice).rate)), median(each(bs, (*slice).rate)), unit)
	b.printf("  %-28s A/B of each round:", "")
	for i := range all {
		b.printf(" %.1f/%.1f", as[i].perOp(), bs[i].perOp())
	}
	b.printf("\n")
	for _, x := range [2]struct {
		name string
		list []slice
	}{{"A", as}, {"B", bs}} {
		per := func(get func(*slice) int64) float64 {
			return median(each(x.list, func(s *slice) float64 { return float64(get(s)) * 1000 / float64(s.ops) }))
		}
		if per(func(s *slice) int64 { return s.syncs }) > 0 {
			b.printf("  %-28s %s: %.1f fsyncs, %.0f KB to the log, %.0f KB of states, %.0f KB to the disk for 1,000 %ss\n", "", x.name, per(func(s *slice) int64 { return s.syncs }),
				per(func(s *slice) int64 { return s.logged })/1024, per(func(s *slice) int64 { return s.stored })/1024, per(func(s *slice) int64 { return s.written })/1024, unit)
		}
	}
}

// goal prints a figure that has a limit of its own.
func (b *bench) goal(name string, value float64, unit string, limit float64) {
	b.printf("  %-28s %.2f %s, goal <= %.2f %s\n", name, value, unit, limit, b.verdict(name, value <= limit))
}

// least is goal for figures that should be high.
func (b *bench) least(name string, value float64, unit string, limit float64) {
	b.printf("  %-28s %.0f %s, goal >= %.0f %s\n", name, value, unit, limit, b.verdict(name, value >= limit))
}

func (b *bench) verdict(name string, ok bool) string {
	if ok {
		return "ok"
	}
	b.missed = append(b.missed, name)
	return "MISSED"
}
