package embedded

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"math"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// A segment file (BASE.dat) is record batches as on the wire, one after the other; beside it BASE.idx has 15 bytes for
// each batch.
const (
	batchHeader  = 61
	batchCRC     = 17
	batchAttrs   = 21
	indexEntry   = 15
	transaction  = 0x10
	controlBatch = 0x20

	// fillerHeader marks a record that stands for offsets whose records are lost; internal/stream passes over it.
	fillerHeader = "filler"
)

// logSegment is a segment as the check found it.
type logSegment struct {
	path         string
	base         int64
	size         int64 // of the file
	first, end   int64 // offsets of its good batches; first == end: none
	epoch        int32 // of the last one
	firstTime    int64 // ms
	maxTime      int64
	transactions bool
	good         []span // where the good batches are
	torn         bool   // only the end is missing: a write that a crash cut off, never acknowledged
	damaged      bool
}

// span is bytes from, to of a file.
type span struct{ from, to int }

// logPartition is a partition's directory as the check found it.
type logPartition struct {
	topic    string
	part     int
	dir      string
	segments []logSegment
	err      error
}

// partDir is kfake's name for a partition's directory.
func partDir(topic string, part int) string { return fmt.Sprintf("%s-%d", url.PathEscape(topic), part) }

// checkAll reads all partitions, as many at a time as there are processors.
func checkAll(parts []*logPartition) {
	next := make(chan *logPartition)
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			var buf []byte
			for p := range next {
				buf, p.err = p.check(buf)
			}
		})
	}
	for _, p := range parts {
		next <- p
	}
	close(next)
	wg.Wait()
}

// check reads every segment. buf is used for the files and returned for the next call.
func (p *logPartition) check(buf []byte) ([]byte, error) {
	bases, err := segmentBases(p.dir)
	if err != nil {
		return buf, err
	}
	var end int64
	for i, base := range bases {
		s := logSegment{path: filepath.Join(p.dir, fmt.Sprintf("%d.dat", base)), base: base}
		if buf, err = readInto(s.path, buf); err != nil {
			return buf, err
		}
		s.check(buf, max(base, end), i == len(bases)-1)
		if s.first < s.end {
			end = s.end
		}
		p.segments = append(p.segments, s)
	}
	return buf, nil
}

// segmentBases lists the first offsets of a partition's segments, in order; nil when it has no directory.
func segmentBases(dir string) ([]int64, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var bases []int64
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), ".dat"); ok {
			if base, err := strconv.ParseInt(name, 10, 64); err == nil {
				bases = append(bases, base)
			}
		}
	}
	slices.Sort(bases)
	return bases, nil
}

// activeSegment is the base of the segment that is written to, -1 for none.
func activeSegment(dir string) int64 {
	bases, err := segmentBases(dir)
	if err != nil || len(bases) == 0 {
		return -1
	}
	return bases[len(bases)-1]
}

func readInto(path string, buf []byte) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return buf, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return buf, err
	}
	buf = slices.Grow(buf[:0], int(info.Size()))[:info.Size()]
	_, err = io.ReadFull(f, buf)
	return buf, err
}

// check finds the good batches in raw, none of which may begin before offset from.
func (s *logSegment) check(raw []byte, from int64, last bool) {
	s.size = int64(len(raw))
	s.first, s.end = from, from
	for pos := 0; pos < len(raw); {
		n := goodBatch(raw[pos:], s.end)
		if n == 0 {
			next := nextBatch(raw, pos, s.end)
			if next < 0 {
				if last && cutShort(raw[pos:]) {
					s.torn = true
				} else {
					s.damaged = true
				}
				return
			}
			s.damaged = true
			pos = next
			continue
		}
		s.take(raw[pos:pos+n], pos)
		pos += n
	}
}

// take notes a good batch at pos.
func (s *logSegment) take(batch []byte, pos int) {
	be := binary.BigEndian
	first := int64(be.Uint64(batch))
	if len(s.good) == 0 {
		s.first, s.firstTime = first, int64(be.Uint64(batch[27:]))
	}
	s.end = first + int64(be.Uint32(batch[23:])) + 1
	s.epoch = int32(be.Uint32(batch[12:]))
	s.maxTime = max(s.maxTime, int64(be.Uint64(batch[35:])))
	s.transactions = s.transactions || be.Uint16(batch[batchAttrs:])&transaction != 0
	if n := len(s.good); n > 0 && s.good[n-1].to == pos {
		s.good[n-1].to = pos + len(batch)
		return
	}
	s.good = append(s.good, span{pos, pos + len(batch)})
}

// goodBatch is the length of the batch at the front of raw, 0 if there is no whole one, its checksum is wrong or it
// begins before offset from.
func goodBatch(raw []byte, from int64) int {
	if len(raw) < batchHeader {
		return 0
	}
	be := binary.BigEndian
	n := int64(be.Uint32(raw[8:])) + 12
	if n < batchHeader || n > int64(len(raw)) || raw[16] != 2 {
		return 0
	}
	if first := int64(be.Uint64(raw)); first < from || int32(be.Uint32(raw[23:])) < 0 {
		return 0
	}
	if crc32.Checksum(raw[batchAttrs:n], crc32.MakeTable(crc32.Castagnoli)) != be.Uint32(raw[batchCRC:]) {
		return 0
	}
	return int(n)
}

// nextBatch finds the good batch that follows a bad one at pos: mostly where the bad one's length says, else anywhere.
func nextBatch(raw []byte, pos int, from int64) int {
	if len(raw)-pos >= 12 {
		next := int64(pos) + 12 + int64(binary.BigEndian.Uint32(raw[pos+8:]))
		if next < int64(len(raw)) && goodBatch(raw[next:], from) > 0 {
			return int(next)
		}
	}
	for i := pos + 1; i+batchHeader <= len(raw); i++ {
		// The cheap test first: an offset not far from the last one.
		if d := int64(binary.BigEndian.Uint64(raw[i:])) - from; d < 0 || d > math.MaxInt32 {
			continue
		}
		if goodBatch(raw[i:], from) > 0 {
			return i
		}
	}
	return -1
}

// cutShort says that raw looks like the front of a write that did not finish: a batch that is longer than what there is,
// or space that the file system gave and nobody wrote.
func cutShort(raw []byte) bool {
	zero := !slices.ContainsFunc(raw, func(c byte) bool { return c != 0 })
	if zero || len(raw) < 12 {
		return true
	}
	return int64(binary.BigEndian.Uint32(raw[8:]))+12 > int64(len(raw))
}
