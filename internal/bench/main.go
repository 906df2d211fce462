// Command bench measures the stages of the product against bare twins of them: the same work on the same data without our
// logic. See docs/performance.md.
//
// A stage alternates short slices of the twin (A) and of the product (B) in this one process. What it is judged by is the
// median over the rounds of CPU(B)/CPU(A), where CPU is all that the process used, the embedded broker and engine included:
// rates swing with the neighbours of a machine, and that ratio hardly does. Each slice checks that it did all of its work.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"time"
)

// options are the flags.
type options struct {
	rounds     int
	profiles   int
	stored     int
	rows       int
	facts      int
	rate       int
	people     int
	seconds    int
	cacheMB    int
	byTable    bool
	dir        string
	cpuprofile string
}

// stage is one thing that is measured.
type stage struct {
	name, about string
	run         func(context.Context, *bench) error
}

func stages() []stage {
	return []stage{
		{"pipeline", "topics -> committed profile state, facts and effects", runPipeline},
		{"latency", "an event posted to the collector -> its message handed over", runLatency},
		{"start", "a data folder with stored profiles -> ready, and its memory at idle", runStart},
		{"identity", "links -> the identity graph, its memory and its start", runIdentity},
		{"collector", "product views over HTTP to the log", runCollector},
		{"import", "files of a till and of a shop system to the log", runImport},
		{"segments", "100 live segments for a touched profile", runSegments},
		{"recompute", "segments over all people from the fact tables against SQL written by hand", runRecompute},
		{"preview", "previews of a segment while somebody types", runPreview},
		{"sweep", "a new segment for all stored profiles, and live events meanwhile", runSweep},
		{"steps", "steps of a journey, durable", runSteps},
		{"waiting", "steps of a journey of people who wait in it among a million others", runWaiting},
		{"temporal", "the same journey as workflows of Temporal", runTemporal},
		{"timers", "100,000 timers due in one second -> all folded and stored", runTimers},
		{"membership", "windows that end -> their changes folded", runMembership},
		{"mail", "personalised mails to a relay", runMail},
		{"line", "messages to LINE, alone and in groups", runLINE},
		{"broadcast", "a broadcast to everybody stored -> decided, and handed to LINE in groups", runBroadcast},
		{"simulate", "a journey tried on a year of everybody's past", runSimulate},
		{"postal", "addresses, print houses' files and PDFs of direct mail", runPostal},
		{"direct", "social messages, SMS and notifications to their services", runDirect},
		{"audiences", "segments told to Google and Meta, at first and after a day", runAudiences},
		{"reads", "a person's page and a look-up by an identifier, among all stored people", runReads},
		{"reports", "reports against bare SQL on the same tables", runReports},
	}
}

// bench is one run: its flags, where it prints, and what it missed.
type bench struct {
	options
	out    io.Writer
	missed []string
}

func main() {
	var b bench
	b.out = os.Stdout
	var only string
	var gate bool
	flag.StringVar(&only, "stage", "", "one stage, or several with commas; empty: all")
	flag.BoolVar(&gate, "gate", false, "end with code 1 when a gate or a goal is missed")
	flag.IntVar(&b.rounds, "rounds", 9, "rounds of A and B; 3 for a quick look")
	flag.IntVar(&b.profiles, "profiles", 200_000, "people of the standard mix, 5 events each, over all rounds")
	flag.IntVar(&b.stored, "stored", 1_000_000, "stored profiles of the stages start, sweep, waiting, audiences and reads")
	flag.IntVar(&b.rows, "rows", 10_000_000, "events of the stage reports")
	flag.IntVar(&b.facts, "facts", 20_000_000, "facts of the stages recompute and preview, 20 to a person")
	flag.IntVar(&b.rate, "rate", 2000, "events a second of the stage latency")
	flag.IntVar(&b.people, "people", 100_000, "people of the stage line's multicasts and of the stages broadcast and simulate")
	flag.IntVar(&b.seconds, "seconds", 20, "length of the stage latency")
	flag.IntVar(&b.cacheMB, "cache", 128, "memory for decoded profiles, in MiB")
	flag.BoolVar(&b.byTable, "tables", false, "pipeline: print what the inserts of each table cost")
	flag.StringVar(&b.dir, "dir", "", "folder for the data of a run, emptied afterwards; default: a temporary one")
	flag.StringVar(&b.cpuprofile, "cpuprofile", "", "write CPU profiles of the product's slices to this name, with a number for each")
	open := flag.String("open", "", "open a folder of the stage start and tell what that took; the stage calls itself so")
	platforms := flag.Bool("platforms", false, "be the advertising platforms of the stage audiences; the stage calls itself so")
	flag.Parse()
	if *platforms {
		if err := servePlatforms(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(2)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if *open != "" {
		if err := openAndTell(ctx, *open, b.cacheMB, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(2)
		}
		return
	}
	if err := b.run(ctx, only); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(2)
	}
	if len(b.missed) > 0 {
		b.printf("missed: %s\n", strings.Join(b.missed, "; "))
		if gate {
			os.Exit(1)
		}
	}
}

// run measures the stages that are asked for, each in a folder of its own.
func (b *bench) run(ctx context.Context, only string) error {
	todo, err := choose(only)
	if err != nil {
		return err
	}
	b.printf("%d processors, %s, %s; %d rounds\n", runtime.NumCPU(), runtime.Version(), time.Now().UTC().Format(time.DateOnly), b.rounds)
	top := b.dir
	for _, s := range todo {
		if b.dir, err = os.MkdirTemp(top, "enishi-bench-"); err != nil {
			return fmt.Errorf("make a folder: %w", err)
		}
		b.printf("\n%s: %s\n", s.name, s.about)
		err := s.run(ctx, b)
		if gone := os.RemoveAll(b.dir); err == nil && gone != nil {
			err = fmt.Errorf("remove the data: %w", gone)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		runtime.GC()
	}
	return nil
}

func choose(only string) ([]stage, error) {
	if only == "" {
		return stages(), nil
	}
	var out []stage
	for name := range strings.SplitSeq(only, ",") {
		found := false
		for _, s := range stages() {
			if s.name == name {
				out, found = append(out, s), true
			}
		}
		if !found {
			return nil, fmt.Errorf("there is no stage %q", name)
		}
	}
	return out, nil
}

func (b *bench) printf(format string, args ...any) { fmt.Fprintf(b.out, format, args...) }
