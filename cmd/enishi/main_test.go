package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"enishi/internal/embedded"
)

// asProgram makes the test binary be the program: the tests below run real processes of it.
const asProgram = "ENISHI_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		os.Exit(run(os.Args[1:], streams{os.Stdout, os.Stderr, os.Environ, os.Stdin}))
	}
	os.Exit(m.Run())
}

// server is a running process of the program.
type server struct {
	t    *testing.T
	args []string
	env  []string
	cmd  *exec.Cmd
	base string
	log  *tail
	done chan struct{}

	wrote string // position of the last definition that was put
}

// tail keeps the last of a process's output for failures, and everything for searches.
type tail struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.b.Write(p)
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.b.String()
}

// needEngine skips where the engine's library is not installed.
func needEngine(t *testing.T) {
	t.Helper()
	if _, err := embedded.FindLibrary(""); err != nil {
		t.Skip(err)
	}
}

// freePort is an address for a process that is started later, or again. It is below the ports that the kernel gives to
// connections, which would take it meanwhile.
func freePort(t *testing.T) string {
	t.Helper()
	for range 1000 {
		port := strconv.Itoa(20_000 + rand.IntN(12_000))
		claim, err := net.Listen("tcp", "127.0.0.9:"+port) // nobody serves there: it tells other tests, of other processes too, that the port is taken
		if err != nil {
			continue
		}
		l, err := net.Listen("tcp", "127.0.0.1:"+port)
		if err != nil {
			claim.Close()
			continue
		}
		t.Cleanup(func() { claim.Close() })
		l.Close()
		return "127.0.0.1:" + port
	}
	t.Fatal("no port is free")
	return ""
}

// start runs `enishi serve` with args and waits until it is ready.
func start(t *testing.T, env []string, args ...string) *server {
	t.Helper()
	needEngine(t)
	s := &server{t: t, args: append([]string{"serve", "--listen", freePort(t)}, args...), env: env, log: &tail{}}
	s.base = "http://" + s.args[2]
	s.launch()
	t.Cleanup(s.stop)
	s.waitReady()
	return s
}

func (s *server) launch() {
	s.t.Helper()
	self, err := os.Executable()
	if err != nil {
		s.t.Fatal(err)
	}
	s.cmd = exec.Command(self, s.args...)
	s.cmd.Env = append(append(os.Environ(), asProgram+"=1", "ENISHI_SESSION=1500ms"), s.env...)
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	done := make(chan struct{})
	s.done = done
	cmd := s.cmd
	go func() {
		_ = cmd.Wait()
		close(done)
	}()
}

// kill ends the process as a power cut would, as far as a process can.
func (s *server) kill() {
	_ = s.cmd.Process.Kill()
	<-s.done
}

// stop ends the process gracefully.
func (s *server) stop() {
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.done:
	case <-time.After(patience):
		s.t.Errorf("the server did not stop within %s", patience)
		s.kill()
	}
	if s.t.Failed() {
		text := s.log.String()
		s.t.Log("server log:\n", text[max(0, len(text)-6000):])
	}
}

func (s *server) waitReady() {
	s.t.Helper()
	eventually(s.t, 60*time.Second, "the server is ready", func() error {
		select {
		case <-s.done:
			s.t.Fatal("the server ended: ", s.log.String())
		default:
		}
		answer, err := http.Get(s.base + "/readyz")
		if err != nil {
			return err
		}
		answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			return fmt.Errorf("readyz answers %s", answer.Status)
		}
		return nil
	})
}

// patience is the least that eventually waits: what takes a machine at rest seconds takes one that does much else a minute.
const patience = 2 * time.Minute

// eventually polls until f succeeds. What follows from what was waited for, but a moment later, is waited for as well.
func eventually(t *testing.T, limit time.Duration, what string, f func() error) {
	t.Helper()
	limit = max(limit, patience)
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	var err error
	for {
		if err = f(); err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s: not within %s: %v", what, limit, err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// call uses the API.
func (s *server) call(method, path string, body, out any) error {
	c := client{Addr: s.base}
	return c.call(context.Background(), method, path, body, out)
}

// status may be as old as the program remembers it: half a second, and longer where it is slow.
func (s *server) status() (status, error) {
	var x status
	err := s.call("GET", "/status", nil, &x)
	return x, err
}

// statusNow is asked for anew, when the fold goes by what was put: whoever gives a position gets nothing from memory.
func (s *server) statusNow() (status, error) {
	var x status
	err := s.call("GET", "/status?after="+cmp.Or(s.wrote, "definitions/0@0"), nil, &x)
	return x, err
}

// enishi runs a client command and gives what it prints.
func (s *server) enishi(args ...string) string {
	s.t.Helper()
	var out, errs bytes.Buffer
	environ := func() []string { return append(os.Environ(), "ENISHI_ADDR="+s.base) }
	args = append(args, "--addr", s.base)
	if code := run(args, streams{&out, &errs, environ, nil}); code != 0 {
		s.t.Fatalf("enishi %s: exit %d: %s", strings.Join(args, " "), code, errs.String())
	}
	return strings.TrimSpace(out.String())
}

// post sends a batch to the collector and gives how many events it acknowledged.
func (s *server) post(key string, events []map[string]any) (int, error) {
	body, err := json.Marshal(map[string]any{"batch": events})
	if err != nil {
		return 0, err
	}
	req, err := http.NewRequest("POST", s.base+"/v1/batch", bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	req.SetBasicAuth(key, "")
	req.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return 0, err
	}
	if answer.StatusCode != http.StatusAccepted {
		return 0, fmt.Errorf("collector answers %s: %s", answer.Status, text)
	}
	var a struct {
		Accepted int
		Rejected []any
	}
	if err := json.Unmarshal(text, &a); err != nil {
		return 0, err
	}
	if len(a.Rejected) > 0 {
		return a.Accepted, fmt.Errorf("rejected: %v", a.Rejected)
	}
	return a.Accepted, nil
}

// settled waits until nothing is on its way.
func (s *server) settled(limit time.Duration) status {
	s.t.Helper()
	var x status
	eventually(s.t, limit, "everything is folded", func() error {
		// What is remembered may be of before the events that are waited for. Lag is asked stage by stage: what moves back between them is found by the second time.
		for _, ask := range []func() (status, error){s.status, s.statusNow, s.statusNow} {
			var err error
			if x, err = ask(); err != nil {
				return err
			}
			for name, lag := range x.Lag {
				if lag != 0 {
					return fmt.Errorf("lag of %s is %d", name, lag)
				}
			}
		}
		return nil
	})
	return x
}

// halfADayAway is a time of day in Japan that does not come while a test runs.
func halfADayAway() string {
	return time.Now().In(time.FixedZone("JST", 9*60*60)).Add(12 * time.Hour).Format("15:04")
}

func lines(s string) []string {
	var out []string
	for sc := bufio.NewScanner(strings.NewReader(s)); sc.Scan(); {
		out = append(out, sc.Text())
	}
	return out
}

func TestConfigurationReferenceIsCurrent(t *testing.T) {
	path := filepath.Join("..", "..", "docs", "configuration.md")
	want := ConfigurationReference()
	if os.Getenv("ENISHI_UPDATE") != "" {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Error("docs/configuration.md is not what the struct says: run ENISHI_UPDATE=1 go test ./cmd/enishi -run Configuration")
	}
}

func TestConfigRefuses(t *testing.T) {
	f := func(yaml, want string) {
		t.Helper()
		file := filepath.Join(t.TempDir(), "c.yaml")
		if err := os.WriteFile(file, []byte(yaml), 0o600); err != nil {
			t.Fatal(err)
		}
		cfg, err := LoadConfig(file, func() []string { return nil })
		if err == nil {
			err = cfg.Check()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want an error with %q", yaml, err, want)
		}
	}
	f("lisen: 127.0.0.1:1", "unknown key lisen")
	f("smtp:\n  adr: x", "unknown key smtp.adr")
	f("partitions: 0", "partitions")
	f("listen: 0.0.0.0:8420", "listen")
	f("kafka_listen: 0.0.0.0:9092", "kafka_listen")
	f("clickhouse_listen: 10.0.0.1:8123", "clickhouse_listen")
	f("sending: maybe", "sending")
	f("workspaces: [Shop]", "workspaces")
	f("tls_cert: a.pem", "tls_cert")
	f("line:\n  accounts:\n    Shop2: {token: t, secret: s}", "line.accounts")
	f("line:\n  accounts:\n    shop2: {token: t}", "line.accounts.shop2")
	f("line:\n  accounts:\n    shop2: {tokn: t}", "unknown key line.accounts.shop2.tokn")
	f("places:\n  Depot: {dir: /tmp}", "places")
	f("places:\n  depot: {dir: /tmp, s3: bucket}", "places.depot")
	f("places:\n  depot: {s3: bucket}", "access_key")
	f("places:\n  depot: {secret: x}", "unknown key places.depot.secret")
	f("data: [", "c.yaml")
}

// TestServeFlagsAreKeys: what can be said by a flag can be said in the configuration.
func TestServeFlagsAreKeys(t *testing.T) {
	keys := map[string]bool{}
	for f := range structFields(reflect.TypeFor[Config]()) {
		keys[f.Tag.Get("koanf")] = true
	}
	for f := range structFields(reflect.TypeFor[serveCommand]()) {
		name := f.Tag.Get("name")
		if name == "" {
			name = regexp.MustCompile(`([a-z])([A-Z])`).ReplaceAllString(f.Name, "$1-$2")
		}
		if key := strings.ToLower(strings.ReplaceAll(name, "-", "_")); key != "config" && !keys[key] {
			t.Errorf("--%s has no key %s", strings.ToLower(name), key)
		}
	}
}

func structFields(typ reflect.Type) iter.Seq[reflect.StructField] {
	return func(yield func(reflect.StructField) bool) {
		for i := range typ.NumField() {
			if !yield(typ.Field(i)) {
				return
			}
		}
	}
}

func TestConfigAccepts(t *testing.T) {
	file := filepath.Join(t.TempDir(), "c.yaml")
	if err := os.WriteFile(file, []byte("listen: 127.0.0.1:9\nsmtp:\n  password: ${SECRET}\n  addr: mail:25\nline:\n  accounts:\n    shop2: {token: \"${SECRET}\"}\n"+
		"postal:\n  targets:\n    house: {dir: /print, file_password: \"${SECRET}\"}\nplaces:\n  depot: {s3: bucket, access_key: a, secret_key: \"${SECRET}\"}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := LoadConfig(file, func() []string {
		return []string{"SECRET=s3", "ENISHI_SMTP__ADDR=relay:587", "ENISHI_KAFKA=a:1,b:2", "ENISHI_LINE__ACCOUNTS__SHOP2__SECRET=hush"}
	})
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Listen != "127.0.0.1:9" || cfg.SMTP.Password != "s3" || cfg.SMTP.Addr != "relay:587" || len(cfg.Kafka) != 2 || cfg.Partitions != 8 || cfg.LINE.Accounts["shop2"] != (LINEAccountConfig{Token: "s3", Secret: "hush"}) ||
		cfg.Postal.Targets["house"] != (PostalTargetConfig{Dir: "/print", FilePassword: "s3"}) || cfg.Places["depot"] != (PlaceConfig{S3: "bucket", AccessKey: "a", SecretKey: "s3"}) {
		t.Errorf("got %+v", cfg)
	}
}
