package stream

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
)

// fetchRequest is a Fetch of many partitions of one leader. kafka-go's transport lets a message make its own exchange on
// the connection (protocol.RawExchanger), after it has chosen and opened the connection as for its own messages.
// https://kafka.apache.org/protocol#The_Messages_Fetch, versions 4 and 11.
type fetchRequest struct {
	leader  int32
	wait    time.Duration
	parts   []fetchPart
	version int16
	corr    int32
}

type fetchPart struct {
	lane
	offset   int64
	maxBytes int32
}

// fetched is the answer for one partition. set is a slice of the response.
type fetched struct {
	topic     string // wire name
	partition int32
	code      int16
	end       int64 // last stable offset: where a reader of committed records ends
	aborted   []aborted
	set       []byte
	records   int // in set, by its headers
}

type fetchResponse struct{ parts []fetched }

const (
	fetchV4  = 4
	fetchV11 = 11

	fetchWait     = time.Second // how long the broker holds a fetch that finds nothing
	fetchSlack    = 10 * time.Second
	fetchMaxBytes = 8 << 20
	fetchMinPart  = 1 << 20
	fetchMaxPart  = 4 << 20
	maxResponse   = 256 << 20 // beyond it the length is not believed
)

// ApiKey tells the transport which versions to negotiate.
func (r *fetchRequest) ApiKey() protocol.ApiKey { return protocol.Fetch }

// ApiKey makes the response a protocol.Message.
func (r *fetchResponse) ApiKey() protocol.ApiKey { return protocol.Fetch }

// Broker routes the request.
func (r *fetchRequest) Broker(protocol.Cluster) (protocol.Broker, error) {
	return protocol.Broker{ID: r.leader}, nil
}

// Required chooses the version; the exchange is always ours.
func (r *fetchRequest) Required(versions map[protocol.ApiKey]int16) bool {
	r.version = fetchV4
	if versions[protocol.Fetch] >= fetchV11 {
		r.version = fetchV11
	}
	return true
}

// RawExchange writes the request and reads its response.
func (r *fetchRequest) RawExchange(rw io.ReadWriter) (protocol.Message, error) {
	if _, err := rw.Write(r.encode()); err != nil {
		return nil, fmt.Errorf("write fetch: %w", err)
	}
	var size [4]byte
	if _, err := io.ReadFull(rw, size[:]); err != nil {
		return nil, fmt.Errorf("read fetch: %w", err)
	}
	n := binary.BigEndian.Uint32(size[:])
	if n > maxResponse {
		return nil, fmt.Errorf("read fetch: response of %d bytes", n)
	}
	buf := make([]byte, n)
	if _, err := io.ReadFull(rw, buf); err != nil {
		return nil, fmt.Errorf("read fetch: %w", err)
	}
	return r.decode(buf)
}

func (r *fetchRequest) encode() []byte {
	be := binary.BigEndian
	b := make([]byte, 4, 128+64*len(r.parts))
	b = be.AppendUint16(b, uint16(protocol.Fetch))
	b = be.AppendUint16(b, uint16(r.version))
	b = be.AppendUint32(b, uint32(r.corr))
	b = appendString(b, "enishi")
	b = be.AppendUint32(b, 0xffffffff) // not a replica
	b = be.AppendUint32(b, uint32(r.wait.Milliseconds()))
	b = be.AppendUint32(b, 1) // answer as soon as there is anything
	b = be.AppendUint32(b, fetchMaxBytes)
	b = append(b, 1) // read committed
	if r.version == fetchV11 {
		b = be.AppendUint32(b, 0)          // no session
		b = be.AppendUint32(b, 0xffffffff) // and none wanted
	}
	topics := 0
	for i, p := range r.parts {
		if i == 0 || p.topic != r.parts[i-1].topic {
			topics++
		}
	}
	b = be.AppendUint32(b, uint32(topics))
	for i := 0; i < len(r.parts); {
		n := i
		for n < len(r.parts) && r.parts[n].topic == r.parts[i].topic {
			n++
		}
		b = appendString(b, r.parts[i].wire)
		b = be.AppendUint32(b, uint32(n-i))
		for ; i < n; i++ {
			p := &r.parts[i]
			b = be.AppendUint32(b, uint32(p.partition))
			if r.version == fetchV11 {
				b = be.AppendUint32(b, 0xffffffff) // leader epoch: unknown
			}
			b = be.AppendUint64(b, uint64(p.offset))
			if r.version == fetchV11 {
				b = be.AppendUint64(b, 0xffffffffffffffff) // log start: for replicas
			}
			b = be.AppendUint32(b, uint32(p.maxBytes))
		}
	}
	if r.version == fetchV11 {
		b = be.AppendUint32(b, 0) // no forgotten topics
		b = appendString(b, "")   // no rack
	}
	be.PutUint32(b, uint32(len(b)-4))
	return b
}

func appendString(b []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint16(b, uint16(len(s))), s...)
}

func (r *fetchRequest) decode(buf []byte) (*fetchResponse, error) {
	d := wireReader{b: buf}
	if corr := d.int32(); corr != r.corr {
		return nil, fmt.Errorf("read fetch: answer to request %d, not %d", corr, r.corr)
	}
	d.int32() // throttle
	var code int16
	if r.version == fetchV11 {
		code = d.int16()
		d.int32() // session
	}
	res := &fetchResponse{parts: make([]fetched, 0, len(r.parts))}
	for topics := d.int32(); topics > 0 && !d.bad; topics-- {
		name := string(d.take(int(d.int16())))
		for parts := d.int32(); parts > 0 && !d.bad; parts-- {
			p := fetched{topic: name, partition: d.int32(), code: d.int16()}
			d.int64() // high watermark
			p.end = d.int64()
			if r.version == fetchV11 {
				d.int64() // log start
			}
			for n := d.int32(); n > 0 && !d.bad; n-- {
				p.aborted = append(p.aborted, aborted{d.int64(), d.int64()})
			}
			if r.version == fetchV11 {
				d.int32() // preferred replica: no rack was given
			}
			p.set = d.take(int(d.int32()))
			res.parts = append(res.parts, p)
		}
	}
	if d.bad {
		return nil, errors.New("read fetch: response is cut short")
	}
	if code != 0 {
		return nil, fmt.Errorf("fetch: %w", kafka.Error(code))
	}
	return res, nil
}

// wireReader reads big-endian fields; bad is set when there are too few bytes.
type wireReader struct {
	b   []byte
	bad bool
}

func (d *wireReader) take(n int) []byte {
	if n <= 0 {
		return nil
	}
	if n > len(d.b) {
		d.bad, d.b = true, nil
		return nil
	}
	b := d.b[:n:n]
	d.b = d.b[n:]
	return b
}

func (d *wireReader) int16() int16 {
	if b := d.take(2); b != nil {
		return int16(binary.BigEndian.Uint16(b))
	}
	return 0
}

func (d *wireReader) int32() int32 {
	if b := d.take(4); b != nil {
		return int32(binary.BigEndian.Uint32(b))
	}
	return 0
}

func (d *wireReader) int64() int64 {
	if b := d.take(8); b != nil {
		return int64(binary.BigEndian.Uint64(b))
	}
	return 0
}

// fetch makes one exchange with a leader.
func (c *Client) fetch(ctx context.Context, leader int32, parts []fetchPart) ([]fetched, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchWait+fetchSlack)
	defer cancel()
	req := &fetchRequest{leader: leader, wait: fetchWait, parts: parts, corr: c.requests.Add(1)}
	msg, err := c.transport.RoundTrip(ctx, c.kafka.Addr, req)
	if err != nil {
		return nil, err
	}
	return msg.(*fetchResponse).parts, nil
}
