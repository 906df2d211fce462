//go:build linux && amd64

package embedded

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	osexec "os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"enishi"
)

const (
	childEnv    = "ENISHI_TEST_ENGINE_CHILD"
	childDirEnv = "ENISHI_TEST_ENGINE_DIR"
)

// child is this test binary as another process that runs TestEngineChild in the mode.
func child(t *testing.T, mode, dir string) *osexec.Cmd {
	t.Helper()
	cmd := osexec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestEngineChild$", "-test.timeout=60s")
	// Another zone than the engine's: OpenEngine fails if the machine's one comes through.
	cmd.Env = append(os.Environ(), childEnv+"="+mode, childDirEnv+"="+dir, "TZ=Asia/Tokyo")
	return cmd
}

// TestEngineChild is the other process of the tests below; by itself it has nothing to do.
func TestEngineChild(t *testing.T) {
	mode, dir := os.Getenv(childEnv), os.Getenv(childDirEnv)
	if mode == "" {
		t.Skip("runs as a child of other tests only")
	}
	e, err := OpenEngine(EngineConfig{Dir: dir})
	if mode == "open" {
		fmt.Printf("%s: %v\n", enishi.ErrorCode(err), err)
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	c := client(t, e, "")
	switch mode {
	case "insert":
		exec(t, c, "CREATE TABLE IF NOT EXISTS acked (id UInt64, s String) ENGINE = ReplacingMergeTree ORDER BY id")
		first := scan[uint64](t, c, "SELECT max(id) FROM acked") + 1
		ids := make(chan uint64)
		for range 4 {
			go func() {
				for from := range ids {
					batch, err := c.PrepareBatch(context.Background(), "INSERT INTO acked")
					if err != nil {
						panic(err)
					}
					for i := range uint64(50) {
						if err := batch.Append(from+i, "縁\n"); err != nil {
							panic(err)
						}
					}
					if err := batch.Send(); err != nil {
						panic(err)
					}
					fmt.Printf("acked %d\n", from)
				}
			}()
		}
		for from := first; ; from += 50 {
			ids <- from
		}
	case "nil":
		started := make(chan struct{})
		go func() {
			close(started)
			_ = c.Exec(context.Background(), "SELECT sleep(3)")
		}()
		<-started
		exec(t, c, "SELECT 1")
		go func() {
			var e *Engine
			fmt.Println(e.args) // a nil dereference in Go while the engine works
		}()
		select {}
	case "term":
		term := make(chan os.Signal, 1)
		signal.Notify(term, syscall.SIGTERM)
		go func() { _ = c.Exec(context.Background(), "SELECT sleep(3)") }()
		fmt.Println("ready")
		<-term
		fmt.Println("term", e.Close())
		os.Exit(0)
	}
}

// TestEngineKill9 kills a process while it inserts: each acknowledged row is there after reopening.
func TestEngineKill9(t *testing.T) {
	dir := t.TempDir()
	acked := map[uint64]bool{}
	for round := range 2 {
		cmd := child(t, "insert", dir)
		var stderr strings.Builder
		cmd.Stderr = &stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		killAt := len(acked) + 20 + rand.IntN(60)
		killed := false
		lines := bufio.NewScanner(out)
		for lines.Scan() { // also what was acknowledged between the decision and the end
			var from uint64
			if _, err := fmt.Sscanf(lines.Text(), "acked %d", &from); err != nil {
				continue
			}
			acked[from] = true
			if len(acked) == killAt {
				killed = true
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		_ = cmd.Wait()
		if !killed {
			t.Fatalf("the child ended by itself: %s", stderr.String())
		}
		t.Logf("round %d: killed after %d acknowledged inserts in all", round, len(acked))
	}
	e := openEngine(t, EngineConfig{Dir: dir})
	c := client(t, e, "")
	rows, err := c.Query(t.Context(), "SELECT id FROM acked FINAL")
	if err != nil {
		t.Fatal(err)
	}
	have := map[uint64]bool{}
	for rows.Next() {
		var id uint64
		if err := rows.Scan(&id); err != nil {
			t.Fatal(err)
		}
		have[id] = true
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	for from := range acked {
		for i := range uint64(50) {
			if !have[from+i] {
				t.Fatalf("row %d was acknowledged and is gone", from+i)
			}
		}
	}
	if n, err := e.Detached(t.Context()); err != nil || n != 0 {
		t.Errorf("%d detached parts: %v", n, err)
	}
}

// TestEngineSignals: the library's handlers for deadly signals do not stay, and SIGTERM reaches Go.
func TestEngineSignals(t *testing.T) {
	start := time.Now()
	cmd := child(t, "nil", t.TempDir())
	out, err := cmd.CombinedOutput()
	var exit *osexec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 2 {
		t.Errorf("a nil dereference ended with %v, want exit status 2", err)
	}
	for _, want := range []string{"panic: runtime error: invalid memory address or nil pointer dereference", "goroutine ", "engine_child_test.go"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("no %q in what a nil dereference printed:\n%s", want, out)
		}
	}
	if took := time.Since(start); took > time.Minute {
		t.Errorf("the process hung for %v", took)
	}

	cmd = child(t, "term", t.TempDir())
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	said := bufio.NewScanner(pipe)
	for said.Scan() && said.Text() != "ready" {
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	said.Scan()
	if err := cmd.Wait(); err != nil || said.Text() != "term <nil>" {
		t.Errorf("SIGTERM: %q, %v", said.Text(), err)
	}
}

// TestEngineClose closes an engine under load and opens another directory in the same process.
func TestEngineClose(t *testing.T) {
	dir := t.TempDir()
	e := openEngine(t, EngineConfig{Dir: dir, Conns: 2, MaxMemory: 1 << 30})
	c := client(t, e, "")
	exec(t, c, "CREATE TABLE kept (n UInt64) ENGINE = MergeTree ORDER BY n")
	exec(t, c, "INSERT INTO kept VALUES (7)")
	if err := c.Exec(t.Context(), "SELECT length(groupArray(number)) FROM numbers(300000000)"); code(err) != 241 {
		t.Errorf("a statement beyond MaxMemory: %v", err)
	}
	done := make(chan error)
	for range 5 {
		go func() { done <- c.Exec(t.Context(), endless) }()
	}
	eventually(t, "statements run", func() bool { return len(e.slots) == 2 })
	start := time.Now()
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	t.Logf("closed under load in %v", time.Since(start))
	for range 5 {
		if err := <-done; err == nil {
			t.Error("an endless statement ended well")
		}
	}
	if err := c.Exec(t.Context(), "SELECT 1"); !errors.Is(err, ErrEngineClosed) {
		t.Errorf("after Close: %v", err)
	}
	if err := e.Close(); err != nil {
		t.Errorf("closing twice: %v", err)
	}

	other := openEngine(t, EngineConfig{})
	if n := scan[uint64](t, client(t, other, ""), "SELECT count() FROM system.tables WHERE name = 'kept'"); n != 0 {
		t.Error("the second directory shows the first one's tables")
	}
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	again := openEngine(t, EngineConfig{Dir: dir})
	if n := scan[uint64](t, client(t, again, ""), "SELECT n FROM kept"); n != 7 {
		t.Errorf("read %d after reopening, want 7", n)
	}
}
