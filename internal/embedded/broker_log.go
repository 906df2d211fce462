package embedded

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// mend checks all that is on disk and repairs it. It returns the end that each partition must have once kfake is open.
func (b *Broker) mend() (map[string][]int64, error) {
	topics, done, err := b.readState()
	if err != nil {
		return nil, err
	}
	var parts []*logPartition
	for _, t := range topics.Topics {
		for p := range t.Partitions {
			parts = append(parts, &logPartition{topic: t.Name, part: p, dir: b.path(partsDir, partDir(t.Name, p))})
		}
	}
	checkAll(parts)
	want := map[string][]int64{}
	for _, p := range parts {
		if p.err != nil {
			return nil, p.err
		}
		end, err := b.mendPartition(p, done)
		if err != nil {
			return nil, fmt.Errorf("mend %s/%d: %w", p.topic, p.part, err)
		}
		want[p.topic] = append(want[p.topic], end)
	}
	return want, nil
}

// mendPartition repairs a partition's directory and returns where it ends then.
func (b *Broker) mendPartition(p *logPartition, done commits) (int64, error) {
	end := p.end()
	want := b.wanted(p.topic, p.part, end, done)
	var lost []string
	kept := p.segments[:0]
	for _, s := range p.segments {
		switch {
		case s.damaged:
			lost = append(lost, filepath.Base(s.path))
			if err := b.rewrite(&s); err != nil {
				return 0, err
			}
		case s.torn:
			if want > end { // then it was more than a write that nobody waits for
				if err := b.copyAside(s.path, filepath.Base(p.dir)); err != nil {
					return 0, err
				}
			}
			if err := truncate(s.path, s.whole()); err != nil {
				return 0, err
			}
			s.size = s.whole()
		}
		if s.size == 0 {
			os.Remove(s.path)
			os.Remove(indexPath(s.path))
			continue
		}
		kept = append(kept, s)
	}
	p.segments = kept
	if len(lost) > 0 {
		b.alert("log_damaged", fmt.Sprintf("%s/%d: bytes of %s were damaged, the batches that held them are lost; the files as they were are in %s",
			p.topic, p.part, strings.Join(lost, ", "), b.path(asideDir)))
	}
	if want > end {
		if err := b.pad(p, end, want); err != nil {
			return 0, err
		}
		b.alert("log_padded", fmt.Sprintf("%s/%d ended at %d, before the %d that was noted or committed: filler records stand for the rest; the files as they were are in %s",
			p.topic, p.part, end, want, b.path(asideDir)))
		end = want
	}
	start := end
	if len(p.segments) > 0 {
		start = p.segments[0].first
	}
	if marks := b.marks.Topics[p.topic]; p.part < len(marks) && marks[p.part].Start > start {
		start = min(marks[p.part].Start, end)
	}
	return end, b.writeSnapshot(p, start, end)
}

// end is the offset after the last good batch, 0 for a partition without any.
func (p *logPartition) end() (end int64) {
	for _, s := range p.segments {
		if s.first < s.end {
			end = s.end
		}
	}
	return end
}

// whole is the length of the good front of a segment.
func (s *logSegment) whole() int64 {
	if len(s.good) == 0 || s.good[0].from != 0 {
		return 0
	}
	return int64(s.good[0].to)
}

func indexPath(segment string) string { return strings.TrimSuffix(segment, ".dat") + ".idx" }

func truncate(path string, size int64) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Truncate(size); err != nil {
		return err
	}
	return f.Sync()
}

// rewrite copies a damaged segment aside and leaves its good batches.
func (b *Broker) rewrite(s *logSegment) error {
	if err := b.copyAside(s.path, filepath.Base(filepath.Dir(s.path))); err != nil {
		return err
	}
	raw, err := os.ReadFile(s.path)
	if err != nil {
		return err
	}
	var good []byte
	for _, sp := range s.good {
		good = append(good, raw[sp.from:sp.to]...)
	}
	if s.size = int64(len(good)); s.size == 0 {
		return nil // removed by the caller
	}
	if err := writeFile(indexPath(s.path), indexOf(good)); err != nil {
		return err
	}
	return writeFile(s.path, good)
}

// indexOf makes the index of good batches. kfake reads from it the epoch, always 0 with one broker, and whether a batch
// belongs to a transaction.
func indexOf(good []byte) (index []byte) {
	for len(good) > 0 {
		var e [indexEntry]byte
		e[0] = kfakeFormat
		binary.LittleEndian.PutUint32(e[2:], binary.BigEndian.Uint32(good[12:]))
		if attrs := binary.BigEndian.Uint16(good[batchAttrs:]); attrs&transaction != 0 && attrs&controlBatch == 0 {
			e[14] = 1
		}
		e[1] = byte(crc32.Checksum(e[2:], crc32.MakeTable(crc32.Castagnoli)))
		index = append(index, e[:]...)
		good = good[12+binary.BigEndian.Uint32(good[8:]):]
	}
	return index
}

// copyAside keeps a copy of a file, under the folder sub, in a folder of this start.
func (b *Broker) copyAside(path, sub string) error {
	dir := b.path(asideDir, b.opened.UTC().Format("20060102T150405.000000000"), sub)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(dir, filepath.Base(path)), raw)
}

// pad puts a segment behind the partition that takes its end to want: as few filler records as the format allows, each
// at the last of the offsets it stands for. A partition without any record begins with its filler.
func (b *Broker) pad(p *logPartition, end, want int64) error {
	for _, s := range p.segments {
		if err := b.linkAside(s.path, filepath.Base(p.dir)); err != nil {
			return err
		}
	}
	if len(p.segments) == 0 {
		end = want - 1
	}
	if err := os.MkdirAll(p.dir, 0o700); err != nil {
		return err
	}
	s := logSegment{path: filepath.Join(p.dir, fmt.Sprintf("%d.dat", end)), base: end}
	var raw []byte
	for at := end; at < want; {
		n := min(want-at, math.MaxInt32)
		raw = append(raw, fillerBatch(at, int32(n-1), b.cfg.Now())...)
		at += n
	}
	s.check(raw, end, true)
	if err := writeFile(indexPath(s.path), indexOf(raw)); err != nil {
		return err
	}
	if err := writeFile(s.path, raw); err != nil {
		return err
	}
	p.segments = append(p.segments, s)
	return nil
}

// linkAside keeps a file that is not going to be written to any more; across file systems it copies.
func (b *Broker) linkAside(path, sub string) error {
	dir := b.path(asideDir, b.opened.UTC().Format("20060102T150405.000000000"), sub)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	err := os.Link(path, filepath.Join(dir, filepath.Base(path)))
	if err == nil || errors.Is(err, fs.ErrExist) {
		return nil
	}
	return b.copyAside(path, sub)
}

// fillerBatch is a batch that covers the offsets from first to first+delta with one filler record, at the last.
func fillerBatch(first int64, delta int32, now time.Time) []byte {
	rec := []byte{0, 0} // attributes, time delta
	rec = binary.AppendVarint(rec, int64(delta))
	rec = binary.AppendVarint(rec, -1) // no key
	rec = binary.AppendVarint(rec, 0)  // empty value
	rec = binary.AppendVarint(rec, 1)  // one header
	rec = binary.AppendVarint(rec, int64(len(fillerHeader)))
	rec = append(rec, fillerHeader...)
	rec = binary.AppendVarint(rec, -1) // without a value
	b := binary.AppendVarint(make([]byte, batchHeader), int64(len(rec)))
	b = append(b, rec...)
	be := binary.BigEndian
	be.PutUint64(b, uint64(first))
	be.PutUint32(b[8:], uint32(len(b)-12))
	b[16] = 2
	be.PutUint32(b[23:], uint32(delta))
	be.PutUint64(b[27:], uint64(now.UnixMilli()))
	be.PutUint64(b[35:], uint64(now.UnixMilli()))
	be.PutUint64(b[43:], math.MaxUint64) // no producer
	be.PutUint16(b[51:], math.MaxUint16)
	be.PutUint32(b[53:], math.MaxUint32)
	be.PutUint32(b[57:], 1)
	be.PutUint32(b[batchCRC:], crc32.Checksum(b[batchAttrs:], crc32.MakeTable(crc32.Castagnoli)))
	return b
}

// partSnapshot is kfake's snapshot.json of a partition: what we write of it.
type partSnapshot struct {
	Version          int           `json:"version"`
	HighWatermark    int64         `json:"high_watermark"`
	LastStableOffset int64         `json:"last_stable_offset"`
	LogStartOffset   int64         `json:"log_start_offset"`
	Epoch            int32         `json:"epoch"`
	MaxTimestamp     int64         `json:"max_timestamp"`
	CreatedAt        time.Time     `json:"created_at"`
	Segments         []partSegment `json:"segments"`
}

type partSegment struct {
	Base int64 `json:"base_offset"`
	Size int64 `json:"size"`
}

// writeSnapshot gives kfake the snapshot that fits the segments. Without one it keeps all of a partition in memory while
// it opens, and forgets where the log was trimmed to. A partition with transactions is left to kfake, which has to find
// the ones that were open.
func (b *Broker) writeSnapshot(p *logPartition, start, end int64) error {
	path := filepath.Join(p.dir, "snapshot.json")
	if len(p.segments) == 0 {
		return nil
	}
	snap := partSnapshot{
		Version: kfakeFormat, HighWatermark: end, LastStableOffset: end, LogStartOffset: start,
		Epoch: p.segments[len(p.segments)-1].epoch, CreatedAt: time.UnixMilli(p.segments[0].firstTime).UTC(),
	}
	var old partSnapshot
	fits := readJSON(path, &old) == nil && old.Version == kfakeFormat && old.HighWatermark == end &&
		old.LogStartOffset >= start && len(old.Segments) == len(p.segments)
	for i, s := range p.segments {
		if s.transactions {
			return nil
		}
		snap.Segments = append(snap.Segments, partSegment{s.base, s.size})
		snap.MaxTimestamp = max(snap.MaxTimestamp, s.maxTime)
		fits = fits && old.Segments[i] == snap.Segments[i]
	}
	if fits {
		return nil // kfake's own, from a clean stop
	}
	return writeJSON(path, snap)
}
