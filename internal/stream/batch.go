package stream

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"time"

	"github.com/segmentio/kafka-go/compress"
)

// The record batch format, magic 2, is the only one read and written: brokers older than Kafka 0.11 are not supported.
const (
	batchHeader = 61 // bytes before the first record
	batchCRC    = 17 // where the checksum stands; it covers what follows it
	batchAttrs  = 21

	attrCompression   = 0x07
	attrLogAppendTime = 0x08
	attrTransactional = 0x10
	attrControl       = 0x20

	// fillerHeader marks a record that stands for offsets which the embedded broker lost.
	fillerHeader = "filler"

	// maxPlain is what a compressed batch may unfold to. A batch is at most 1 MB on the wire, records at most 512 KB.
	maxPlain = 64 << 20

	minRecord = 7 // bytes of a record without key, value and headers

	// recordOverhead bounds what a record takes beside its key and value: length, attributes, two deltas, two lengths,
	// the count of headers.
	recordOverhead = 5 + 1 + 10 + 5 + 5 + 5 + 1
)

// batchWriter encodes records into batches for one partition, after the 4 bytes that give the size in a produce request.
type batchWriter struct {
	buf   []byte
	first int64 // time of the first record, ms
	max   int64
	n     int
}

func (w *batchWriter) reset() {
	w.buf = append(w.buf[:0], make([]byte, 4+batchHeader)...)
	w.n = 0
}

func (w *batchWriter) add(ms int64, key, value []byte) {
	if w.n == 0 {
		w.first, w.max = ms, ms
	}
	w.max = max(w.max, ms)
	tsDelta, offDelta := ms-w.first, int64(w.n)
	size := 1 + varintLen(tsDelta) + varintLen(offDelta) + bytesLen(key) + bytesLen(value) + 1
	b := binary.AppendVarint(w.buf, int64(size))
	b = append(b, 0) // attributes
	b = binary.AppendVarint(b, tsDelta)
	b = binary.AppendVarint(b, offDelta)
	b = appendBytes(b, key)
	b = appendBytes(b, value)
	w.buf = append(b, 0) // no headers
	w.n++
}

// finish fills the header in and returns size and batch, valid until the next reset.
func (w *batchWriter) finish() []byte {
	be := binary.BigEndian
	be.PutUint32(w.buf, uint32(len(w.buf)-4))
	b := w.buf[4:]
	be.PutUint64(b[0:], 0) // base offset: the broker's
	be.PutUint32(b[8:], uint32(len(b)-12))
	be.PutUint32(b[12:], math.MaxUint32) // leader epoch: unknown
	b[16] = 2
	be.PutUint16(b[batchAttrs:], 0)
	be.PutUint32(b[23:], uint32(w.n-1))
	be.PutUint64(b[27:], uint64(w.first))
	be.PutUint64(b[35:], uint64(w.max))
	be.PutUint64(b[43:], math.MaxUint64) // no producer id, epoch, sequence
	be.PutUint16(b[51:], math.MaxUint16)
	be.PutUint32(b[53:], math.MaxUint32)
	be.PutUint32(b[57:], uint32(w.n))
	be.PutUint32(b[batchCRC:], crc32.Checksum(b[batchAttrs:], crc32.MakeTable(crc32.Castagnoli)))
	return w.buf
}

func varintLen(v int64) int {
	u := uint64(v<<1) ^ uint64(v>>63)
	n := 1
	for u >= 0x80 {
		u >>= 7
		n++
	}
	return n
}

func bytesLen(b []byte) int {
	if b == nil {
		return 1
	}
	return varintLen(int64(len(b))) + len(b)
}

func appendBytes(dst, b []byte) []byte {
	if b == nil {
		return append(dst, 1) // varint of -1
	}
	return append(binary.AppendVarint(dst, int64(len(b))), b...)
}

// aborted is a transaction whose records are not to be seen, as a fetch response lists it.
type aborted struct {
	producer int64
	first    int64
}

var errShort = errors.New("record batch is cut short")

// decodeBatches appends the records of a record set from offset from on, without fillers, control records and those of
// aborted transactions. Keys and values are slices of set. next is the offset to fetch after it: it passes over what was
// left out. A batch whose checksum holds and which still cannot be read (an unknown format, broken lengths, a
// decompression bomb) goes to bad and is passed over: its producer wrote it so, and reading it again would stop the flow
// for ever. An error means that the bytes changed on their way: fetch again.
func decodeBatches(dst []Record, p Partition, set []byte, from int64, lost []aborted,
	bad func(p Partition, offset int64, raw []byte, err error)) (recs []Record, next int64, err error) {
	recs, next = dst, from
	var active map[int64]bool
	for whole := 0; len(set) >= batchHeader; whole++ {
		base := int64(binary.BigEndian.Uint64(set))
		length := int(int32(binary.BigEndian.Uint32(set[8:])))
		if length < batchHeader-12 || 12+length > len(set) {
			if whole > 0 {
				break // a broker may cut the last one at the byte limit
			}
			return recs, next, fmt.Errorf("batch at offset %d: %w", base, errShort)
		}
		b := set[:12+length]
		set = set[12+length:]
		if b[16] == 2 && crc32.Checksum(b[batchAttrs:], crc32.MakeTable(crc32.Castagnoli)) != binary.BigEndian.Uint32(b[batchCRC:]) {
			return recs, next, fmt.Errorf("batch at offset %d: checksum does not match", base)
		}
		attrs := binary.BigEndian.Uint16(b[batchAttrs:])
		end := base + int64(int32(binary.BigEndian.Uint32(b[23:]))) + 1
		if b[16] != 2 { // an old message set: base is its last offset
			attrs, end = 0, base+1
		}
		skip := attrs&attrControl != 0
		if attrs&attrTransactional != 0 && len(lost) > 0 {
			active = markAborted(active, lost, end)
			producer := int64(binary.BigEndian.Uint64(b[43:]))
			if skip {
				delete(active, producer) // the marker ends the transaction
			}
			skip = skip || active[producer]
		}
		if !skip && end > from {
			held := len(recs)
			if recs, err = decodeBatch(recs, p, b, base, from, attrs); err != nil {
				recs = recs[:held]
				bad(p, base, b, err)
			}
		}
		next = max(next, end)
	}
	return recs, next, nil
}

// glance reads the headers of a record set: about how many records it has, and the offset after its last whole batch (from
// for an empty one).
func glance(set []byte, from int64) (records int, next int64) {
	next = from
	for len(set) >= batchHeader {
		length := int(int32(binary.BigEndian.Uint32(set[8:])))
		if length < batchHeader-12 || 12+length > len(set) {
			break
		}
		if set[16] == 2 {
			records += int(int32(binary.BigEndian.Uint32(set[57:])))
		}
		next = max(next, int64(binary.BigEndian.Uint64(set))+int64(int32(binary.BigEndian.Uint32(set[23:])))+1)
		set = set[12+length:]
	}
	return records, next
}

// markAborted puts the producers whose aborted transaction begins before end among the active ones. An entry is taken
// once: its first offset is set beyond every log.
func markAborted(active map[int64]bool, lost []aborted, end int64) map[int64]bool {
	if active == nil {
		active = map[int64]bool{}
	}
	for i := range lost {
		if lost[i].first < end {
			active[lost[i].producer] = true
			lost[i].first = math.MaxInt64
		}
	}
	return active
}

func decodeBatch(recs []Record, p Partition, b []byte, base, from int64, attrs uint16) ([]Record, error) {
	if b[16] != 2 {
		return recs, fmt.Errorf("message format %d is not supported", b[16])
	}
	first := int64(binary.BigEndian.Uint64(b[27:]))
	n := int(int32(binary.BigEndian.Uint32(b[57:])))
	body := b[batchHeader:]
	if c := compress.Compression(attrs & attrCompression); c != compress.None {
		codec := c.Codec()
		if codec == nil {
			return recs, fmt.Errorf("compression %d is not known", c)
		}
		r := codec.NewReader(bytes.NewReader(body))
		plain, err := io.ReadAll(io.LimitReader(r, maxPlain+1))
		r.Close()
		if err != nil {
			return recs, fmt.Errorf("decompress %s: %w", c, err)
		}
		if len(plain) > maxPlain {
			return recs, fmt.Errorf("decompress %s: more than %d bytes", c, maxPlain)
		}
		body = plain
	}
	if n < 0 || n > len(body) {
		return recs, errShort
	}
	var when time.Time
	if attrs&attrLogAppendTime != 0 {
		when = time.UnixMilli(int64(binary.BigEndian.Uint64(b[35:]))).UTC()
	}
	for range n {
		size, body2, ok := varint(body)
		if !ok || size < 0 || size > int64(len(body2)) {
			return recs, errShort
		}
		rec := body2[:size:size]
		body = body2[size:]
		r := Record{Topic: p.Topic, Partition: p.Partition, Time: when}
		ts, filler, err := decodeRecord(&r, rec)
		if err != nil {
			return recs, err
		}
		r.Offset += base
		if filler || r.Offset < from {
			continue
		}
		if when.IsZero() {
			r.Time = time.UnixMilli(first + ts).UTC()
		}
		recs = append(recs, r)
	}
	return recs, nil
}

// decodeRecord fills Offset (as a delta), Key and Value; it gives the time as a delta.
func decodeRecord(r *Record, b []byte) (ts int64, filler bool, err error) {
	if len(b) < 1 {
		return 0, false, errShort
	}
	b = b[1:] // attributes: none are defined
	var ok [4]bool
	ts, b, ok[0] = varint(b)
	r.Offset, b, ok[1] = varint(b)
	r.Key, b, ok[2] = sized(b)
	r.Value, b, ok[3] = sized(b)
	if ok != [4]bool{true, true, true, true} {
		return 0, false, errShort
	}
	headers, b, okay := varint(b)
	for ; okay && headers > 0; headers-- {
		var key []byte
		key, b, okay = sized(b)
		if okay {
			_, b, okay = sized(b)
		}
		filler = filler || string(key) == fillerHeader
	}
	if !okay {
		return 0, false, errShort
	}
	return ts, filler, nil
}

func varint(b []byte) (int64, []byte, bool) {
	if len(b) > 0 && b[0] < 0x80 {
		return int64(b[0]>>1) ^ -int64(b[0]&1), b[1:], true
	}
	v, n := binary.Varint(b)
	if n <= 0 {
		return 0, nil, false
	}
	return v, b[n:], true
}

// sized reads a length and that many bytes; a negative length is nil.
func sized(b []byte) ([]byte, []byte, bool) {
	n, b, ok := varint(b)
	if !ok || n > int64(len(b)) {
		return nil, nil, false
	}
	if n < 0 {
		return nil, b, true
	}
	return b[:n:n], b[n:], true
}
