package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"strconv"
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
	eventually(t, time.Minute, "the dead letter", func() error {
		if err := x.call("GET", "/dead", nil, &letters); err != nil {
			return err
		}
		if len(letters.Items) != 1 || letters.Items[0].Stage != "log" || letters.Items[0].Topic != "web" || letters.Items[0].Raw == "" {
			return fmt.Errorf("dead letters %+v", letters.Items)
		}
		return nil
	})
	if err := x.call("POST", "/dead/"+letters.Items[0].ID+"/replay", map[string]any{"raw": `{"type":"page.viewed"}`}, nil); err == nil || !strings.Contains(err.Error(), "cannot be replayed") {
		t.Errorf("a damaged batch was replayed: %v", err)
	}
	x.quiet(time.Minute, x.tables)
	if st, err := x.statusNow(); err != nil || st.Events["product.viewed"] != 20 {
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
	// A part that was merged into another of its table is not read any more: the one of the most merges stands for it.
	found, most := "", -1
	for _, part := range parts {
		dir := filepath.Dir(part)
		f := strings.Split(filepath.Base(dir), "_") // partition, first and last block, merges
		if text, err := os.ReadFile(part); err != nil || len(f) != 4 || !strings.Contains(string(text), column) || found != "" && filepath.Dir(found) != filepath.Dir(dir) {
			continue
		}
		if merges, err := strconv.Atoi(f[3]); err == nil && merges > most {
			found, most = dir, merges
		}
	}
	if found == "" {
		x.t.Fatalf("no part with the column %s among %d", column, len(parts))
	}
	return found
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
