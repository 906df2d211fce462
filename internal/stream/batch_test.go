package stream

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/compress"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/twmb/franz-go/pkg/kgo"
	"pgregory.net/rapid"
)

func never(t interface{ Fatalf(string, ...any) }) func(Partition, int64, []byte, error) {
	return func(p Partition, offset int64, _ []byte, err error) { t.Fatalf("unreadable at %d: %v", offset, err) }
}

// What is encoded here kafka-go reads, and what is read here is what was encoded.
func TestBatchRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		blob := rapid.OneOf(rapid.Just([]byte(nil)), rapid.SliceOfN(rapid.Byte(), 0, 200))
		var w batchWriter
		w.reset()
		var want []Record
		for range rapid.IntRange(1, 50).Draw(t, "n") {
			r := Record{Topic: "t", Partition: 3, Offset: 1000 + int64(len(want)), Key: blob.Draw(t, "key"), Value: blob.Draw(t, "value"),
				Time: time.UnixMilli(rapid.Int64Range(-1e12, 4e12).Draw(t, "time")).UTC()}
			w.add(r.Time.UnixMilli(), r.Key, r.Value)
			want = append(want, r)
		}
		raw := bytes.Clone(w.finish())
		if len(raw) > 4+batchHeader+len(want)*(recordOverhead+400) {
			t.Fatalf("%d bytes are more than the bound", len(raw))
		}
		var theirs protocol.RecordSet
		if _, err := theirs.ReadFrom(bytes.NewReader(raw)); err != nil {
			t.Fatal(err)
		}
		for i, r := range want {
			rec, err := theirs.Records.ReadRecord()
			if err != nil {
				t.Fatalf("kafka-go reads record %d: %v", i, err)
			}
			key, _ := protocol.ReadAll(rec.Key)
			value, _ := protocol.ReadAll(rec.Value)
			if !bytes.Equal(key, r.Key) || !bytes.Equal(value, r.Value) || rec.Time.UnixMilli() != r.Time.UnixMilli() {
				t.Fatalf("kafka-go reads %q=%q at %v, want %+v", key, value, rec.Time, r)
			}
		}
		set := raw[4:]
		binary.BigEndian.PutUint64(set, 1000) // the broker's part
		from := 1000 + int64(rapid.IntRange(0, len(want)).Draw(t, "from"))
		got, next, err := decodeBatches(nil, Partition{"t", 3}, set, from, nil, never(t))
		if err != nil || next != 1000+int64(len(want)) || len(got) != len(want)-int(from-1000) {
			t.Fatalf("%d records, next %d, %v", len(got), next, err)
		}
		for i, g := range got {
			r := want[from-1000+int64(i)]
			if g.Offset != r.Offset || g.Topic != r.Topic || g.Partition != r.Partition || !g.Time.Equal(r.Time) || !bytes.Equal(g.Key, r.Key) ||
				!bytes.Equal(g.Value, r.Value) || (g.Key == nil) != (r.Key == nil) || (g.Value == nil) != (r.Value == nil) {
				t.Fatalf("got %+v, want %+v", g, r)
			}
		}
		// A changed byte is an error, never a wrong record.
		at := rapid.IntRange(batchAttrs, len(set)-1).Draw(t, "at")
		set[at] ^= byte(rapid.IntRange(1, 255).Draw(t, "bit"))
		if got, _, err := decodeBatches(nil, Partition{"t", 3}, set, 0, nil, never(t)); err == nil || len(got) > 0 {
			t.Fatalf("byte %d was changed: %d records, %v", at, len(got), err)
		}
	})
}

func FuzzDecodeBatches(f *testing.F) {
	var w batchWriter
	w.reset()
	w.add(1, []byte("k"), []byte("v"))
	w.add(2, nil, nil)
	f.Add(bytes.Clone(w.finish()[4:]), false)
	f.Add(sealed(bytes.Clone(w.finish()[4:]), func(b []byte) { b[57] = 0x7f }), true)
	f.Fuzz(func(t *testing.T, set []byte, fix bool) {
		if fix && len(set) >= batchHeader { // get past the checksum
			set = sealed(set, func(b []byte) { b[16] = 2 })
		}
		recs, _, _ := decodeBatches(nil, Partition{}, set, 0, []aborted{{1, 0}}, func(Partition, int64, []byte, error) {})
		for _, r := range recs {
			_ = len(r.Key) + len(r.Value)
		}
	})
}

// sealed changes one batch and makes its checksum right again.
func sealed(b []byte, change func([]byte)) []byte {
	change(b)
	binary.BigEndian.PutUint32(b[8:], uint32(len(b)-12))
	binary.BigEndian.PutUint32(b[batchCRC:], crc32.Checksum(b[batchAttrs:], crc32.MakeTable(crc32.Castagnoli)))
	return b
}

// Anyone may write to the public topics: every compression is read, and what nobody can read stops nothing.
func TestForeignBatches(t *testing.T) {
	t.Parallel()
	type skipped struct {
		offset int64
		why    string
	}
	var bad []skipped
	c := openClient(t, Config{Brokers: []string{brokerAddr}, Prefix: newPrefix(), Topics: []TopicSpec{{Name: "t", Partitions: 1}},
		Unreadable: func(_ Partition, offset int64, raw []byte, err error) {
			bad = append(bad, skipped{offset, err.Error()})
		}})
	for _, codec := range []compress.Compression{compress.None, compress.Gzip, compress.Snappy, compress.Lz4, compress.Zstd} {
		res, err := c.kafka.Produce(t.Context(), &kafka.ProduceRequest{Topic: c.cfg.Prefix + "t", RequiredAcks: kafka.RequireAll, Compression: codec,
			Records: kafka.NewRecordReader(
				kafka.Record{Value: kafka.NewBytes([]byte(codec.String())), Headers: []kafka.Header{{Key: "h", Value: []byte("x")}}},
				kafka.Record{Value: kafka.NewBytes(bytes.Repeat([]byte("x"), 5000))})})
		if err != nil || res.Error != nil {
			t.Fatal(err, res)
		}
	}
	raw := func(attrs byte, body []byte) {
		t.Helper()
		var w batchWriter
		w.reset()
		w.add(1, nil, []byte("v"))
		b := w.finish()
		b = append(b[:4+batchHeader], body...)
		sealed(b[4:], func(b []byte) { b[batchAttrs+1] = attrs })
		binary.BigEndian.PutUint32(b, uint32(len(b)-4))
		res, err := c.kafka.RawProduce(t.Context(), &kafka.RawProduceRequest{Topic: c.cfg.Prefix + "t", RequiredAcks: kafka.RequireAll,
			RawRecords: protocol.RawRecordSet{Reader: bytes.NewReader(b)}})
		if err != nil || res.Error != nil {
			t.Fatal(err, res)
		}
	}
	if broker == nil { // Kafka refuses what follows, kfake does not look
		collect(t, c, "t", 0, 0, 10)
		return
	}
	raw(0, []byte{200, 200, 1, 0, 0})
	raw(byte(compress.Gzip), []byte("this is not gzip"))
	var bomb bytes.Buffer
	z := compress.Zstd.Codec().NewWriter(&bomb)
	zeros := make([]byte, 1<<20)
	for range maxPlain>>20 + 1 {
		z.Write(zeros)
	}
	z.Close()
	raw(byte(compress.Zstd), bomb.Bytes())
	mustAppend(t, c, records("t", 0, 1))

	got := collect(t, c, "t", 0, 0, 11)
	var names []string
	for i := 0; i < 10; i += 2 {
		names = append(names, string(got[i].Value))
		if len(got[i+1].Value) != 5000 {
			t.Errorf("%s: %d bytes", got[i].Value, len(got[i+1].Value))
		}
	}
	if s := strings.Join(names, " "); s != "uncompressed gzip snappy lz4 zstd" {
		t.Errorf("read %s", s)
	}
	if got[10].Offset != 13 {
		t.Errorf("the record behind the bad ones is at %d", got[10].Offset)
	}
	if len(bad) != 3 || bad[0].offset != 10 || !strings.Contains(bad[1].why, "decompress gzip") || !strings.Contains(bad[2].why, "more than") {
		t.Errorf("unreadable: %+v", bad)
	}
}

// Producers may use transactions: what they take back is not seen.
func TestTransactions(t *testing.T) {
	t.Parallel()
	c := testClient(t, TopicSpec{Name: "t", Partitions: 1})
	wire := c.cfg.Prefix + "t"
	p, err := kgo.NewClient(kgo.SeedBrokers(brokerAddr), kgo.TransactionalID(c.cfg.Prefix), kgo.DefaultProduceTopic(wire), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	write := func(value string, commit kgo.TransactionEndTry) {
		t.Helper()
		if err := p.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		if err := p.ProduceSync(t.Context(), kgo.StringRecord(value)).FirstErr(); err != nil {
			t.Fatal(err)
		}
		mustAppend(t, c, records("t", 0, 1)) // of another producer, in between
		if err := p.EndTransaction(t.Context(), commit); err != nil {
			t.Fatal(err)
		}
	}
	write("taken back", kgo.TryAbort)
	write("meant", kgo.TryCommit)
	write("taken back again", kgo.TryAbort)
	mustAppend(t, c, records("t", 9, 1))
	var values []string
	for _, r := range collect(t, c, "t", 0, 0, 5) {
		values = append(values, string(r.Value))
	}
	if s := strings.Join(values, ", "); s != "0, meant, 0, 0, 9" {
		t.Errorf("read %s", s)
	}
	if ends, err := c.Ends(t.Context(), "t"); err != nil || ends[0] != 10 {
		t.Errorf("end: %v %v", ends, err)
	}
}
