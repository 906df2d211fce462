package embedded

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"time"
)

// The files beside the log. kfake's own are read before kfake is started and written only where they are at fault;
// marks.json is ours.
const (
	metaFile   = "meta.json"
	topicsFile = "topics.json"
	groupsFile = "groups.log"
	pidsFile   = "pids.log"
	marksFile  = "marks.json"
	partsDir   = "partitions"
	asideDir   = "aside" // copies of what was at fault

	// kfakeFormat is the version of kfake's files that this code knows.
	kfakeFormat = 1
)

// brokerMarks is what was known of every partition at the last note.
type brokerMarks struct {
	Version int                     `json:"version"`
	Topics  map[string][]brokerMark `json:"topics"`
}

// brokerMark is one partition: its first offset and its end, the segment being written, since when, and the end right
// after the last tick record.
type brokerMark struct {
	Start  int64     `json:"start"`
	End    int64     `json:"end"`
	Active int64     `json:"active"`
	Since  time.Time `json:"since"`
	Tick   int64     `json:"tick,omitempty"`
}

type kfakeMeta struct {
	Version   int    `json:"version"`
	ClusterID string `json:"cluster_id"`
}

type kfakeTopics struct {
	Version int          `json:"version"`
	Topics  []kfakeTopic `json:"topics"`
}

type kfakeTopic struct {
	Name       string            `json:"name"`
	ID         string            `json:"id"`
	Partitions int               `json:"partitions"`
	Replicas   int               `json:"replicas"`
	Configs    map[string]string `json:"configs,omitempty"`
}

// groupEntry is one line of groups.log: what is needed of it.
type groupEntry struct {
	Type   string `json:"type"`
	Group  string `json:"g"`
	Topic  string `json:"t"`
	Part   int    `json:"p"`
	Offset int64  `json:"o"`
}

// commits is the highest offset that any group has committed for a partition.
type commits map[string]map[int]int64

func (b *Broker) path(name ...string) string {
	return filepath.Join(append([]string{b.cfg.Dir}, name...)...)
}

// Mark notes the end of every partition; Run does it every second.
func (b *Broker) Mark() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil
	}
	return b.writeMarksLocked()
}

func (b *Broker) writeMarks() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.writeMarksLocked()
}

func (b *Broker) writeMarksLocked() error {
	topics, err := readTopics(b.path(topicsFile))
	if err != nil {
		return err
	}
	now := brokerMarks{Version: 1, Topics: map[string][]brokerMark{}}
	changed := b.marks.Topics == nil || len(topics.Topics) != len(b.marks.Topics)
	for _, t := range topics.Topics {
		infos := b.cluster.PartitionInfos(t.Name)
		old := b.marks.Topics[t.Name]
		marks := make([]brokerMark, len(infos))
		for i, info := range infos {
			var was brokerMark
			if i < len(old) {
				was = old[i]
			}
			m := brokerMark{Start: info.LogStartOffset, End: info.HighWatermark, Active: was.Active, Since: was.Since, Tick: was.Tick}
			if i >= len(old) || m.End != was.End {
				if base := activeSegment(b.path(partsDir, partDir(t.Name, i))); base != m.Active || m.Since.IsZero() {
					m.Active, m.Since = base, b.cfg.Now().UTC()
				}
			}
			changed = changed || m != was
			marks[i] = m
		}
		now.Topics[t.Name] = marks
	}
	if !changed {
		return nil
	}
	if err := writeJSON(b.path(marksFile), now); err != nil {
		return fmt.Errorf("write %s: %w", marksFile, err)
	}
	b.marks = now
	return nil
}

// readState reads what stands beside the log and mends it.
func (b *Broker) readState() (kfakeTopics, commits, error) {
	topics, err := readTopics(b.path(topicsFile))
	if err != nil {
		return topics, nil, err
	}
	if err := readJSON(b.path(marksFile), &b.marks); err != nil {
		// A note that cannot be read is no note: the log itself is checked all the same.
		b.alert("log_damaged", fmt.Sprintf("%s cannot be read, the ends of the log cannot be checked: %v", marksFile, err))
		b.marks = brokerMarks{}
	}
	for _, file := range []string{groupsFile, pidsFile} {
		if err := b.mendLog(file); err != nil {
			return topics, nil, err
		}
	}
	done, err := readCommits(b.path(groupsFile))
	if err != nil {
		return topics, nil, err
	}
	return topics, done, b.mendTopics(&topics)
}

// mendTopics brings back topics that the marks know and the list does not, and takes out settings that would delete
// records or, left by a crash in the middle of a roll, make a segment of every batch.
func (b *Broker) mendTopics(topics *kfakeTopics) error {
	have := map[string]bool{}
	changed := false
	for i := range topics.Topics {
		t := &topics.Topics[i]
		have[t.Name] = true
		for name := range t.Configs {
			if deletes(name) || name == "segment.bytes" {
				delete(t.Configs, name)
				changed = true
			}
		}
	}
	for name, marks := range b.marks.Topics {
		if !have[name] && len(marks) > 0 {
			b.alert("topic_lost", fmt.Sprintf("topic %s was no longer in the broker's list and was put back", name))
			id := make([]byte, 16)
			rand.Read(id)
			topics.Topics = append(topics.Topics, kfakeTopic{
				Name: name, ID: base64.StdEncoding.EncodeToString(id), Partitions: len(marks), Replicas: 1,
			})
			changed = true
		}
	}
	if !changed {
		return nil
	}
	topics.Version = kfakeFormat
	if err := writeJSON(b.path(topicsFile), topics); err != nil {
		return err
	}
	// Without this file kfake takes the directory for a new one and writes an empty list of topics over ours.
	if _, err := os.Stat(b.path(metaFile)); errors.Is(err, fs.ErrNotExist) {
		return writeJSON(b.path(metaFile), kfakeMeta{Version: kfakeFormat, ClusterID: "enishi"})
	}
	return nil
}

// mendLog checks a log of framed entries (length, CRC-32C, version, JSON). kfake stops reading at the first bad entry and
// goes on writing behind it, so that everything written later is lost at the next start: bad bytes are taken out here.
func (b *Broker) mendLog(file string) error {
	raw, err := os.ReadFile(b.path(file))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var good []byte
	bad := 0
	for pos := 0; pos < len(raw); {
		n := entryLen(raw[pos:])
		if n > 0 && entryGood(raw[pos:pos+n]) {
			good = append(good, raw[pos:pos+n]...)
			pos += n
			continue
		}
		if n == 0 { // cut short: the end of the file, or a length that cannot be believed
			n = nextEntry(raw[pos:])
			if n == 0 {
				break // nothing readable follows: a write that a crash cut off
			}
		}
		bad += n
		pos += n
	}
	if len(good) == len(raw) {
		return nil
	}
	if bad > 0 {
		if err := b.copyAside(b.path(file), ""); err != nil {
			return err
		}
		b.alert("commits_damaged", fmt.Sprintf("%d bytes of %s were damaged and left out: groups may read some records again", bad, file))
	}
	return writeFile(b.path(file), good)
}

// entryLen is the length of the entry at the front of raw, 0 when there is no whole one.
func entryLen(raw []byte) int {
	if len(raw) < 10 {
		return 0
	}
	n := binary.LittleEndian.Uint32(raw)
	if n < 2 || uint64(n)+8 > uint64(len(raw)) {
		return 0
	}
	return int(n) + 8
}

func entryGood(e []byte) bool {
	return crc32.Checksum(e[8:], crc32.MakeTable(crc32.Castagnoli)) == binary.LittleEndian.Uint32(e[4:])
}

// nextEntry is how far on the next good entry begins, 0 for nowhere.
func nextEntry(raw []byte) int {
	for i := 1; i < len(raw); i++ {
		if n := entryLen(raw[i:]); n > 0 && entryGood(raw[i:i+n]) {
			return i
		}
	}
	return 0
}

// readCommits replays groups.log.
func readCommits(path string) (commits, error) {
	raw, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	type key struct {
		group, topic string
		part         int
	}
	last := map[key]int64{}
	for len(raw) > 0 {
		n := entryLen(raw)
		if n == 0 {
			break
		}
		var e groupEntry
		if json.Unmarshal(raw[10:n], &e) == nil {
			switch k := (key{e.Group, e.Topic, e.Part}); e.Type {
			case "commit":
				last[k] = e.Offset
			case "delete":
				delete(last, k)
			}
		}
		raw = raw[n:]
	}
	out := commits{}
	for k, offset := range last {
		if out[k.topic] == nil {
			out[k.topic] = map[int]int64{}
		}
		out[k.topic][k.part] = max(out[k.topic][k.part], offset)
	}
	return out, nil
}

// wanted is the end that a partition must have: what was noted, or committed by a group. A commit far beyond the log is
// somebody's mistake and not believed.
func (b *Broker) wanted(topic string, part int, end int64, done commits) int64 {
	want := end
	if marks := b.marks.Topics[topic]; part < len(marks) {
		want = max(want, marks[part].End)
	}
	if c := done[topic][part]; c > want && c-want < math.MaxInt32 {
		want = c
	}
	return want
}

func readTopics(path string) (topics kfakeTopics, err error) {
	if err := readJSON(path, &topics); err != nil {
		return topics, err
	}
	if topics.Version > kfakeFormat {
		return topics, fmt.Errorf("%s was written by a newer program (format %d, this one knows %d)", filepath.Base(path), topics.Version, kfakeFormat)
	}
	return topics, nil
}

// readJSON leaves v as it is when there is no file.
func readJSON(path string, v any) error {
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw, v); err != nil {
		return fmt.Errorf("read %s: %w", filepath.Base(path), err)
	}
	return nil
}

func writeJSON(path string, v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return writeFile(path, raw)
}

// writeFile replaces a file so that after a power cut it is the old one or the new one.
func writeFile(path string, data []byte) error {
	tmp := path + ".tmp" // kfake removes what is left of these
	f, err := os.OpenFile(tmp, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(tmp, path)
	}
	if err != nil {
		os.Remove(tmp)
		return err
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
