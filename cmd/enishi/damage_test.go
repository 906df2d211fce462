package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
)

// foreignBatch is a record batch of one record whose checksum holds and whose payload, by its flag gzip, is none.
func foreignBatch() []byte {
	be := binary.BigEndian
	payload := []byte("this is not gzip")
	b := make([]byte, 61, 61+len(payload))
	b = append(b, payload...)
	be.PutUint32(b[8:], uint32(len(b)-12))
	be.PutUint32(b[12:], 0xffffffff) // leader epoch: unknown
	b[16] = 2                        // format
	be.PutUint16(b[21:], 1)          // gzip
	now := uint64(time.Now().UnixMilli())
	be.PutUint64(b[27:], now)
	be.PutUint64(b[35:], now)
	for i := 43; i < 57; i++ { // no producer id, epoch, sequence
		b[i] = 0xff
	}
	be.PutUint32(b[57:], 1)
	be.PutUint32(b[17:], crc32.Checksum(b[21:], crc32.MakeTable(crc32.Castagnoli)))
	return append(be.AppendUint32(nil, uint32(len(b))), b...)
}

// TestDamageIsTold gives the log a batch that nobody can read and the engine a broken part: both raise an alert, the batch
// becomes a dead letter, and what is whole goes on.
func TestDamageIsTold(t *testing.T) {
	if testing.Short() {
		t.Skip("starts real processes")
	}
	t.Parallel() // it waits more than it works
	x := openShop(t, t.TempDir(), 1)
	broker := &kafka.Client{Addr: kafka.TCP(x.kafka)}
	res, err := broker.RawProduce(t.Context(), &kafka.RawProduceRequest{Topic: "web", Partition: 0, RequiredAcks: kafka.RequireAll,
		RawRecords: protocol.RawRecordSet{Reader: bytes.NewReader(foreignBatch())}})
	if err != nil || res.Error != nil {
		t.Fatal(err, res)
	}
	if _, err := x.post(x.write, append(meeting(1, time.Now().UTC()), views(0, 20)...)); err != nil {
		t.Fatal(err)
	}
	x.told("log_unreadable")
	var letters struct {
		Items []struct{ ID, Stage, Code, Topic, Raw string }
	}
	if err := x.call("GET", "/dead", nil, &letters); err != nil {
		t.Fatal(err)
	}
	if len(letters.Items) != 1 || letters.Items[0].Stage != "log" || letters.Items[0].Topic != "web" || letters.Items[0].Raw == "" {
		t.Fatalf("dead letters %+v", letters.Items)
	}
	if err := x.call("POST", "/dead/"+letters.Items[0].ID+"/replay", map[string]any{"raw": `{"type":"page.viewed"}`}, nil); err == nil || !strings.Contains(err.Error(), "cannot be replayed") {
		t.Errorf("a damaged batch was replayed: %v", err)
	}
	x.quiet(time.Minute, x.tables)
	if st, err := x.status(); err != nil || st.Events["product.viewed"] != 20 {
		t.Errorf("%d views beside the damage, want 20 (%v)", st.Events["product.viewed"], err)
	}

	x.kill()
	if err := os.Truncate(filepath.Join(x.partOf("`appended_at`"), "data.bin"), 1); err != nil {
		t.Fatal(err)
	}
	x.launch()
	x.waitReady()
	x.told("parts_detached")
}

// partOf finds a part of the table that has a column.
func (x *shop) partOf(column string) string {
	x.t.Helper()
	parts, err := filepath.Glob(filepath.Join(x.dir, "engine", "store", "*", "*", "*_*_*_*", "columns.txt"))
	if err != nil {
		x.t.Fatal(err)
	}
	for _, part := range parts {
		if text, err := os.ReadFile(part); err == nil && strings.Contains(string(text), column) {
			return filepath.Dir(part)
		}
	}
	x.t.Fatalf("no part with the column %s among %d", column, len(parts))
	return ""
}

// told waits for an alert in both languages.
func (s *server) told(kind string) {
	s.t.Helper()
	eventually(s.t, 20*time.Second, "the alert "+kind, func() error {
		alerts, err := s.alerts()
		if err != nil {
			return err
		}
		if a := alerts[kind]; a.Text == "" || a.TextJA == "" {
			return fmt.Errorf("alerts %+v", alerts)
		}
		return nil
	})
}
