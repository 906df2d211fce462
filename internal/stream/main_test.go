package stream

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"enishi/internal/embedded"

	"go.uber.org/goleak"
)

// child names what the test binary is when it was started by a test.
const child = "ENISHI_STREAM_CHILD"

// broker is what tests share; each has a topic prefix of its own.
var (
	broker     *embedded.Broker
	brokerAddr string
)

const testSession = 1500 * time.Millisecond

func TestMain(m *testing.M) {
	switch os.Getenv(child) {
	case "broker":
		childBroker()
		return
	case "consumer":
		childConsumer()
		return
	}
	os.Exit(runTests(m))
}

// runTests runs against the embedded broker, or against the one at ENISHI_TEST_KAFKA (host:port), which must allow a
// session timeout of 1.5 s (group.min.session.timeout.ms). Tests that kill or damage a broker use the embedded one in any
// case.
func runTests(m *testing.M) int {
	if brokerAddr = os.Getenv("ENISHI_TEST_KAFKA"); brokerAddr != "" {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "enishi-stream")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	broker, err = embedded.OpenBroker(embedded.BrokerConfig{Dir: dir})
	if err != nil {
		panic(err)
	}
	brokerAddr = broker.Addr()
	code := m.Run()
	broker.Close()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	return code
}

var prefixes atomic.Int32

// testClient opens a client with a prefix of its own on the shared broker.
func testClient(t testing.TB, topics ...TopicSpec) *Client {
	t.Helper()
	return openClient(t, Config{Brokers: []string{brokerAddr}, Prefix: newPrefix(), Topics: topics})
}

func newPrefix() string { return fmt.Sprintf("w%d-%d.", os.Getpid(), prefixes.Add(1)) }

func openClient(t testing.TB, cfg Config) *Client {
	t.Helper()
	cfg.SessionTimeout = testSession
	cfg.Log = slog.New(slog.NewTextHandler(&testLog{t: t}, nil))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c, err := Open(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// testLog writes to the test's log while the test runs.
type testLog struct {
	mu sync.Mutex
	t  testing.TB
}

func (l *testLog) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.t.Context().Err() == nil {
		l.t.Log(strings.TrimSpace(string(b)))
	}
	return len(b), nil
}

// records makes n records for a topic, valued from, from+1, ...; the partition is the key's.
func records(topic string, from, n int) []Record {
	recs := make([]Record, n)
	for i := range recs {
		recs[i] = Record{Topic: topic, Partition: -1, Key: fmt.Appendf(nil, "k%d", (from+i)%97), Value: fmt.Appendf(nil, "%d", from+i)}
	}
	return recs
}

func mustAppend(t testing.TB, c *Client, recs []Record) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := c.Append(ctx, recs); err != nil {
		t.Fatal(err)
	}
}

// collect follows a partition until it has n records.
func collect(t testing.TB, c *Client, topic string, partition int, from int64, n int) (got []Record) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if n == 0 {
		return nil
	}
	err := c.Follow(ctx, topic, partition, from, func(_ context.Context, recs []Record, _ int64) error {
		if got = append(got, recs...); len(got) >= n {
			return io.EOF
		}
		return nil
	})
	if err == nil {
		t.Fatalf("%s/%d has only %d of %d records from %d", topic, partition, len(got), n, from)
	}
	return got
}

// until waits for a condition.
func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("timed out: %s", what)
		}
		<-time.After(5 * time.Millisecond)
	}
}

// process is this test binary, started again as something else.
type process struct {
	*exec.Cmd
	in   io.WriteCloser
	out  *bufio.Scanner
	addr string
}

func start(t testing.TB, what string, env ...string) *process {
	t.Helper()
	p := &process{Cmd: exec.Command(os.Args[0])}
	p.Env = append(append(os.Environ(), child+"="+what), env...)
	p.Stderr = os.Stderr
	in, err := p.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := p.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.in, p.out = in, bufio.NewScanner(out)
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	return p
}

// line reads what the child says next.
func (p *process) line(t testing.TB) string {
	t.Helper()
	if !p.out.Scan() {
		t.Fatal("the child process is gone")
	}
	return p.out.Text()
}

func (p *process) kill() {
	p.Process.Signal(syscall.SIGKILL)
	p.Wait()
}

// startBroker starts a broker in a process of its own.
func startBroker(t testing.TB, dir, listen string) *process {
	t.Helper()
	p := start(t, "broker", "DIR="+dir, "LISTEN="+listen)
	p.addr = p.line(t)
	return p
}

func childBroker() {
	b, err := embedded.OpenBroker(embedded.BrokerConfig{
		Dir: filepath.Clean(os.Getenv("DIR")), Listen: os.Getenv("LISTEN"),
		Alert: func(kind, text string) { fmt.Fprintln(os.Stderr, "alert", kind, text) },
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(b.Addr())
	b.Run(context.Background())
}

// childConsumer joins a group, takes one record, says so, and commits it when it is told to.
func childConsumer() {
	ctx := context.Background()
	c, err := Open(ctx, Config{
		Brokers: []string{os.Getenv("BROKER")}, Prefix: os.Getenv("PREFIX"), SessionTimeout: testSession,
		Topics: []TopicSpec{{Name: "t", Partitions: 1}},
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	in := bufio.NewScanner(os.Stdin)
	c.Consume(ctx, Consumer{Group: "g", Topics: []string{"t"}, Batch: func(_ context.Context, g *Generation, recs []Record) error {
		fmt.Println("took", recs[0].Offset, g.Valid())
		in.Scan()
		valid := g.Valid()
		// As a zombie does: without a look at the generation's context.
		err := g.gen.CommitOffsets(map[string]map[int]int64{c.cfg.Prefix + "t": {0: recs[0].Offset + 1}})
		fmt.Println("valid", valid, "commit", err)
		return err
	}})
}
