package embedded

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
)

// alerts collects what a broker told.
type alerts struct {
	mu   sync.Mutex
	kind []string
	text []string
}

func (a *alerts) add(kind, text string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.kind = append(a.kind, kind)
	a.text = append(a.text, text)
}

// testBroker is a broker with a plain client on topic "t", one partition.
type testBroker struct {
	*Broker
	alerts *alerts
	t      *testing.T
}

func openTestBroker(t *testing.T, cfg BrokerConfig) *testBroker {
	t.Helper()
	a := &alerts{}
	cfg.Alert = a.add
	cfg.Log = slog.New(slog.NewTextHandler(testWriter{t}, nil))
	b, err := OpenBroker(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return &testBroker{b, a, t}
}

type testWriter struct{ t *testing.T }

func (w testWriter) Write(b []byte) (int, error) {
	if w.t.Context().Err() == nil { // the test's log is closed after its end
		w.t.Log(strings.TrimSpace(string(b)))
	}
	return len(b), nil
}

func (b *testBroker) create(topic string, partitions int, configs ...kafka.ConfigEntry) {
	b.t.Helper()
	res, err := b.client.CreateTopics(b.t.Context(), &kafka.CreateTopicsRequest{
		Topics: []kafka.TopicConfig{{Topic: topic, NumPartitions: partitions, ReplicationFactor: 1, ConfigEntries: configs}},
	})
	if err == nil {
		err = res.Errors[topic]
	}
	if err != nil {
		b.t.Fatal(err)
	}
}

// produce appends one batch per value and returns the offset of the first.
func (b *testBroker) produce(topic string, values ...string) int64 {
	b.t.Helper()
	first := int64(-1)
	for _, v := range values {
		res, err := b.client.Produce(b.t.Context(), &kafka.ProduceRequest{
			Topic: topic, RequiredAcks: kafka.RequireAll, Records: kafka.NewRecordReader(kafka.Record{Value: kafka.NewBytes([]byte(v))}),
		})
		if err == nil {
			err = res.Error
		}
		if err != nil {
			b.t.Fatal(err)
		}
		if first < 0 {
			first = res.BaseOffset
		}
	}
	return first
}

// read returns offset=value of every record of the partition from its first offset on; a filler is "~".
func (b *testBroker) read(topic string) (out []string) {
	b.t.Helper()
	info := b.cluster.PartitionInfo(topic, 0)
	for at := info.LogStartOffset; at < info.HighWatermark; {
		res, err := b.client.Fetch(b.t.Context(), &kafka.FetchRequest{Topic: topic, Offset: at, MinBytes: 1, MaxBytes: 1 << 20, MaxWait: time.Second})
		if err == nil {
			err = res.Error
		}
		if err != nil {
			b.t.Fatalf("fetch %s at %d: %v", topic, at, err)
		}
		was := at
		for {
			rec, err := res.Records.ReadRecord()
			if err != nil {
				break
			}
			value, _ := kafka.ReadAll(rec.Value)
			if len(rec.Headers) == 1 && rec.Headers[0].Key == fillerHeader && len(value) == 0 {
				value = []byte("~")
			}
			if rec.Offset >= at {
				out = append(out, fmt.Sprintf("%d=%s", rec.Offset, value))
				at = rec.Offset + 1
			}
		}
		if at == was {
			b.t.Fatalf("fetch %s at %d of %d brought nothing", topic, at, info.HighWatermark)
		}
	}
	return out
}

func (b *testBroker) commit(group, topic string, offset int64) {
	b.t.Helper()
	res, err := b.client.OffsetCommit(b.t.Context(), &kafka.OffsetCommitRequest{
		GroupID: group, GenerationID: -1, Topics: map[string][]kafka.OffsetCommit{topic: {{Partition: 0, Offset: offset}}},
	})
	if err == nil {
		err = res.Topics[topic][0].Error
	}
	if err != nil {
		b.t.Fatal(err)
	}
}

// crash copies the directory as it is now, which is what a killed process leaves, and closes the broker.
func (b *testBroker) crash() (dir string) {
	b.t.Helper()
	dir = b.t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(b.cfg.Dir)); err != nil {
		b.t.Fatal(err)
	}
	b.Close()
	return dir
}

func want(t *testing.T, what string, got, want any) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func TestBrokerKeepsWhatWasAcknowledged(t *testing.T) {
	t.Parallel()
	b := openTestBroker(t, BrokerConfig{Dir: t.TempDir()})
	b.create("t", 1)
	b.produce("t", "a", "b", "c")
	b.commit("g", "t", 2)
	dir := b.crash()
	b = openTestBroker(t, BrokerConfig{Dir: dir})
	want(t, "after a crash", b.read("t"), []string{"0=a", "1=b", "2=c"})
	b.produce("t", "d")
	b.Close()
	b = openTestBroker(t, BrokerConfig{Dir: dir})
	want(t, "after a clean stop", b.read("t"), []string{"0=a", "1=b", "2=c", "3=d"})
	want(t, "commit", b.cluster.GroupInfo("g").Commits["t"][0].Offset, 2)
	want(t, "alerts", b.alerts.kind, []string(nil))
}

func TestBrokerFilesAreTheirOwners(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "broker")
	b := openTestBroker(t, BrokerConfig{Dir: dir})
	b.create("t", 1)
	b.produce("t", "a")
	b.commit("g", "t", 1)
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	files := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		info, ierr := d.Info()
		if err != nil || ierr != nil {
			return errors.Join(err, ierr)
		}
		files++
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s may be read by others: %v", path, info.Mode())
		}
		return nil
	})
	if err != nil || files < 10 {
		t.Errorf("%d files: %v", files, err)
	}
}

func TestBrokerRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	openTestBroker(t, BrokerConfig{Dir: dir})
	if _, err := OpenBroker(BrokerConfig{Dir: dir}); err == nil || !strings.Contains(err.Error(), "another process has it open") {
		t.Errorf("a second broker in the same directory: %v", err)
	}
	for _, listen := range []string{"0.0.0.0:0", ":0", "192.0.2.1:0", "nonsense"} {
		if _, err := OpenBroker(BrokerConfig{Dir: t.TempDir(), Listen: listen}); err == nil || !strings.Contains(err.Error(), "listen on") {
			t.Errorf("listening on %s: %v", listen, err)
		}
	}
}

// A damaged byte costs the batch that holds it and nothing else.
func TestBrokerDamagedSegment(t *testing.T) {
	t.Parallel()
	f := func(name string, damage func(raw []byte) []byte, left []string, kinds []string) {
		t.Helper()
		b := openTestBroker(t, BrokerConfig{Dir: t.TempDir()})
		b.create("t", 1)
		b.produce("t", "a", "b", "c", "d")
		if err := b.Mark(); err != nil {
			t.Fatal(err)
		}
		dir := b.crash()
		path := filepath.Join(dir, partsDir, "t-0", "0.dat")
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		raw = damage(raw)
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		b = openTestBroker(t, BrokerConfig{Dir: dir})
		want(t, name, b.read("t"), left)
		want(t, name+": alerts", b.alerts.kind, kinds)
		want(t, name+": next offset", b.produce("t", "e"), 4)
		if len(kinds) > 0 && len(raw) > 0 {
			kept, err := filepath.Glob(filepath.Join(dir, asideDir, "*", "t-0", "0.dat"))
			if err != nil || len(kept) != 1 {
				t.Errorf("%s: set aside: %v %v", name, kept, err)
			} else if copied, _ := os.ReadFile(kept[0]); !bytes.Equal(copied, raw) {
				t.Errorf("%s: what was set aside is not what was there", name)
			}
		}
		b.Close()
		again := openTestBroker(t, BrokerConfig{Dir: dir})
		want(t, name+": opened again", again.read("t"), append(left, "4=e"))
		want(t, name+": alerts when opened again", again.alerts.kind, []string(nil))
		again.Close()
	}
	at := func(raw []byte, batch int) int { // where a batch begins
		pos := 0
		for range batch {
			pos += 12 + int(binary.BigEndian.Uint32(raw[pos+8:]))
		}
		return pos
	}
	f("a bit in a value", func(raw []byte) []byte { raw[at(raw, 2)-2] ^= 4; return raw },
		[]string{"0=a", "2=c", "3=d"}, []string{"log_damaged"})
	f("a bit in a length", func(raw []byte) []byte { raw[at(raw, 1)+9] ^= 4; return raw },
		[]string{"0=a", "2=c", "3=d"}, []string{"log_damaged"})
	f("the last batch", func(raw []byte) []byte { raw[len(raw)-2] ^= 4; return raw },
		[]string{"0=a", "1=b", "2=c", "3=~"}, []string{"log_damaged", "log_padded"})
	f("cut in the last batch", func(raw []byte) []byte { return raw[:len(raw)-3] },
		[]string{"0=a", "1=b", "2=c", "3=~"}, []string{"log_padded"})
	f("everything", func(raw []byte) []byte { return raw[:0] }, []string{"3=~"}, []string{"log_padded"})
	f("a write that was not finished", func(raw []byte) []byte { return append(raw, make([]byte, 100)...) },
		[]string{"0=a", "1=b", "2=c", "3=d"}, nil)
}

func TestBrokerLostFiles(t *testing.T) {
	t.Parallel()
	f := func(name string, lose func(dir string), left, kinds []string, next int64) {
		t.Helper()
		b := openTestBroker(t, BrokerConfig{Dir: t.TempDir()})
		b.create("t", 1)
		b.produce("t", "a", "b")
		b.Mark()
		b.commit("g", "t", 2)
		dir := b.crash()
		lose(dir)
		b = openTestBroker(t, BrokerConfig{Dir: dir})
		want(t, name, b.read("t"), left)
		want(t, name+": alerts", b.alerts.kind, kinds)
		want(t, name+": next offset", b.produce("t", "c"), next)
	}
	f("partition", func(dir string) { os.RemoveAll(filepath.Join(dir, partsDir, "t-0")) },
		[]string{"1=~"}, []string{"log_padded"}, 2)
	f("marks: the commit is known", func(dir string) {
		os.Remove(filepath.Join(dir, marksFile))
		os.RemoveAll(filepath.Join(dir, partsDir, "t-0"))
	}, []string{"1=~"}, []string{"log_padded"}, 2)
	f("topic list", func(dir string) { os.Remove(filepath.Join(dir, topicsFile)) },
		[]string{"0=a", "1=b"}, []string{"topic_lost"}, 2)
	f("topic list and meta", func(dir string) {
		os.Remove(filepath.Join(dir, topicsFile))
		os.Remove(filepath.Join(dir, metaFile))
	}, []string{"0=a", "1=b"}, []string{"topic_lost"}, 2)
	f("marks broken", func(dir string) { os.WriteFile(filepath.Join(dir, marksFile), []byte("{"), 0o600) },
		[]string{"0=a", "1=b"}, []string{"log_damaged"}, 2)
}

// Commits that follow a damaged or cut entry are kept, now and after the next start.
func TestBrokerDamagedCommits(t *testing.T) {
	t.Parallel()
	b := openTestBroker(t, BrokerConfig{Dir: t.TempDir()})
	b.create("t", 1)
	b.produce("t", "a", "b", "c")
	b.commit("one", "t", 1)
	b.commit("two", "t", 2)
	b.commit("three", "t", 3)
	dir := b.crash()
	path := filepath.Join(dir, groupsFile)
	raw, _ := os.ReadFile(path)
	hit := bytes.Index(raw, []byte(`"commit","g":"two"`))
	if hit < 0 {
		t.Fatalf("no commit of group two in %q", raw)
	}
	raw[hit+1] ^= 1
	raw = append(raw, 60, 0, 0, 0, 9, 9) // and a write that was cut off
	os.WriteFile(path, raw, 0o600)
	b = openTestBroker(t, BrokerConfig{Dir: dir})
	want(t, "alerts", b.alerts.kind, []string{"commits_damaged"})
	b.commit("four", "t", 1)
	dir = b.crash()
	b = openTestBroker(t, BrokerConfig{Dir: dir})
	for group, offset := range map[string]int64{"one": 1, "three": 3, "four": 1} {
		info := b.cluster.GroupInfo(group)
		if info == nil || info.Commits["t"][0].Offset != offset {
			t.Errorf("commit of group %s: %+v", group, info)
		}
	}
	want(t, "alerts at the next start", b.alerts.kind, []string(nil))
}

func TestBrokerRunMarks(t *testing.T) {
	t.Parallel()
	b := openTestBroker(t, BrokerConfig{Dir: t.TempDir()})
	b.create("t", 2)
	b.produce("t", "a", "b")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	deadline := time.Now().Add(time.Minute)
	for {
		var m brokerMarks
		if err := readJSON(b.path(marksFile), &m); err != nil {
			t.Fatal(err)
		}
		if marks := m.Topics["t"]; len(marks) == 2 && marks[0].End == 2 && marks[1].End == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the marks are not written: %+v", m)
		}
		<-time.After(20 * time.Millisecond)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// Opening after a crash must not take memory in proportion to the log: kfake then needs the snapshots that mend wrote.
func TestBrokerWritesSnapshots(t *testing.T) {
	t.Parallel()
	b := openTestBroker(t, BrokerConfig{Dir: t.TempDir()})
	b.create("t", 1)
	b.produce("t", "a", "b", "c")
	b.Trim(t.Context(), "t", 0, 1)
	b.Mark()
	dir := b.crash()
	if _, err := os.Stat(filepath.Join(dir, partsDir, "t-0", "snapshot.json")); err == nil {
		t.Fatal("kfake writes snapshots while it runs: this is not needed any more")
	}
	probe := &Broker{cfg: BrokerConfig{Dir: dir, Log: slog.New(slog.DiscardHandler), Now: time.Now}}
	ends, err := probe.mend()
	if err != nil {
		t.Fatal(err)
	}
	want(t, "ends", ends, map[string][]int64{"t": {3}})
	var snap partSnapshot
	if err := readJSON(filepath.Join(dir, partsDir, "t-0", "snapshot.json"), &snap); err != nil {
		t.Fatal(err)
	}
	want(t, "snapshot", []int64{snap.LogStartOffset, snap.HighWatermark, int64(len(snap.Segments))}, []int64{1, 3, 1})
	b = openTestBroker(t, BrokerConfig{Dir: dir})
	want(t, "records", b.read("t"), []string{"1=b", "2=c"})
	b.Close()
	probe = &Broker{cfg: probe.cfg}
	before, _ := os.ReadFile(filepath.Join(dir, partsDir, "t-0", "snapshot.json"))
	if _, err := probe.mend(); err != nil {
		t.Fatal(err)
	}
	after, _ := os.ReadFile(filepath.Join(dir, partsDir, "t-0", "snapshot.json"))
	want(t, "kfake's own snapshot is kept", string(after), string(before))
}

// Directories that earlier releases left open as they are: one crash image per format, each with topic t, of whose
// records a, b, c the first was trimmed, and group g at offset 2.
func TestBrokerOpensEarlierReleases(t *testing.T) {
	t.Parallel()
	images, err := filepath.Glob(filepath.Join("testdata", "broker-*"))
	if err != nil || len(images) == 0 {
		t.Fatal("no images", err)
	}
	for _, image := range images {
		dir := t.TempDir()
		if err := os.CopyFS(dir, os.DirFS(image)); err != nil {
			t.Fatal(err)
		}
		b := openTestBroker(t, BrokerConfig{Dir: dir})
		want(t, image, b.read("t"), []string{"1=b", "2=c"})
		want(t, image+": partitions", len(b.cluster.PartitionInfos("t")), 2)
		want(t, image+": commit", b.cluster.GroupInfo("g").Commits["t"][0].Offset, 2)
		want(t, image+": alerts", b.alerts.kind, []string(nil))
		want(t, image+": next offset", b.produce("t", "d"), 3)
	}
}
